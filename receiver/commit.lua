-- Commits a group of events at once. For each, in this order, so that an error half way never marks as stored what is
-- not: EXISTS seen, XADD, status forward, SET seen. A repeat only touches its key. If nobody drains, the same call
-- rings: it pushes the RQ job, so that a ring cannot die with the receiver.
--
-- KEYS: events, bell, RQ's list of the events queue, RQ's set of queues, RQ's list of the voice queue,
--       the doorbell's RQ job, oddities; then for each event: seen, message, RQ job of its call
-- ARGV: seen TTL (s), message TTL (s), bell TTL (ms), doorbell job id, number of its job's items, items;
--       then for each event: id, type, provider, account, event, status, time,
--       number of its flags, flags, call's deadline (ms, 0 if it is no call), call's job id,
--       number of its job's items, items
-- Returns for each event 1 (stored) or 0 (was already).
local rank = {%RANKS%}
local at = 0
local function take()
  at = at + 1
  return ARGV[at]
end
local function take_items()
  local items = {}
  for i = 1, tonumber(take()) do items[i] = take() end
  return items
end

local seen_ttl, message_ttl, bell_ttl = take(), take(), take()
local doorbell_id, doorbell = take(), take_items()
local outcomes, stored = {}, false

for key = 8, #KEYS, 3 do
  local id, kind, provider, account, event, status, time = take(), take(), take(), take(), take(), take(), take()
  local flags, deadline, call_id, call = take_items(), tonumber(take()), take(), take_items()
  local seen, message = KEYS[key], KEYS[key + 1]
  if redis.call('EXISTS', seen) == 1 then
    redis.call('EXPIRE', seen, seen_ttl)
    outcomes[#outcomes + 1] = 0
  else
    local fields = {'id', id, 'type', kind, 'provider', provider, 'account', account, 'event', event}
    local further = false
    if status ~= '' then
      local known = redis.call('HGET', message, 'status')
      further = rank[status] ~= nil and rank[status] > (known and rank[known] or 0)
      fields[#fields + 1] = 'advanced'
      fields[#fields + 1] = further and '1' or '0'
    end
    local entry = redis.call('XADD', KEYS[1], '*', unpack(fields))
    if further then redis.call('HSET', message, 'status', status, 'event', id, 'at', time) end
    if status ~= '' then redis.call('EXPIRE', message, message_ttl) end
    if deadline > 0 then
      -- The job dies at its deadline by the server's clock: a call that nobody took in time is not run later.
      redis.call('HSET', KEYS[key + 2], unpack(call))
      redis.call('PEXPIRE', KEYS[key + 2], deadline)
      redis.call('SADD', KEYS[4], KEYS[5])
      redis.call('RPUSH', KEYS[5], call_id)
    end
    for _, flag in ipairs(flags) do redis.call('HINCRBY', KEYS[7], provider .. ' ' .. flag, 1) end
    redis.call('SET', seen, entry, 'EX', seen_ttl)
    outcomes[#outcomes + 1] = 1
    stored = true
  end
end

if stored and redis.call('EXISTS', KEYS[2]) == 0 and redis.call('LLEN', KEYS[3]) == 0 then
  redis.call('SET', KEYS[2], 'rung', 'PX', bell_ttl)
  redis.call('HSET', KEYS[6], unpack(doorbell))
  redis.call('SADD', KEYS[4], KEYS[3])
  redis.call('RPUSH', KEYS[3], doorbell_id)
end
return outcomes

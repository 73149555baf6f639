-- Commits a group of events at once. For each, in this order, so that an error half way never marks as stored what is
-- not: EXISTS seen, XADD, status forward, SET seen. A repeat only touches its key. If nobody drains, the same call
-- rings: it pushes the RQ job, so that a ring cannot die with the receiver.
--
-- KEYS: events, bell, RQ's list of the events queue, RQ's set of queues, RQ's list of the voice queue, oddities;
--       what comes before an id in the keys of: seen, messages, RQ jobs (the keys of the events are made of these here:
--       as arguments they would cost more than the events); the turns of calls, what comes before an account in the keys
--       of their lines, RQ's set of the voice workers (ringing.lua, which comes before this); the doorbell's RQ job
-- ARGV: seen TTL (s), message TTL (s), bell TTL (ms), doorbell job id, number of its job's items, items;
--       then for each event: id, type, provider, account, event, status ('' if it has none, else also message id, time),
--       flags (one string, a comma after each), call's deadline (ms, 0 if it is no call, else also number of its job's
--       items, items)
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
local outcomes, stored, ringing = {}, false, false

while at < #ARGV do
  local id, kind, provider, account, event, status = take(), take(), take(), take(), take(), take()
  local message, time
  if status ~= '' then message, time = KEYS[8] .. provider .. ':' .. account .. ':' .. take(), take() end
  local flags, deadline, call = take(), tonumber(take()), nil
  if deadline > 0 then call = take_items() end
  local seen = KEYS[7] .. id
  if redis.call('EXISTS', seen) == 1 then
    redis.call('EXPIRE', seen, seen_ttl)
    outcomes[#outcomes + 1] = 0
  else
    local entry
    if message then
      local known = redis.call('HGET', message, 'status')
      local further = rank[status] ~= nil and rank[status] > (known and rank[known] or 0)
      entry = redis.call('XADD', KEYS[1], '*', 'id', id, 'type', kind, 'provider', provider, 'account', account,
        'event', event, 'advanced', further and '1' or '0')
      if further then redis.call('HSET', message, 'status', status, 'event', id, 'at', time) end
      redis.call('EXPIRE', message, message_ttl)
    else
      entry = redis.call('XADD', KEYS[1], '*', 'id', id, 'type', kind, 'provider', provider, 'account', account,
        'event', event)
    end
    if call then
      -- The job dies at its deadline by the server's clock: a call that nobody took in time is not run later.
      redis.call('HSET', KEYS[9] .. id, unpack(call))
      redis.call('PEXPIRE', KEYS[9] .. id, deadline)
      calls.wait(KEYS[10], KEYS[11], account, id, deadline)
      ringing = true
    end
    for flag in string.gmatch(flags, '([^,]+),') do redis.call('HINCRBY', KEYS[6], provider .. ' ' .. flag, 1) end
    redis.call('SET', seen, entry, 'EX', seen_ttl)
    outcomes[#outcomes + 1] = 1
    stored = true
  end
end

if ringing then
  redis.call('SADD', KEYS[4], KEYS[5])
  calls.move(KEYS[10], KEYS[11], KEYS[9], KEYS[5], KEYS[12])
end
if stored and redis.call('EXISTS', KEYS[2]) == 0 and redis.call('LLEN', KEYS[3]) == 0 then
  redis.call('SET', KEYS[2], 'rung', 'PX', bell_ttl)
  redis.call('HSET', KEYS[13], unpack(doorbell))
  -- Whoever hears it does not delete it: the next ring may have written it anew.
  redis.call('EXPIRE', KEYS[13], 86400)
  redis.call('SADD', KEYS[4], KEYS[3])
  redis.call('RPUSH', KEYS[3], doorbell_id)
end
return outcomes

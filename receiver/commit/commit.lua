-- Commits a group of events at once. For each, in this order, so that an error half way never marks as stored what is
-- not: EXISTS seen, XADD, status forward, SET seen. A repeat only touches its key. If nobody drains, the same call
-- rings: it pushes the RQ job, so that a ring cannot die with the receiver.
--
-- KEYS: events, bell, RQ's list of the events queue, RQ's set of queues, RQ's list of the voice queue, oddities;
--       what comes before an id in the keys of: seen, messages, RQ jobs (the keys of the events are made of these here:
--       as arguments they would cost more than the events); the turns of calls, what comes before an account in the keys
--       of their lines, RQ's set of the voice workers (ringing.lua, which comes before this); the doorbell's RQ job
-- ARGV: seen TTL (s), message TTL (s), bell TTL (ms), doorbell job id, its job; then for each event: id; type, provider
--       and account (in one, a space between); event; flags (in one, a comma after each); and what more it is: a
--       status, then message id, time; or 'call', then deadline (ms), its job; or '', then nothing.
--       So few because Redis works longer on three arguments than on one of their length. A job is one too: of each of
--       its items the length (4 bytes) and the item.
-- Returns for each event 1 (stored) or 0 (was already).
local rank = {%RANKS%}
local call, argv, events, seens, messages = redis.call, ARGV, KEYS[1], KEYS[7], KEYS[8]
local seen_ttl, message_ttl, bell_ttl, doorbell_id, doorbell = argv[1], tonumber(argv[2]), argv[3], argv[4], argv[5]
-- Reports of one message mostly follow each other soon. Its key lives somewhat longer than it must, so that only a
-- report that comes late in its life touches it: each touch is a line of the log.
local message_lives = message_ttl + math.ceil(message_ttl / 32)
local outcomes, stored, ringing = {}, false, false

local function items_of(job)
  local items, at = {}, 1
  while at <= #job do items[#items + 1], at = struct.unpack('>I4c0', job, at) end
  return items
end

local known_whose = {}
local function read_whose(text)
  local kind, provider, account = string.match(text, '^(%S+) (%S+) (.*)$')
  known_whose[text] = {kind, provider, account, messages .. provider .. ':' .. account .. ':'}
  return known_whose[text]
end

local at = 6
while at <= #argv do
  local id, text, event, flags, more = argv[at], argv[at + 1], argv[at + 2], argv[at + 3], argv[at + 4]
  local first, second = argv[at + 5], argv[at + 6]
  at = at + (more == '' and 5 or 7)
  local seen = seens .. id
  if call('EXISTS', seen) == 1 then
    call('EXPIRE', seen, seen_ttl)
    outcomes[#outcomes + 1] = 0
  else
    local whose = known_whose[text] or read_whose(text)
    local kind, provider, account = whose[1], whose[2], whose[3]
    local entry
    if more == '' or more == 'call' then
      entry = call('XADD', events, '*', 'id', id, 'type', kind, 'provider', provider, 'account', account,
        'event', event)
    else
      local message = whose[4] .. first
      local known = call('HGET', message, 'status')
      local further = (rank[more] or 0) > (rank[known] or 0)
      entry = call('XADD', events, '*', 'id', id, 'type', kind, 'provider', provider, 'account', account,
        'event', event, 'advanced', further and '1' or '0')
      if further then call('HSET', message, 'status', more, 'event', id, 'at', second) end
      if not known or call('PTTL', message) < message_ttl * 1000 then call('EXPIRE', message, message_lives) end
    end
    if more == 'call' then
      -- The job dies at its deadline by the server's clock: a call that nobody took in time is not run later.
      local deadline = tonumber(first)
      call('HSET', KEYS[9] .. id, unpack(items_of(second)))
      call('PEXPIRE', KEYS[9] .. id, deadline)
      calls.wait(KEYS[10], KEYS[11], account, id, deadline)
      ringing = true
    end
    if flags ~= '' then
      for flag in string.gmatch(flags, '([^,]+),') do call('HINCRBY', KEYS[6], provider .. ' ' .. flag, 1) end
    end
    call('SET', seen, entry, 'EX', seen_ttl)
    outcomes[#outcomes + 1] = 1
    stored = true
  end
end

if ringing then
  call('SADD', KEYS[4], KEYS[5])
  calls.move(KEYS[10], KEYS[11], KEYS[9], KEYS[5], KEYS[12])
end
if stored and call('EXISTS', KEYS[2]) == 0 and call('LLEN', KEYS[3]) == 0 then
  call('SET', KEYS[2], 'rung', 'PX', bell_ttl)
  call('HSET', KEYS[13], unpack(items_of(doorbell)))
  -- Whoever hears it does not delete it: the next ring may have written it anew.
  call('EXPIRE', KEYS[13], 86400)
  call('SADD', KEYS[4], KEYS[3])
  call('RPUSH', KEYS[3], doorbell_id)
end
return outcomes

-- Looks after the stream: trims what everyone of ours is done with, forgets consumers that are gone, and what a worker
-- noted of an entry that another one finished.
-- KEYS: events, ledger, suspects, the stream of due runs in workers' hands
-- ARGV: group, retention (ms), idle time after which an empty consumer is gone (ms), most entries to trim, since Redis
--       answers nobody meanwhile
-- Returns 1 if entries wait that no consumer has, and 1 if there may be more to trim.

local group
for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local one = map(flat)
  if one['name'] == ARGV[1] then group = one end
end
local stream = map(redis.call('XINFO', 'STREAM', KEYS[1]))
local delivered, generated = group['last-delivered-id'], stream['last-generated-id']

local now = redis.call('TIME')
local least = string.format('%d-0', now[1] * 1000 + math.floor(now[2] / 1000) - ARGV[2])
local ms, seq = parts(delivered)
local undelivered = string.format('%d-%d', ms, seq + 1)
if before(undelivered, least) then least = undelivered end
local pending = redis.call('XPENDING', KEYS[1], ARGV[1])
if pending[1] > 0 and before(pending[2], least) then least = pending[2] end
-- Whole nodes of the stream first; when there are none, what is left of the last one.
local more = redis.call('XTRIM', KEYS[1], 'MINID', '~', least, 'LIMIT', ARGV[4]) > 0
if not more then redis.call('XTRIM', KEYS[1], 'MINID', least) end

for _, events in ipairs({KEYS[1], KEYS[4]}) do
  for _, flat in ipairs(redis.call('XINFO', 'CONSUMERS', events, ARGV[1])) do
    local one = map(flat)
    if one['pending'] == 0 and one['idle'] > tonumber(ARGV[3]) then
      redis.call('XGROUP', 'DELCONSUMER', events, ARGV[1], one['name'])
    end
  end
end
for _, notes in ipairs({KEYS[2], KEYS[3]}) do
  for _, field in ipairs(redis.call('HRANDFIELD', notes, 64)) do
    local due, id = string.match(field, '^(d?u?e?:?)(%d+%-%d+)')
    local of = due == '' and KEYS[1] or KEYS[4]
    if not id or #redis.call('XPENDING', of, ARGV[1], id, id, 1) == 0 then redis.call('HDEL', notes, field) end
  end
end
return {before(delivered, generated) and 1 or 0, more and 1 or 0}

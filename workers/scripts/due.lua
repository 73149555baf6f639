-- Takes runs that are due: out of the sorted set, into the stream of what workers have in their hands, in one step.
-- KEYS: due, the stream. ARGV: group, worker, most runs to take, most bytes (and one run more)
-- `now`: by the server's clock (workers/scripts/lua.py puts it before this)
-- Returns what was taken, and in how many ms the next is due: 0 if there is more now, -1 if nothing waits
local PORTION = 16
local most, room, taken = tonumber(ARGV[3]), tonumber(ARGV[4]), 0

while taken < most and room > 0 do
  local ready = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', 0, math.min(PORTION, most - taken))
  if #ready == 0 then break end
  for _, record in ipairs(ready) do
    redis.call('XADD', KEYS[2], '*', 'record', record)
    room = room - #record
  end
  redis.call('ZREM', KEYS[1], unpack(ready))
  taken = taken + #ready
end

local next = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
local wait = #next == 0 and -1 or math.max(0, math.ceil(tonumber(next[2]) - now))
local reply = taken > 0 and redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', taken, 'STREAMS', KEYS[2], '>')
return {reply and reply[1][2] or {}, wait}

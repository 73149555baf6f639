-- Takes entries over that nobody works on: those that a worker has left, and those that one has died with.
-- KEYS: stream, ledger
-- ARGV: group, worker, least idle time of the latter (ms), most entries to take, the consumer that has the former,
--       'left' to take these, 'dead' to take the others, most bytes (and one entry more)
-- Returns of each, in the order of the stream: id, fields (false: trimmed), what the ledger has of it (or false)
local stream, ledger, group, worker, idle_ms = KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3]
local most, left, which, room = tonumber(ARGV[4]), ARGV[5], ARGV[6], tonumber(ARGV[7])

local ids = {}
for _, flat in ipairs(redis.call('XINFO', 'CONSUMERS', stream, group)) do
  local one = map(flat)
  local is_left = one['name'] == left
  if one['pending'] > 0 and is_left == (which == 'left') and #ids < most then
    local idle = is_left and 0 or idle_ms
    for _, held in ipairs(redis.call('XPENDING', stream, group, 'IDLE', idle, '-', '+', most - #ids, one['name'])) do
      table.insert(ids, held[1])
    end
  end
end
if #ids == 0 then return {} end
table.sort(ids, before)

local claim, taken = {'XCLAIM', stream, group, worker, 0}, {}
for _, id in ipairs(ids) do
  if room <= 0 then break end
  local entry = redis.call('XRANGE', stream, id, id)[1]
  for _, value in ipairs(entry and entry[2] or {}) do room = room - #value end
  table.insert(claim, id)
  table.insert(taken, {id, entry and entry[2] or false, redis.call('HGET', ledger, id)})
end
table.insert(claim, 'JUSTID')
redis.call(unpack(claim))
return taken

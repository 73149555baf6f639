-- Looks after the stream: forgets consumers that are gone, and what a worker noted of an entry that another one finished.
-- KEYS: events, ledger, suspects. ARGV: group, idle time after which an empty consumer is gone (ms)
-- Returns 1 if entries wait that no consumer has.
local function parts(id)
  local ms, seq = string.match(id, '(%d+)-(%d+)')
  return tonumber(ms), tonumber(seq)
end
local function before(a, b)
  local ams, aseq = parts(a)
  local bms, bseq = parts(b)
  return ams < bms or (ams == bms and aseq < bseq)
end
local function map(flat)
  local made = {}
  for i = 1, #flat, 2 do made[flat[i]] = flat[i + 1] end
  return made
end

local group
for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local one = map(flat)
  if one['name'] == ARGV[1] then group = one end
end
local stream = map(redis.call('XINFO', 'STREAM', KEYS[1]))
local delivered, generated = group['last-delivered-id'], stream['last-generated-id']

for _, flat in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local one = map(flat)
  if one['pending'] == 0 and one['idle'] > tonumber(ARGV[2]) then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], one['name'])
  end
end
for _, notes in ipairs({KEYS[2], KEYS[3]}) do
  for _, field in ipairs(redis.call('HRANDFIELD', notes, 64)) do
    local id = string.match(field, '^%S+')
    if #redis.call('XPENDING', KEYS[1], ARGV[1], id, id, 1) == 0 then redis.call('HDEL', notes, field) end
  end
end
return before(delivered, generated) and 1 or 0

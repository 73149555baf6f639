-- Trims the stream by a step: what is older than the retention and everyone of ours is done with. A step is bounded, since
-- Redis answers nobody meanwhile: whole nodes of the stream first, so many entries at most; when there are none, what
-- is left of the last one.
-- KEYS: events. ARGV: group, retention (ms), entries of a step
-- Returns 1 if there may be more.
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

local delivered
for _, flat in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local one = map(flat)
  if one['name'] == ARGV[1] then delivered = one['last-delivered-id'] end
end

local now = redis.call('TIME')
local least = string.format('%d-0', now[1] * 1000 + math.floor(now[2] / 1000) - ARGV[2])
local ms, seq = parts(delivered)
local undelivered = string.format('%d-%d', ms, seq + 1)
if before(undelivered, least) then least = undelivered end
local pending = redis.call('XPENDING', KEYS[1], ARGV[1])
if pending[1] > 0 and before(pending[2], least) then least = pending[2] end
if redis.call('XTRIM', KEYS[1], 'MINID', '~', least, 'LIMIT', ARGV[3]) > 0 then return 1 end
redis.call('XTRIM', KEYS[1], 'MINID', least)
return 0

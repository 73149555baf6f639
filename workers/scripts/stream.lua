-- What the workers' scripts have in common; workers/scripts/lua.py puts it before each.

-- A reply of names and values in turns, as a table.
local function map(flat)
  local made = {}
  for i = 1, #flat, 2 do made[flat[i]] = flat[i + 1] end
  return made
end

-- An entry's id, as its two numbers.
local function parts(id)
  local ms, seq = string.match(id, '(%d+)-(%d+)')
  return tonumber(ms), tonumber(seq)
end

-- Whether one entry came before another, by their ids.
local function before(a, b)
  local ams, aseq = parts(a)
  local bms, bseq = parts(b)
  return ams < bms or (ams == bms and aseq < bseq)
end

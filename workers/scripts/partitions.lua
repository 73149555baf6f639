-- Partitions: deals what the group has not had yet, each event to the consumer of its partition; then takes the next
-- partition in which something waits and on which nobody works. One call, so that nothing can come between.
--
-- KEYS: events, hands, then the lease of each partition, from 0
-- ARGV: group, worker, lease (ms; a claim is stale after as long), most entries to take, the partition to let go of or the last one (-1: none),
--       what to do with its mark in `hands`: 'clear' or 'keep'
-- Returns: the last id dealt, the partition (-1: none), 1 if a worker died with these entries in its hands,
--          1 if there is more to do at once, the entries
local events, hands, partitions = KEYS[1], KEYS[2], #KEYS - 2
local group, worker, lease_ms, most, last, mark = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
-- Redis does nothing else meanwhile: no more than so many events at once, nor than so many bytes and a portion more.
local DEALT_AT_ONCE = 256
local BYTES_AT_ONCE = 1024 * 1024
local PORTION = 8
local TAKEN_OVER_AT_ONCE = 16

local function consumer(partition) return 'partition-' .. partition .. '-of-' .. partitions end
local function lease(partition) return KEYS[3 + partition] end
local function mine(partition) return redis.call('GET', lease(partition)) == worker end

-- By the event's partition key; by the entry's id where there is none to be read.
local function partition_of(id, flat)
  local known, event = pcall(cjson.decode, map(flat)['event'] or '')
  local key = known and type(event) == 'table' and event['partitionkey'] or id
  return tonumber(string.sub(redis.sha1hex(tostring(key)), 1, 8), 16) % partitions
end

local function give(dealt, entry)
  local name = consumer(partition_of(entry[1], entry[2]))
  if not dealt[name] then dealt[name] = {'XCLAIM', events, group, name, 0} end
  table.insert(dealt[name], entry[1])
end

local function hand_out(dealt)
  for _, claim in pairs(dealt) do
    table.insert(claim, 'JUSTID')
    redis.call(unpack(claim))
  end
end

local function size_of(entry)
  local size = 0
  for _, value in ipairs(entry[2] or {}) do size = size + #value end
  return size
end

-- Reads as a consumer from an id on, a portion after the other; calls `each` with what it reads. Returns whether there
-- may be more.
local function read(name, from, most, each)
  local count, size, portion = 0, 0, nil
  repeat
    if count >= most or size >= BYTES_AT_ONCE then return true end
    local asked = math.min(PORTION, most - count)
    local reply = redis.call('XREADGROUP', 'GROUP', group, name, 'COUNT', asked, 'STREAMS', events, from)
    portion = reply and reply[1][2] or {}
    for _, entry in ipairs(portion) do
      each(entry)
      size = size + size_of(entry)
      if from ~= '>' then from = entry[1] end
    end
    count = count + #portion
  until #portion < asked
  return false
end

local function deal()
  local dealt = {}
  local more = read('dealer', '>', DEALT_AT_ONCE, function(entry) give(dealt, entry) end)
  hand_out(dealt)
  return more
end

-- What was claimed before there were partitions, or when there were as many others, and is not worked on any more.
local function take_over(from)
  local stale = redis.call('XPENDING', events, group, 'IDLE', lease_ms, '-', '+', TAKEN_OVER_AT_ONCE, from)
  local dealt = {}
  for _, pending in ipairs(stale) do
    local entry = redis.call('XRANGE', events, pending[1], pending[1])[1]
    if entry then give(dealt, entry) else redis.call('XACK', events, group, pending[1]) end
  end
  hand_out(dealt)
  return #stale
end

if last >= 0 and mine(last) then
  redis.call('DEL', lease(last))
  if mark == 'clear' then redis.call('HDEL', hands, last) end
end

local more = deal() and 1 or 0
local waiting = {}
for _, flat in ipairs(redis.call('XINFO', 'CONSUMERS', events, group)) do
  local one = map(flat)
  local partition, of = string.match(one['name'], '^partition%-(%d+)%-of%-(%d+)$')
  if tonumber(of) == partitions then
    waiting[tonumber(partition)] = one['pending'] > 0 or nil
  elseif one['pending'] > 0 and take_over(one['name']) > 0 then
    more = 1
  end
end
local delivered
for _, flat in ipairs(redis.call('XINFO', 'GROUPS', events)) do
  local one = map(flat)
  if one['name'] == group then delivered = one['last-delivered-id'] end
end

local taken, entries, orphaned = -1, {}, 0
for step = 1, partitions do
  local partition = (last + step) % partitions
  if waiting[partition] and taken >= 0 then
    if redis.call('EXISTS', lease(partition)) == 0 then more = 1 end
  elseif waiting[partition] and (mine(partition) or redis.call('EXISTS', lease(partition)) == 0) then
    -- One that is ours already was given to us in a reply that was lost.
    redis.call('SET', lease(partition), worker, 'PX', lease_ms)
    taken = partition
    -- A mark that is still there is that of a worker that died: what is not after it was in its hands.
    local marked = redis.call('HGET', hands, partition)
    read(consumer(partition), '0', most, function(entry)
      if marked and not before(marked, entry[1]) then
        orphaned = 1
        table.insert(entries, entry)
      elseif orphaned == 0 then
        table.insert(entries, entry)
      end
    end)
    if orphaned == 0 and #entries > 0 then redis.call('HSET', hands, partition, entries[#entries][1]) end
  end
end
return {delivered, taken, orphaned, more, entries}

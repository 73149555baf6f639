-- Takes entries over that are pending: what was left for others, or what nobody works on any more.
-- KEYS: events, ledger
-- ARGV: group, worker, the consumer to take from (empty: any but those that are named below), least idle time (ms),
--       most entries to take, consumers that are no workers
-- Returns of each, in the order of the stream: id, fields (false: trimmed), what the ledger has of it (or false)
local events, ledger, group, worker, from = KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3]
local idle_ms, most = ARGV[4], tonumber(ARGV[5])

local consumers = {from}
if from == '' then
  local no_worker = {}
  for i = 6, #ARGV do no_worker[ARGV[i]] = true end
  consumers = {}
  for _, flat in ipairs(redis.call('XINFO', 'CONSUMERS', events, group)) do
    local one = map(flat)
    if one['pending'] > 0 and not no_worker[one['name']] then table.insert(consumers, one['name']) end
  end
end

local ids = {}
for _, consumer in ipairs(consumers) do
  if #ids == most then break end
  for _, held in ipairs(redis.call('XPENDING', events, group, 'IDLE', idle_ms, '-', '+', most - #ids, consumer)) do
    table.insert(ids, held[1])
  end
end
if #ids == 0 then return {} end
table.sort(ids, before)

local claim = {'XCLAIM', events, group, worker, 0}
for _, id in ipairs(ids) do table.insert(claim, id) end
table.insert(claim, 'JUSTID')
redis.call(unpack(claim))

local taken = {}
for _, id in ipairs(ids) do
  local entry = redis.call('XRANGE', events, id, id)[1]
  table.insert(taken, {id, entry and entry[2] or false, redis.call('HGET', ledger, id)})
end
return taken

-- The quarantine: a stream of unusable requests, bounded in entries and in bytes, in which each account has a share.
-- An account may fill what no other needs. Past a limit the account that holds most loses its oldest request first.
--
-- The stream is the truth. Beside it stands what finds the oldest of an account: a sorted set an account, scored by the
-- entry's time, of `<entry id> <bytes> <digest>`, and a hash account -> bytes. An entry that was deleted by hand is
-- noticed when its turn comes to be evicted, or by `heal`.
--
-- KEYS: the stream; hash account -> bytes; hash account -> how many were evicted;
--       what comes before an account in the names of the sorted sets; what comes before a digest in those of the marks
-- ARGV: `keep`, mark's TTL (s), most entries, most bytes, digest, account, path, reason, method, headers, body, received
--         -> 1 (kept) or 0 (was already), and 1 if the stream and what is beside it differ
--       `remove`, 1 to forget the mark too, then for each: account, entry id, digest -> how many were there
--       `heal`, `-` or the last entry id that was seen -> that of this call, '' at the end
local stream, held, evictions = KEYS[1], KEYS[2], KEYS[3]
local MOST_EVICTED = 1000  -- in one call; the next goes on
local PAGE = 16
local OVERHEAD = 512  -- what an entry takes beside its fields: in the stream's nodes, its sorted set, its mark

local function set_of(account) return KEYS[4] .. account end
local function mark_of(digest) return KEYS[5] .. digest end

local function parts(member)
  local entry, size, digest = string.match(member, '^(%S+) (%d+) (%S*)$')
  return entry or member, tonumber(size or 0), digest or ''
end

-- Milliseconds and number of an entry id as one number, which a double holds exactly.
local function score_of(entry)
  local time, number = string.match(entry, '^(%d+)%-(%d+)$')
  return tonumber(time or 0) * 1000 + math.min(tonumber(number or 0), 999)
end

local function book(account, entry, size, digest)
  redis.call('ZADD', set_of(account), score_of(entry), entry .. ' ' .. size .. ' ' .. digest)
  redis.call('HINCRBY', held, account, size)
end

local function unbook(account, member)
  local _, size = parts(member)
  redis.call('ZREM', set_of(account), member)
  redis.call('HINCRBY', held, account, -size)
  if redis.call('EXISTS', set_of(account)) == 0 then redis.call('HDEL', held, account) end
end

local function booked(account, entry)
  local score = score_of(entry)
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', set_of(account), score, score)) do
    if parts(member) == entry then return member end
  end
end

local function forget_mark(digest, entry)
  -- The mark may be that of another entry, if this one's had run out before the request came again.
  if digest ~= '' and redis.call('GET', mark_of(digest)) == entry then redis.call('DEL', mark_of(digest)) end
end

local function evict_past(most_entries, most_bytes, adding)
  local shares, entries, bytes = {}, 0, 0
  local flat = redis.call('HGETALL', held)
  for i = 1, #flat, 2 do
    local share = {account = flat[i], bytes = tonumber(flat[i + 1]), entries = redis.call('ZCARD', set_of(flat[i]))}
    shares[#shares + 1] = share
    entries, bytes = entries + share.entries, bytes + share.bytes
  end
  for _ = 1, MOST_EVICTED do
    if entries <= most_entries and bytes <= most_bytes then break end
    local most, victim = 0, nil
    for _, share in ipairs(shares) do
      local is_adding = share.account == adding
      local part = math.max(share.entries / most_entries, share.bytes / most_bytes)
      if share.entries > (is_adding and 1 or 0) and (part > most or (part == most and is_adding)) then
        most, victim = part, share
      end
    end
    if victim == nil then break end
    local member = redis.call('ZRANGE', set_of(victim.account), 0, 0)[1]
    local entry, size, digest = parts(member)
    unbook(victim.account, member)
    victim.entries, victim.bytes = victim.entries - 1, victim.bytes - size
    entries, bytes = entries - 1, bytes - size
    if redis.call('XDEL', stream, entry) == 1 then
      redis.call('HINCRBY', evictions, victim.account, 1)
      forget_mark(digest, entry)
    end
  end
  return entries
end

local function keep(ttl, most_entries, most_bytes, digest, account, path, reason, method, headers, body, received)
  if redis.call('EXISTS', mark_of(digest)) == 1 then
    redis.call('EXPIRE', mark_of(digest), ttl)
    return {0, 0}
  end
  -- Stored before it is marked as seen, as in the commit, and before any other has to go.
  local entry = redis.call('XADD', stream, '*', 'path', path, 'reason', reason, 'method', method, 'headers', headers,
    'body', body, 'account', account, 'received', received)
  redis.call('SET', mark_of(digest), entry, 'EX', ttl)
  book(account, entry, OVERHEAD + #path + #reason + #method + #headers + #body, digest)
  local entries = evict_past(tonumber(most_entries), tonumber(most_bytes), account)
  return {1, redis.call('XLEN', stream) == entries and 0 or 1}
end

local function remove(with_mark, ...)
  local removed, named = 0, {...}
  for i = 1, #named, 3 do
    local account, entry, digest = named[i], named[i + 1], named[i + 2]
    removed = removed + redis.call('XDEL', stream, entry)
    local member = booked(account, entry)
    if member then unbook(account, member) end
    if with_mark == '1' then forget_mark(digest, entry) end
  end
  return removed
end

local function sum_up(account)
  local bytes = 0
  for _, member in ipairs(redis.call('ZRANGE', set_of(account), 0, -1)) do
    local _, size = parts(member)
    bytes = bytes + size
  end
  redis.call('HSET', held, account, bytes)
end

local function heal(from)
  if from == '-' then
    for _, account in ipairs(redis.call('HKEYS', held)) do sum_up(account) end
  end
  local page = redis.call('XRANGE', stream, from == '-' and '-' or '(' .. from, '+', 'COUNT', PAGE)
  local there, last = {}, nil
  for _, found in ipairs(page) do
    local account, size = '', OVERHEAD
    for i = 1, #found[2], 2 do
      local name, value = found[2][i], found[2][i + 1]
      if name == 'account' then account = value elseif name ~= 'received' then size = size + #value end
    end
    last = found[1]
    there[last] = true
    if not booked(account, last) then
      book(account, last, size, '')
    elseif redis.call('HEXISTS', held, account) == 0 then
      sum_up(account)
    end
  end
  if #page < PAGE then last = nil end
  local after, upto = from == '-' and '-inf' or string.format('(%.0f', score_of(from)), last and score_of(last) or '+inf'
  for _, account in ipairs(redis.call('HKEYS', held)) do
    for _, member in ipairs(redis.call('ZRANGEBYSCORE', set_of(account), after, upto)) do
      if not there[parts(member)] then unbook(account, member) end
    end
  end
  return last or ''
end

local what = {keep = keep, remove = remove, heal = heal}
return what[ARGV[1]](unpack(ARGV, 2))

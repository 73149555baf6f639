-- Ringing: the calls that no worker has taken yet. Each account's wait in a line of its own, and come in turn to the queue
-- that workers take from: one a worker, which is enough that none waits while a call does. So the flood of one account
-- holds up no other's calls: a call waits for the one that runs, and for one more.
--
-- Read by those who put calls in line (receiver) and those who take them (workers); put before scripts of theirs.

local calls = {}

-- The ids of calls that are over do not heap up where no worker takes them: a line expires with its longest call.
function calls.wait(turns, lines, account, id, deadline_ms)
  local line = lines .. account
  redis.call('RPUSH', line, id)
  redis.call('LTRIM', line, -4000, -1)
  if redis.call('PTTL', line) < deadline_ms then redis.call('PEXPIRE', line, deadline_ms) end
  redis.call('ZADD', turns, 'NX', 0, account)
end

-- `turns`: sorted set of accounts, by the number of the last turn that they had. `jobs`: what comes before an id in the
-- keys of RQ's jobs.
function calls.move(turns, lines, jobs, queue, workers)
  local room = math.max(1, redis.call('SCARD', workers))
  for _, id in ipairs(redis.call('LRANGE', queue, 0, -1)) do
    if redis.call('EXISTS', jobs .. id) == 1 then
      room = room - 1
    else
      redis.call('LREM', queue, 1, id)
    end
  end
  while room > 0 do
    local account = redis.call('ZRANGE', turns, 0, 0)[1]
    if not account then return end
    local id = redis.call('LPOP', lines .. account)
    if not id then
      redis.call('ZREM', turns, account)
    elseif redis.call('EXISTS', jobs .. id) == 1 then
      local last = redis.call('ZRANGE', turns, -1, -1, 'WITHSCORES')[2]
      redis.call('RPUSH', queue, id)
      redis.call('ZADD', turns, string.format('%.0f', last + 1), account)
      room = room - 1
    end
  end
end


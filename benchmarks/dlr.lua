-- wrk's script: the request that every contestant gets, each time with a fresh id. Arguments: what of the body comes
-- before the id's last ten digits, and what after them; then, if the load is to be steady, the requests a second.
-- Prints the outcome as JSON. What this costs counts, so that the head is made once and the length never changes.
local line, head, after
local made = 0

-- With a rate, wrk asks before each request how long it is to wait. All connections share one schedule: whichever is
-- free takes the next turn, at once where that is overdue. Each request says in its context when it was sent.
local function steady(rate)
  local ffi = require('ffi')
  ffi.cdef [[
    struct moment { long seconds; long nanoseconds; };
    int clock_gettime(int clock, struct moment *found);
  ]]
  local CLOCK_MONOTONIC = ffi.os == 'OSX' and 6 or 1
  local found = ffi.new('struct moment')
  local function now()
    ffi.C.clock_gettime(CLOCK_MONOTONIC, found)
    return tonumber(found.seconds) * 1e9 + tonumber(found.nanoseconds)
  end

  local pause = 1e9 / rate
  local turn
  function delay()
    local time = now()
    turn = turn and turn + pause or time
    return math.max(0, math.floor((turn - time) / 1e6))
  end
  function request()
    made = made + 1
    return string.format("%s&ctx.sent=%.0f%s%010d%s", line, now(), head, made, after)
  end
end

function init(arguments)
  local before = arguments[1]
  after = arguments[2]
  line = "PUT " .. wrk.path
  head = " HTTP/1.1\r\nHost: " .. wrk.headers["Host"]
    .. "\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: " .. (#before + 10 + #after)
    .. "\r\n\r\n" .. before
  if arguments[3] then
    steady(tonumber(arguments[3]))
  else
    head = line .. head
  end
end

function request()
  made = made + 1
  return head .. string.format("%010d", made) .. after
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '{"requests": %d, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, "refused": %d, "broken": %d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end

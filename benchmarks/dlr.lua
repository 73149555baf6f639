-- wrk's script: the request that every contestant gets, each time with a fresh id. Arguments: what of the body comes
-- before the id's last ten digits, and what after them. Prints the outcome as JSON.
-- What this costs counts, so that the head is made once and the length never changes.
local head, after
local made = 0

function init(arguments)
  local before = arguments[1]
  after = arguments[2]
  head = "PUT " .. wrk.path .. " HTTP/1.1\r\nHost: " .. wrk.headers["Host"]
    .. "\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: " .. (#before + 10 + #after)
    .. "\r\n\r\n" .. before
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

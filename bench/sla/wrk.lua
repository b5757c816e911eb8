-- One thread of wrk. Each request uses the next line of a file. Arguments after `--`: the file, the
-- kind of its lines ("cookie" or "body"), and the number of threads.

local threads = {}
local next_id = 0

function setup(thread)
  thread:set("id", next_id)
  next_id = next_id + 1
  table.insert(threads, thread)
end

-- All requests are formatted before the load begins, so that this takes no CPU time from the server.
local requests = {}
local count, at = 0, 0

function init(args)
  local file, kind, threads = args[1], args[2], tonumber(args[3])
  local head = "POST " .. wrk.path .. " HTTP/1.1\r\nHost: " .. wrk.headers["Host"] ..
    "\r\nContent-Type: application/json\r\nContent-Length: "
  local n = 0
  for line in io.lines(file) do
    -- Each thread takes its share of the lines, so no line is sent twice before all have been sent.
    if n % threads == id then
      count = count + 1
      if kind == "cookie" then
        requests[count] = wrk.format(nil, nil, { ["Cookie"] = line })
      else
        requests[count] = head .. #line .. "\r\n\r\n" .. line
      end
    end
    n = n + 1
  end
end

function request()
  at = at % count + 1
  return requests[at]
end

-- This function is called for each answer, so it is defined only if refusals are counted.
if os.getenv("COUNT_REFUSED") then
  refused = 0
  function response(status, headers)
    local after = headers["Retry-After"] or headers["retry-after"]
    if status == 503 and after then refused = refused + 1 end
  end
end

function done(summary, latency)
  local refused_in_all = 0
  for _, thread in ipairs(threads) do
    refused_in_all = refused_in_all + (thread:get("refused") or 0)
  end
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.timeout
  io.write(string.format(
    '\nRESULT {"seconds":%f,"answers":%d,"statusErrors":%d,"refused":%d,"failed":%d,' ..
    '"latencyMs":{"p50":%f,"p90":%f,"p99":%f,"p999":%f,"max":%f}}\n',
    summary.duration / 1e6, summary.requests, errors.status, refused_in_all, failed,
    latency:percentile(50) / 1e3, latency:percentile(90) / 1e3, latency:percentile(99) / 1e3,
    latency:percentile(99.9) / 1e3, latency.max / 1e3))
end

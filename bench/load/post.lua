-- SPDX-License-Identifier: Apache-2.0
-- wrk script: one fixed POST, described by files named in the environment; prints one line of JSON when done.
local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

wrk.method = "POST"
wrk.body = read(os.getenv("BENCH_BODY"))
for name, value in string.gmatch(read(os.getenv("BENCH_HEADERS")), "([^:\n]+): ([^\n]*)") do
  wrk.headers[name] = value
end

function done(summary, latency, _)
  local errors = summary.errors
  local profile = {}
  for percentile in string.gmatch(os.getenv("BENCH_PERCENTILES"), "[%d.]+") do
    profile[#profile + 1] = string.format("[%s,%d]", percentile, latency:percentile(tonumber(percentile)))
  end
  io.write(string.format(
    '\n{"requests":%d,"seconds":%.6f,"failed":%d,"maxMicros":%d,"profile":[%s]}\n',
    summary.requests, summary.duration / 1e6,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout,
    latency.max, table.concat(profile, ",")))
end

-- SPDX-License-Identifier: Apache-2.0
-- wrk script: one POST, described by files named in the environment; prints one line of JSON when done. With BENCH_UNIQUE
-- the last number of the body is another one in every request: a whole number, so that it is another FP32 value too.
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

if (os.getenv("BENCH_UNIQUE") == "1") then
  local before, after = string.match(wrk.body, "^(.*[,%[])[%d.eE+-]+(%D*)$")
  local count
  function init()
    count = os.time() % 400 * 10000 + lane % 4 * 4000000 -- windows on one server do not repeat each other, nor do threads
  end
  function request()
    count = (count + 1) % 16000000
    return wrk.format(nil, nil, nil, string.format("%s%8d%s", before, count, after))
  end
end

local lanes = 0
function setup(thread)
  thread:set("lane", lanes)
  lanes = lanes + 1
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

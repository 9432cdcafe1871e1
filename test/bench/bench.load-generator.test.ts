// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { openLoop, RequestFiles } from "../../bench/load/load.js";
import { parseOptions } from "../../bench/options.js";

const request = {
  path: "/",
  headers: { "content-type": "text/plain" },
  body: Buffer.from("x"),
  expected: new Float32Array(),
};

async function underLoad(answer: RequestListener, rate: number) {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  const files = new RequestFiles(request);
  try {
    return await openLoop(new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`), files, rate, 1);
  } finally {
    files.dispose();
    server.closeAllConnections();
    server.close();
  }
}

test("unknown workloads and windows of no length are refused by name", () => {
  assert.throws(() => parseOptions(["--only", "tiny-jason"]), /--only: expected .*tiny-json.* got 'tiny-jason'/);
  assert.throws(() => parseOptions(["--duration", "0"]), /--duration: expected a whole number >= 1, got '0'/);
});

test("replies other than 200 count as failed and give no latency", async () => {
  const result = await underLoad((_request, response) => {
    response.statusCode = 503;
    response.end("full");
  }, 50);
  assert.deepEqual([result.requests, result.failed], [0, 50]);
});

test("the open loop charges a stall to every request that was due meanwhile", async () => {
  const stallMs = 400;
  let stalled = 0;
  const result = await underLoad((_request, response) => {
    // The first request blocks the whole server once; the others are quick.
    if (stalled++ === 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, stallMs);
    response.end("ok");
  }, 100);
  assert.deepEqual([result.requests, result.failed], [100, 0]);
  // 40 of the 100 requests were due during the stall, so a quarter of all waited at least 0.15 s.
  const p75 = result.profile.find(([percentile]) => percentile === 75)?.[1] ?? 0;
  assert.ok(p75 >= 150_000, `p75 is ${p75} µs`);
  assert.ok(result.maxMicros >= stallMs * 1000, `max is ${result.maxMicros} µs`);
});

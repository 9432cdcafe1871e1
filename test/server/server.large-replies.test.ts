// SPDX-License-Identifier: Apache-2.0
// A reply of 50 MB for a client that reads slowly or not at all costs its own size once, not once per try.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { OrtServer } from "../../src/server/index.js";
import { RawClient, until } from "./raw-http.js";
import { layoutOf, startRealServer } from "./real-server.js";

const values = 12_500_000; // 50 MB of FP32
const replyBytes = values * 4;
const lastValue = Buffer.from(Float32Array.of(0.5).buffer);
let server: OrtServer;

before(async () => {
  server = await startRealServer(layoutOf("big_output"), { timeoutMs: 120_000 });
});
after(() => server.close());

const request = JSON.stringify({
  inputs: [
    { name: "x", shape: [1, 1], datatype: "FP32", data: [0.5] },
    { name: "repeat", shape: [1], datatype: "INT64", data: [values] },
  ],
  parameters: { binary_data_output: true },
});

/** Sends the request and reads no more than the kernel takes in by itself. */
async function askAndPause(): Promise<RawClient> {
  const client = new RawClient(server.port);
  await client.request("POST", "/v2/models/big_output/infer", request);
  client.socket.pause();
  return client;
}

test("a client that leaves in the middle of the reply frees it", async () => {
  const client = await askAndPause();
  await until(() => server.inFlight === 1);
  client.destroy();
  await until(() => server.inFlight === 0);
});

/** Reads the whole reply, a piece per turn of the event loop; the most memory that was resident meanwhile. */
async function readSlowly(client: RawClient): Promise<number> {
  let received = 0;
  let worst = 0;
  let tail: Buffer = Buffer.alloc(0);
  client.socket.removeAllListeners("data");
  client.socket.on("data", (chunk: Buffer) => {
    received += chunk.length;
    tail = chunk;
    worst = Math.max(worst, process.memoryUsage.rss());
    client.socket.pause();
    setImmediate(() => client.socket.resume());
  });
  client.socket.resume();
  await until(() => received >= replyBytes && tail.subarray(-4).equals(lastValue));
  client.destroy();
  return worst;
}

test("slow readers get every byte while memory stays bounded and others are served", async () => {
  // The first time ONNX Runtime and the buffer pool take the memory that they keep for next time.
  const url = `${server.url}/v2/models/big_output/infer`;
  const whole = await fetch(url, { method: "POST", body: request });
  assert.ok((await whole.arrayBuffer()).byteLength > replyBytes);
  const before = process.memoryUsage.rss();
  const readers = 3;
  const clients = await Promise.all(Array.from({ length: readers }, askAndPause));
  await until(() => server.inFlight === readers);
  assert.equal((await fetch(`${server.url}/v2/health/live`)).status, 200);
  const worst = Math.max(...(await Promise.all(clients.map(readSlowly))));
  await until(() => server.inFlight === 0);
  // The replies, what two runs at once give, and room for the noise of a garbage-collected process; copies that pile up, try by try, would
  // show.
  const most = (readers + 2 + 1.5) * replyBytes;
  assert.ok(worst - before < most, `memory grew by ${Math.round((worst - before) / 1e6)} MB`);
});

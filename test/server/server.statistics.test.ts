// SPDX-License-Identifier: Apache-2.0
// What an operator sees of batching and of the queue, over HTTP.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { OrtServer } from "../../src/server/index.js";
import { RawClient } from "./raw-http.js";
import { startRealServer } from "./real-server.js";

let server: OrtServer;

before(async () => {
  const waiting = "instances: 1\ninline_micros: 0\nmax_batch_rows: 2\nmax_delay_ms: 30000\n";
  server = await startRealServer({
    pairs: { versions: { 1: "rowsum" }, config: waiting },
    left: { versions: { 1: "rowsum" }, config: `${waiting}queue: { max_rows: 3 }\n` },
    failing: { versions: { 1: "failing" }, config: waiting },
    cheap: { versions: { 1: "mlp_tiny" }, config: "inline_micros: 1000000\n" },
  });
});

after(() => server.close());

async function predict(model: string, ...rows: number[][]): Promise<number> {
  const body = JSON.stringify({ instances: rows });
  const response = await fetch(`${server.url}/predict/${model}`, { method: "POST", body });
  await response.text();
  return response.status;
}

// biome-ignore lint/suspicious/noExplicitAny: whatever the server answers
async function stats(model: string): Promise<any> {
  const answer = (await (await fetch(`${server.url}/v2/models/${model}/stats`)).json()) as { model_stats: unknown[] };
  return answer.model_stats[0];
}

async function until(done: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await done())) await new Promise((resolve) => setImmediate(resolve));
}

test("a request that the queue cannot hold, and one whose client has gone, are counted and never run", async () => {
  const leaving = new RawClient(server.port);
  await leaving.request("POST", "/predict/left", '{"instances": [[1, 2]]}');
  await until(async () => (await stats("left")).queue_stats.rows === 1);
  assert.equal(await predict("left", [1, 2], [3, 4], [5, 6]), 503);
  leaving.destroy();
  await until(() => server.inFlight === 0);
  assert.deepEqual(await Promise.all([predict("left", [1, 2]), predict("left", [3, 4])]), [200, 200]);
  const { queue_stats, execution_count, inference_count } = await stats("left");
  assert.deepEqual(queue_stats, {
    rows: 0,
    delayed: 0,
    cancelled: 1,
    expired: 0,
    refused_full: 1,
    refused_deadline: 0,
  });
  assert.deepEqual([execution_count, inference_count], [1, 2]);
});

test("a request that fails in company is run again by itself, and so are the others", async () => {
  const statuses = await Promise.all([predict("failing", [0]), predict("failing", [99])]);
  assert.deepEqual(statuses, [200, 400]);
  const { batching_stats, inference_stats } = await stats("failing");
  assert.equal(batching_stats.isolated, 2);
  assert.deepEqual([inference_stats.success.count, inference_stats.fail.count], [1, 1]);
});

test("every batch says what ended it", async () => {
  await Promise.all([1, 2, 3, 4, 5, 6].map((value) => predict("pairs", [value, value])));
  const { batching_stats, batch_stats, copied_bytes } = await stats("pairs");
  assert.deepEqual(batching_stats, {
    cuts: { full: 3, share: 0, preferred: 0, delay: 0, deadline: 0, shape: 0, instance_free: 0 },
    ran_inline: 0,
    isolated: 0,
    padded_rows: 0,
  });
  assert.deepEqual([batch_stats[0].batch_size, batch_stats[0].compute_infer.count], [2, 3]);
  assert.ok(Number.isInteger(copied_bytes.in) && copied_bytes.in >= 6 * 8, `${copied_bytes.in}`);
  assert.equal(copied_bytes.out, 0, "JSON is written where it leaves from");
});

test("what runs on the thread that reads it is no batch of a queue", async () => {
  assert.equal(await predict("cheap", [1, 2, 3, 4]), 200);
  const { ran_inline, cuts } = (await stats("cheap")).batching_stats;
  assert.deepEqual([ran_inline, Object.values<number>(cuts)], [1, [0, 0, 0, 0, 0, 0, 0]]);
});

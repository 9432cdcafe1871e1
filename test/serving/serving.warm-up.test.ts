// SPDX-License-Identifier: Apache-2.0
// Warm-up: what runs before a model takes requests, and a sample that the model refuses.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { LiveServer } from "../server/live-server.js";

let live: LiveServer;
before(async () => {
  live = await LiveServer.start({ m: { versions: { 1: "mlp_tiny" } } });
});
after(() => live?.close());

async function loadWith(yaml: string) {
  live.configure("m", yaml);
  return live.load("m");
}
const executed = () => live.repository.models.find("m", "").model.stats().requests;

for (const [what, yaml, message] of [
  [
    "a sample of another shape",
    "warmup: {requests: [{instances: [[1, 2]]}]}",
    /'warmup\.requests\.0': the model refuses it: /,
  ],
  ["a sample with an unknown input", "warmup: {requests: [{inputs: {z: [[1]]}}]}", /refuses it: .*'z'/],
  ["a file that is not there", "warmup: {requests: [none.json]}", /cannot read .*m\/none\.json/],
  ["a number", "warmup: {requests: [7]}", /'warmup\.requests\.0': expected the body of a request, or the path/],
  ["a count below zero", "warmup: {count: -1}", /'warmup\.count': expected number to be >=0, got -1/],
] as const) {
  test(`${what} is refused, and what was loaded goes on serving`, async () => {
    const refused = await loadWith(yaml);
    assert.equal(refused.status, 500);
    assert.match(refused.json.error, message);
    assert.equal((await live.get("/v2/models/m/ready")).status, 200);
  });
}

for (const [what, yaml, count] of [
  ["nothing", "max_delay_ms: 0", 0],
  ["no runs", "warmup: {count: 0}", 0],
  ["a count", "warmup: {count: 3}", 3],
  ["rows", "warmup: {requests: [{instances: [[1, 2, 3, 4]]}]}", 1],
  ["a file, twice", "warmup: {count: 2, requests: [sample.json]}", 2],
  [
    "tensors, with data and without",
    "warmup: {requests: [{inputs: [{name: x, datatype: FP32, shape: [1, 4], data: [1, 2, 3, 4]}]}, {inputs: [{name: x, datatype: FP32, shape: [2, 4]}]}]}",
    2,
  ],
] as const) {
  test(`${what} makes ${count} runs before the model is ready`, async () => {
    writeFileSync(join(live.root, "m/sample.json"), '{"instances": [[4, 3, 2, 1]]}');
    const { status, json } = await loadWith(`${yaml}\n`);
    assert.equal(status, 200, json.error);
    assert.equal(executed(), count);
  });
}

test("Triton's model_warmup runs, too", async () => {
  const config = {
    max_batch_size: 4,
    model_warmup: [
      { name: "w", batch_size: 2, count: 3, inputs: { x: { data_type: "TYPE_FP32", dims: [4], zero_data: true } } },
    ],
  };
  assert.equal((await live.load("m", { config: JSON.stringify(config) })).status, 200);
  assert.equal(executed(), 3);
});

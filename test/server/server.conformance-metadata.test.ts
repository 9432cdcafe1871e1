// SPDX-License-Identifier: Apache-2.0
// The Open Inference Protocol: server and model metadata, readiness, statistics.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { OrtServer } from "../../src/server/index.js";
import { infer as inferOn, input, numericTypes, row, startConformanceServer } from "./conformance.js";
import type { Json } from "./open-inference-body.js";

let server: OrtServer;

before(async () => {
  server = await startConformanceServer();
});
after(() => server.close());

const infer = (body: Json, headers: Record<string, string> = {}, model = "simple") =>
  inferOn(server, body, headers, model);

const get = async (path: string) => {
  const response = await fetch(`${server.url}${path}`);
  assert.equal(response.headers.get("content-type"), "application/json");
  return { status: response.status, json: (await response.json()) as Json };
};

for (const path of ["/v2", "/v2/"]) {
  test(`${path} names the server and what it can do`, async () => {
    const { json } = await get(path);
    assert.equal(json.name, "ortserve");
    assert.match(json.version, /^\d+\.\d+\.\d+/);
    for (const extension of ["binary_tensor_data", "statistics"]) assert.ok(json.extensions.includes(extension));
  });
}

test("live and ready say so in JSON", async () => {
  assert.deepEqual(await get("/v2/health/live"), { status: 200, json: { live: true } });
  assert.deepEqual(await get("/v2/health/ready"), { status: 200, json: { live: true, ready: true } });
  assert.deepEqual((await get("/v2/models/simple/ready")).json, { name: "simple", ready: true });
});

test("a batched model has a leading -1, versions are strings", async () => {
  const { json } = await get("/v2/models/simple");
  assert.deepEqual(json.inputs[0], { name: "INPUT0", datatype: "INT32", shape: [-1, 16] });
  assert.deepEqual(json.versions, ["1"]);
  assert.equal((await get("/v2/models/simple/versions/1")).status, 200);
});

test("dims are those of the graph, nothing is added", async () => {
  const { json } = await get("/v2/models/ident_fp32");
  assert.deepEqual(json.inputs, [{ name: "INPUT0", datatype: "FP32", shape: [-1] }]);
});

test("query strings are ignored, names are percent-decoded", async () => {
  assert.equal((await get("/v2/models/simple?x=1")).status, 200);
  assert.equal((await get("/v2/models/%73imple")).json.name, "simple");
});

const stats = async () => ((await (await fetch(`${server.url}/v2/models/simple/stats`)).json()) as Json).model_stats[0];

test("statistics count requests and rows, in nanoseconds, with every key that clients read", async () => {
  const before = await stats();
  const two = (name: string) => input(name, { shape: [2, 16], data: [...row, ...row] });
  for (let i = 0; i < 5; i++) await infer({ inputs: [two("INPUT0"), two("INPUT1")] });
  const now = await stats();
  assert.equal(now.inference_count - before.inference_count, 10);
  assert.equal(now.inference_stats.success.count - before.inference_stats.success.count, 5);
  assert.equal(now.inference_stats.queue.count - before.inference_stats.queue.count, 5);
  assert.ok(now.last_inference > 1.6e12);
  assert.match(now.version, /^\d+$/);
  for (const key of "success fail queue compute_input compute_infer compute_output cache_hit cache_miss".split(" ")) {
    const { count, ns } = now.inference_stats[key];
    assert.ok(Number.isInteger(count) && Number.isInteger(ns) && count >= 0 && ns >= 0, key);
  }
});

test("statistics of all models list all models", async () => {
  const { model_stats } = (await (await fetch(`${server.url}/v2/models/stats`)).json()) as Json;
  assert.equal(model_stats.length, numericTypes.length + 2);
});

// SPDX-License-Identifier: Apache-2.0
// The model configuration extension: what is in effect for a loaded model, as Triton's ModelConfig.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { OrtServer } from "../../src/server/index.js";
import type { Json } from "./open-inference-body.js";
import { startRealServer } from "./real-server.js";

const policies = `
max_request_rows: 32
max_delay_ms: 1.5
preferred_batch_rows: [4, 8]
preserve_ordering: true
instances: 2
cache: true
priority: { levels: 3, default: 2 }
queue: { max_rows: 100, timeout_ms: 20, on_timeout: delay }
session_options: { session.graph_optimization_level: enable_basic }
`;

let server: OrtServer;

before(async () => {
  server = await startRealServer({
    simple: { versions: { 1: "simple" }, config: "max_request_rows: 8\n" },
    tuned: { versions: { 1: "simple", 3: "simple" }, config: policies },
    newest: { versions: { 1: "simple", 3: "simple" }, config: "versions: { latest: 1 }\n" },
    chosen: { versions: { 1: "simple", 3: "simple" }, config: "versions: [1, 3]\n" },
    found: { versions: { 1: "mlp_tiny" } },
    optional: { versions: { 1: "optional_input" } },
  });
});
after(() => server.close());

const get = async (path: string): Promise<Json> => (await fetch(`${server.url}/v2/models/${path}/config`)).json();

test("dims leave out the batch, which max_batch_size bounds", async () => {
  const config = await get("simple");
  assert.equal(config.name, "simple");
  assert.equal(config.max_batch_size, 8);
  const input = { data_type: "TYPE_INT32", dims: [16], format: "FORMAT_NONE", is_shape_tensor: false, optional: false };
  for (const [i, name] of ["INPUT0", "INPUT1"].entries()) {
    const found = config.input[i];
    for (const [key, value] of Object.entries({ name, ...input })) assert.deepEqual(found[key], value, key);
  }
  for (const [i, name] of ["OUTPUT0", "OUTPUT1"].entries()) {
    const { data_type, dims, label_filename, is_shape_tensor } = config.output[i];
    assert.equal(config.output[i].name, name);
    assert.deepEqual([data_type, dims, label_filename, is_shape_tensor], ["TYPE_INT32", [16], "", false]);
  }
});

test("every field that clients read is there", async () => {
  const config = await get("simple/versions/1");
  assert.deepEqual([config.platform, config.backend], ["onnxruntime_onnx", "onnxruntime"]);
  assert.deepEqual(config.version_policy, { all: {} });
  assert.equal(config.default_model_filename, "model.onnx");
  assert.deepEqual(config.model_transaction_policy, { decoupled: false });
  assert.deepEqual(config.response_cache, { enable: false });
  assert.equal(config.instance_group[0].kind, "KIND_CPU");
  assert.ok(config.instance_group[0].count >= 1);
  for (const key of ["sequence_batching", "ensemble_scheduling"]) assert.equal(key in config, false, key);
});

test("what was configured is what it says", async () => {
  const config = await get("tuned");
  assert.equal(config.max_batch_size, 32);
  assert.deepEqual(config.dynamic_batching, {
    preferred_batch_size: [4, 8],
    max_queue_delay_microseconds: 1500,
    preserve_ordering: true,
    priority_levels: 3,
    default_priority_level: 2,
    default_queue_policy: {
      timeout_action: "DELAY",
      default_timeout_microseconds: 20_000,
      allow_timeout_override: true,
      max_queue_size: 100,
    },
    priority_queue_policy: {},
  });
  assert.equal(config.instance_group[0].count, 2);
  assert.deepEqual(config.response_cache, { enable: true });
  assert.deepEqual(config.parameters["session.graph_optimization_level"], { string_value: "enable_basic" });
  assert.deepEqual(config.parameters.intra_op_thread_count, { string_value: "1" });
});

test("the version policy is the one that is configured", async () => {
  assert.deepEqual((await get("tuned")).version_policy, { all: {} });
  assert.deepEqual((await get("newest")).version_policy, { latest: { num_versions: 1 } });
  assert.deepEqual((await get("chosen")).version_policy, { specific: { versions: [1, 3] } });
});

test("what was left open is what was found out", async () => {
  const config = await get("found");
  assert.ok(config.max_batch_size >= 1);
  assert.ok("dynamic_batching" in config);
  assert.equal((await get("optional")).input.filter(({ optional }: Json) => optional).length, 1);
});

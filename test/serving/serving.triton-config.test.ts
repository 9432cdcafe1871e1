// SPDX-License-Identifier: Apache-2.0
// A Triton config.pbtxt, or ModelConfig in JSON, for an ONNX model: what it becomes, what is refused, what is noted.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { parseTextFormat } from "../../src/serving/triton/text-format.js";
import { readTritonConfig } from "../../src/serving/triton/triton-config.js";
import { LiveServer } from "../server/live-server.js";

const read = (text: string) => readTritonConfig(parseTextFormat(text, "config.pbtxt"), "config.pbtxt");

for (const [what, text, message] of [
  [
    "a misspelt field",
    "max_batch_sizes: 4",
    /line 1: unknown field 'max_batch_sizes', did you mean 'max_batch_size'\?/,
  ],
  [
    "a misspelt inner field",
    "\ndynamic_batching { preferred_batch: 4 }",
    /line 2: unknown field 'dynamic_batching\.pre/,
  ],
  ["an unknown field", "zzz: 1", /unknown field 'zzz'; known: name, platform/],
  ["text for a number", 'max_batch_size: "4"', /'max_batch_size': expected a whole number, got 4/],
  ["a fraction", "max_batch_size: 1.5", /expected a whole number, got 1\.5/],
  ["a negative batch size", "max_batch_size: -1", /expected a number of rows, got -1/],
  [
    "a negative number of warm-ups",
    'model_warmup [ { name: "w" count: -1 } ]',
    /'model_warmup\.0\.count': expected a whole number of at least 0, got -1/,
  ],
  [
    "a negative warm-up batch",
    "model_warmup { batch_size: -2 }",
    /'model_warmup\.0\.batch_size': expected .* at least 0, got -2/,
  ],
  [
    "a negative number of instances",
    "instance_group { count: -3 }",
    /'instance_group\.0\.count': expected .* at least 0, got -3/,
  ],
  ["a number for text", "name: 7", /'name': expected text in quotes, got 7/],
  ["a value for a message", "dynamic_batching: 4", /'dynamic_batching': expected a message, got 4/],
  ["a message for a value", "name { }", /'name': expected text in quotes, got a message/],
  ["a field twice", 'name: "a"\nname: "b"', /line 2: 'name': expected one value, got 2/],
  ["an entry without a key", 'parameters { value { string_value: "1" } }', /expected an entry with key and value/],
  ["another platform", 'platform: "tensorrt_plan"', /'platform': expected onnxruntime_onnx, got tensorrt_plan/],
  ["another backend", 'backend: "python"', /'backend': expected onnxruntime, got python/],
  ["sequence batching", "sequence_batching { }", /'sequence_batching' is not supported/],
  ["an ensemble", "ensemble_scheduling { step [ { model_name: 'a' } ] }", /'ensemble_scheduling' is not supported/],
  ["a decoupled model", "model_transaction_policy { decoupled: true }", /decoupled': expected false/],
  ["an input without a name", "input { dims: 4 }", /'input': expected a name/],
  [
    "a reshape to another size",
    'input { name: "x" dims: 4 reshape { shape: [2, 3] } }',
    /a reshape of as many elements/,
  ],
  [
    "threads that are no number",
    'parameters { key: "intra_op_thread_count" value { string_value: "two" } }',
    /got two/,
  ],
  [
    "a wrong timeout action",
    "dynamic_batching { default_queue_policy { timeout_action: WAIT } }",
    /'queue\.on_timeout'/,
  ],
] as const) {
  test(`${what} is refused`, () => {
    assert.throws(
      () => read(text),
      (error: Error & { code: string }) => {
        assert.equal(error.code, "ERR_INVALID_CONFIG");
        assert.ok(error.message.startsWith("config.pbtxt: "), error.message);
        assert.match(error.message, message);
        return true;
      },
    );
  });
}

test("the fields that apply become the configuration", () => {
  const { config, notes, checks } = read(`
    name: "digits" platform: "onnxruntime_onnx" max_batch_size: 16
    input [ { name: "x" data_type: TYPE_FP32 dims: [ 28, 28 ] } ]
    output [ { name: "y" data_type: TYPE_STRING dims: 10 label_filename: "labels.txt" } ]
    version_policy { specific { versions: [1, 3] } }
    default_model_filename: "net.onnx"
    dynamic_batching {
      preferred_batch_size: [4, 8] max_queue_delay_microseconds: 1500 preserve_ordering: true
      priority_levels: 3 default_priority_level: 2
      default_queue_policy { timeout_action: DELAY default_timeout_microseconds: 20000 max_queue_size: 9 }
    }
    instance_group [ { count: 2 kind: KIND_CPU } ]
    response_cache { enable: true }
    optimization { graph { level: 1 } }
    parameters { key: "intra_op_thread_count" value { string_value: "2" } }
    parameters { key: "enable_mem_arena" value { string_value: "0" } }
  `);
  assert.deepEqual(config, {
    name: "digits",
    max_request_rows: 16,
    max_batch_rows: 16,
    labels: "labels.txt",
    versions: ["1", "3"],
    model_file: "net.onnx",
    preferred_batch_rows: [4, 8],
    max_delay_ms: 1.5,
    preserve_ordering: true,
    priority: { levels: 3, default: 2 },
    queue: { max_rows: 9, timeout_ms: 20, on_timeout: "delay" },
    instances: 2,
    cache: true,
    intra_op_threads: 2,
    session_options: { "session.graph_optimization_level": "enable_extended", "session.enable_cpu_mem_arena": "0" },
  });
  assert.deepEqual(
    checks.map(({ kind, name, datatype, shape }) => [kind, name, datatype, shape]),
    [
      ["input", "x", "FP32", [-1, 28, 28]],
      ["output", "y", "BYTES", [-1, 10]],
    ],
  );
  assert.deepEqual(notes, ["config.pbtxt: 'max_queue_size' counts rows here, not requests"]);
});

test("GPUs and accelerators become providers, in Triton's order", () => {
  const { config, notes } = read(`
    instance_group { kind: KIND_GPU count: 1 gpus: [1, 2] }
    optimization { execution_accelerators {
      gpu_execution_accelerator [ { name: "tensorrt"
        parameters { key: "precision_mode" value: "FP16" } parameters { key: "minimum_segment_size" value: "3" } } ]
      cpu_execution_accelerator [ { name: "openvino" } ] } }
    parameters { key: "gpu_mem_limit" value { string_value: "1000" } }
  `);
  assert.deepEqual(config.providers, [
    { name: "tensorrt", options: { trt_fp16_enable: "1", trt_int8_enable: "0" } },
    { name: "cuda", options: { device_id: "1", gpu_mem_limit: "1000" } },
    { name: "cpu", options: {} },
  ]);
  assert.deepEqual(
    notes.map((note) => note.replace("config.pbtxt: ", "")),
    [
      "'instance_group.gpus': a model runs on one device here, on 1",
      "'cpu_execution_accelerator' openvino is not in this build",
      "the parameter 'minimum_segment_size' of 'gpu_execution_accelerator' tensorrt has no effect here",
    ],
  );
});

test("parameters named as members of every object are parameters that nobody knows", () => {
  const { config, notes } = read(`
    optimization { execution_accelerators { gpu_execution_accelerator [ { name: "tensorrt"
      parameters { key: "constructor" value: "1" } } ] } }
    parameters { key: "constructor" value { string_value: "1" } }
    parameters { key: "toString" value { string_value: "1" } }
  `);
  assert.equal(config.session_options, undefined);
  assert.deepEqual(config.providers?.[0], { name: "tensorrt", options: {} });
  assert.equal(notes.filter((note) => /'(constructor|toString)' .*has no effect here/.test(note)).length, 3);
});

test("options of ONNX Runtime have the names by which the core knows them", async () => {
  const live = await LiveServer.start({ m: { versions: { 1: "mlp_tiny" } } });
  const config = {
    optimization: { graph: { level: 1 } },
    parameters: { enable_mem_arena: { string_value: "0" }, enable_mem_pattern: { string_value: "0" } },
  };
  const { status, json } = await live.load("m", { config: JSON.stringify(config) });
  assert.equal(status, 200, json.error);
  await live.close();
});

test("CUDA graphs are asked of the first accelerator", () => {
  const providers = (text: string) => read(`instance_group { kind: KIND_GPU } ${text}`).config.providers;
  const graphs = "cuda { graphs: true graph_spec { batch_size: 4 } }";
  assert.deepEqual(providers(`optimization { ${graphs} }`)?.[0], {
    name: "cuda",
    options: { device_id: "0", enable_cuda_graph: "1" },
  });
  const accelerated = `optimization { ${graphs} execution_accelerators { gpu_execution_accelerator { name: "tensorrt" } } }`;
  assert.deepEqual(providers(accelerated)?.[0], { name: "tensorrt", options: { trt_cuda_graph_enable: "1" } });
  assert.deepEqual(
    read(`optimization { ${graphs} }`).notes.map((note) => note.replace("config.pbtxt: ", "")),
    [
      "'optimization.cuda.graph_spec' has no effect here",
      "'optimization.cuda.graphs' has no effect on a model that does not run on a GPU",
    ],
  );
});

test("without a policy the latest version is served, and without dynamic_batching nothing waits", () => {
  assert.deepEqual(read("").config, { versions: { latest: 1 } });
  assert.deepEqual(read("version_policy { latest { num_versions: 2 } }").config, { versions: { latest: 2 } });
  assert.deepEqual(read("version_policy: { all { } }").config, { versions: "all" });
  assert.deepEqual(read("max_batch_size: 0").config, { versions: { latest: 1 }, batching: "whole" });
});

test("what has no counterpart is noted, field by field", () => {
  const { notes } = read(`
    runtime: "x" metric_tags { key: "a" value: "b" } model_metrics { } cc_model_filenames { key: "7.5" value: "m" }
    optimization { priority: PRIORITY_MAX cuda { graphs: true } eager_batching: true input_pinned_memory { enable: true } }
    instance_group { kind: KIND_MODEL host_policy: "p" profile: "q" passive: true rate_limiter { priority: 1 } }
    input { name: "x" format: FORMAT_NCHW allow_ragged_batch: true dims: [1] reshape { shape: [] } }
    parameters { key: "color" value { string_value: "red" } }
    dynamic_batching { priority_queue_policy { key: 1 value { max_queue_size: 2 } } }
  `);
  const about = notes.join("\n");
  for (const word of [
    "runtime",
    "metric_tags",
    "model_metrics",
    "cc_model_filenames",
    "priority",
    "cuda",
    "eager_batching",
    "input_pinned_memory",
    "KIND_MODEL",
    "host_policy",
    "profile",
    "passive",
    "rate_limiter",
    "format",
    "allow_ragged_batch",
    "reshape",
    "color",
    "priority_queue_policy",
  ]) {
    assert.match(about, new RegExp(`'?${word}`), word);
  }
});

test("JSON says the same as text", () => {
  const fromJson = readTritonConfig(
    {
      max_batch_size: "4",
      dynamic_batching: { preferred_batch_size: [2] },
      instance_group: [{ kind: "KIND_CPU", count: 3 }],
      parameters: { intra_op_thread_count: { string_value: "1" } },
    },
    "config.pbtxt",
  );
  const fromText = read(`max_batch_size: 4 dynamic_batching { preferred_batch_size: 2 }
    instance_group { kind: KIND_CPU count: 3 } parameters { key: "intra_op_thread_count" value { string_value: "1" } }`);
  assert.deepEqual(fromJson, fromText);
  assert.throws(
    () => readTritonConfig({ max_batch_size: true }, "c"),
    /c: 'max_batch_size': expected a whole number, got true/,
  );
});

let live: LiveServer | undefined;
after(() => live?.close());
const triton = (text: string) => writeFileSync(join((live as LiveServer).root, "m/config.pbtxt"), text);

test("a model with a config.pbtxt is served by it, and checked against it", async () => {
  live = await LiveServer.start({ m: { versions: { 1: "mlp_tiny", 2: "mlp_tiny" } } });
  triton('max_batch_size: 2 input { name: "x" data_type: TYPE_FP32 dims: 4 } metric_tags { key: "a" value: "b" }');
  assert.equal((await live.load("m")).status, 200);
  assert.deepEqual((await live.get("/v2/models/m")).json.versions, ["2"]);
  assert.equal((await live.get("/v2/models/m/config")).json.max_batch_size, 2);
  const rows = (count: number) => ({ instances: Array.from({ length: count }, () => [1, 2, 3, 4]) });
  assert.equal((await live.post("/predict/m", rows(2))).status, 200);
  assert.equal((await live.post("/predict/m", rows(3))).status, 400);
  const note = `${join(live.root, "m/config.pbtxt")}: 'metric_tags' has no effect here`;
  assert.deepEqual((await live.get("/v2/models/m")).json.parameters, { notes: [note] });
  assert.equal((await live.index("m")).find(({ version }) => version === "2")?.reason, note);
});

for (const [what, text, message] of [
  ["an input that the model has not", 'input { name: "z" dims: 4 }', /input 'z': expected one of the model's inputs x/],
  ["another datatype", 'input { name: "x" data_type: TYPE_INT8 }', /expected the model's data_type FP32, got INT8/],
  [
    "another shape",
    'max_batch_size: 1 output { name: "y" dims: 7 }',
    /output 'y': expected the model's shape \[-1,3\], got \[-1,7\]/,
  ],
] as const) {
  test(`${what} is refused when the model is loaded, and the old goes on serving`, async () => {
    triton(text);
    const refused = await (live as LiveServer).load("m");
    assert.equal(refused.status, 500);
    assert.match(refused.json.error, message);
    assert.equal((await (live as LiveServer).get("/v2/models/m/ready")).status, 200);
  });
}

test("config.yaml wins over config.pbtxt, and says so", async () => {
  (live as LiveServer).configure("m", "max_request_rows: 5\n");
  assert.equal((await (live as LiveServer).load("m")).status, 200);
  const { json } = await (live as LiveServer).get("/v2/models/m");
  assert.match(json.parameters.notes[0], /m\/config\.pbtxt is not read, because there is a config\.yaml/);
  assert.equal((await (live as LiveServer).get("/v2/models/m/config")).json.max_batch_size, 5);
});

test("a load may bring Triton's configuration, until the next plain load", async () => {
  const maxBatchSize = async () => (await (live as LiveServer).get("/v2/models/m/config")).json.max_batch_size;
  assert.equal((await (live as LiveServer).load("m", { config: '{"max_batch_size": 4}' })).status, 200);
  assert.equal(await maxBatchSize(), 4);
  assert.equal((await (live as LiveServer).load("m", { config: '{"labels": "../../x", "name": "m"}' })).status, 500);
  assert.equal((await (live as LiveServer).load("m")).status, 200);
  assert.equal(await maxBatchSize(), 5);
});

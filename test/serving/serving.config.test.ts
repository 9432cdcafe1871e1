// SPDX-License-Identifier: Apache-2.0
// config.yaml: what is wrong is named with file, key, what was expected and what came.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { readModelConfig } from "../../src/serving/config-files.js";
import { modelOptions } from "../../src/serving/model-options-of-config.js";

const root = mkdtempSync(join(tmpdir(), "ortserve-config-"));
after(() => rmSync(root, { recursive: true }));

function read(yaml: string) {
  const path = join(root, "config.yaml");
  writeFileSync(path, yaml);
  return readModelConfig(root).then(({ config }) => config);
}

for (const [what, yaml, message] of [
  ["a misspelt key", "max_batch_row: 4", /unknown key 'max_batch_row', did you mean 'max_batch_rows'\?/],
  ["an unknown key", "zzz: 4", /unknown key 'zzz'; known: name, features, labels/],
  ["an alias of nothing", "features: *cols", /Unresolved alias .*: cols/],
  ["a merge of nothing", "<<: *base\n", /Unresolved alias .*: base/],
  [
    "a list within itself",
    "&a [*a]",
    /'0\.0\.0\.0\.\.\.': expected at most 64 levels of nesting, and no alias within what/,
  ],
  [
    "a warm-up request within itself",
    "warmup: {requests: [&r {a: *r}]}",
    /'warmup\.requests\.0\.a\.\.\.': expected at most/,
  ],
  ["too many aliases", `a: &a [${"x,".repeat(20)}]\nb: &b [${"*a,".repeat(20)}]\nc: [${"*b,".repeat(20)}]`, /[Aa]lias/],
  ["nesting that exhausts the stack", `features: ${"[".repeat(20_000)}`, /config\.yaml: /],
  ["a misspelt inner key", "queue: {max_row: 4}", /unknown key 'queue.max_row', did you mean 'max_rows'\?/],
  [
    "a misspelt key of one kind of value",
    "cache: {max_byte: 1}",
    /unknown key 'cache\.max_byte', did you mean 'max_bytes'\?/,
  ],
  [
    "a misspelt key in a list",
    "providers: [{name: cuda, option: {}}]",
    /unknown key 'providers\.0\.option', did you mean/,
  ],
  [
    "a misspelt key in a map",
    "bucket_axes: {n: {size: [1]}}",
    /unknown key 'bucket_axes\.n\.size', did you mean 'sizes'\?/,
  ],
  ["a wrong value of one kind", "versions: {latest: none}", /'versions\.latest': expected number, got "none"/],
  ["a misspelt choice", "queue: {on_timeout: dellay}", /got "dellay", did you mean 'delay'\?/],
  [
    "a label like a version",
    "version_labels: {v2: 2}",
    /'version_labels': expected a label that does not look like a version, .*, got 'v2'/,
  ],
  [
    "versions that are none",
    "versions: newest",
    /'versions': expected all, \{latest: N\} or a list of version numbers, got "newest"/,
  ],
  ["a model file elsewhere", "model_file: ../x.onnx", /'model_file': expected a file name without a directory/],
  ["two wrong keys", "nam: a\nlabel: [b]", /'nam', did you mean 'name'\?\n.*'label', did you mean 'labels'\?/],
  ["text for a number", "max_batch_rows: many", /'max_batch_rows': expected number, got "many"/],
  ["a negative number", "instances: -1", /'instances': expected number to be >=0, got -1/],
  ["a fraction of a row", "max_batch_rows: 1.5", /'max_batch_rows': expected int, got 1.5/],
  ["an unknown choice", "batching: on", /'batching': expected one of "auto"\|"off"\|"whole", got "on"/],
  [
    "features that are a number",
    "features: 3",
    /'features': expected a list of names, or a map from input to such a list, got 3/,
  ],
  [
    "a provider without a name",
    "providers: [{nme: cuda}]",
    /'providers\.0\.name': expected string, got nothing\n.*'providers\.0\.nme', did you mean 'name'\?/,
  ],
  [
    "a version that is no number",
    "default_version: latest",
    /'default_version': expected a version number, got "latest"/,
  ],
  ["a name with a slash", "name: a/b", /'name': expected a name without '\/'/],
  ["a delay that is a word", "max_delay_ms: some", /'max_delay_ms': expected milliseconds, or auto, got "some"/],
  ["a batch of no rows", "pad_to: [0]", /'pad_to.0': expected number to be >=1, got 0/],
  ["an empty list of sizes", "preferred_batch_rows: []", /'preferred_batch_rows': /],
  [
    "a default level that does not exist",
    "priority: {levels: 2, default: 3}",
    /expected a default of at most 'levels'/,
  ],
  ["an unknown end of waiting", "queue: {on_timeout: wait}", /'queue.on_timeout': expected one of "reject"\|"delay"/],
  ["a list", "- a", /expected object, got \["a"\]/],
  ["a text", "hello", /expected object, got "hello"/],
  ["broken YAML", "queue: {max_rows: 4", /config\.yaml: .*line 1/s],
  ["a key twice", "instances: 1\ninstances: 2", /config\.yaml: Map keys must be unique/],
  [
    "a preprocess of two kinds",
    "preprocess: {x: {image: {}, audio: {}}}",
    /'preprocess.x': expected exactly one of image, columns and audio, got /,
  ],
  [
    "a preprocess of no kind",
    "preprocess: {x: {}}",
    /'preprocess.x': expected exactly one of image, columns and audio/,
  ],
  ["an unknown colour", "preprocess: {x: {image: {color: cmyk}}}", /'preprocess.x.image.color': expected one of "rgb"/],
  [
    "a scale that is a word",
    "preprocess: {x: {image: {scale: half}}}",
    /a number, or a fraction such as 1\/255, got "half"/,
  ],
  [
    "a column without a name",
    "preprocess: {x: {columns: [{mean: 1}]}}",
    /'preprocess\.x\.columns\.0\.name': expected string, got nothing/,
  ],
  ["argmax and top_k", "postprocess: {y: {argmax: true, top_k: 2}}", /expected one of argmax, top_k and threshold/],
  ["labels of nothing", "postprocess: {y: {labels: [a]}}", /'postprocess.y': expected argmax or top_k with labels/],
  ["a missing labels file", "labels: none.txt", /'labels': cannot read .*none\.txt/],
] as const) {
  test(`${what} is refused`, async () => {
    await assert.rejects(read(yaml), (error: Error & { code: string }) => {
      assert.equal(error.code, "ERR_INVALID_CONFIG");
      assert.match(error.message, message);
      assert.ok(error.message.startsWith(join(root, "config.yaml")));
      return true;
    });
  });
}

test("an absent or empty file is an empty config", async () => {
  const absent = join(root, "absent");
  const source = join(absent, "config.yaml");
  assert.deepEqual(await readModelConfig(absent), { config: {}, source, notes: [], checks: [] });
  assert.deepEqual(await read("# nothing yet\n"), {});
});

test("labels come from a list or from a file, one per line", async () => {
  assert.deepEqual((await read("labels: [ant, bee]")).labels, ["ant", "bee"]);
  writeFileSync(join(root, "labels.txt"), "ant\r\nbee\ncat\n");
  assert.deepEqual((await read("labels: labels.txt")).labels, ["ant", "bee", "cat"]);
});

test("every key reaches the model's options", async () => {
  const config = await read(`
name: iris
features: {x: [a, b]}
default_version: 2
batching: auto
max_batch_rows: 32
max_delay_ms: 1.5
instances: 2
intra_op_threads: 1
providers: [cuda, {name: tensorrt, options: {trt_fp16_enable: true, device_id: 3}, required: true}]
session_options: {graph_optimization_level: 1, use_arena: false}
max_request_rows: 100
queue: {max_rows: 1000, max_bytes: 1000000}
deadline_ms: 250
latency_objective_ms: 20
inline_micros: 0
`);
  assert.equal(config.default_version, "2");
  assert.equal(config.deadline_ms, 250);
  assert.deepEqual(modelOptions("iris", "1", config), {
    name: "iris",
    version: "1",
    providers: [
      { name: "cuda", options: {}, required: false },
      { name: "tensorrt", options: { trt_fp16_enable: "true", device_id: "3" }, required: true },
    ],
    batching: "auto",
    features: { x: ["a", "b"] },
    sessionOptions: { graph_optimization_level: "1", use_arena: "false" },
    instances: 2,
    intraOpThreads: 1,
    maxBatchRows: 32,
    maxDelayMs: 1.5,
    latencyObjectiveMs: 20,
    maxRequestRows: 100,
    maxQueueRows: 1000,
    maxQueueBytes: 1000000,
    inlineMicros: 0,
  });
});

test("0 means the default where Model.load knows no 0", async () => {
  const config = await read("max_batch_rows: 0\ninstances: 0\nqueue: {max_rows: 0}");
  assert.deepEqual(modelOptions("m", "1", config), { name: "m", version: "1" });
});

test("the batching policy of a config becomes the model's options", async () => {
  const config = await read(`
max_delay_ms: auto
preferred_batch_rows: [4, 8]
pad_to: [1, 2, 4, 8]
bucket_axes: {length: {sizes: [16, 32], pad_values: {mask: 0}}}
preserve_ordering: true
priority: {levels: 3, default: 2}
queue: {max_rows: 9, timeout_ms: 20, on_timeout: delay}`);
  assert.deepEqual(modelOptions("m", "1", config), {
    name: "m",
    version: "1",
    maxDelayMs: "auto",
    preferredBatchRows: [4, 8],
    padTo: [1, 2, 4, 8],
    bucketAxes: { length: { sizes: [16, 32], padValues: { mask: 0 } } },
    preserveOrdering: true,
    priorityLevels: 3,
    defaultPriority: 2,
    maxQueueRows: 9,
    queueTimeoutMs: 20,
    onQueueTimeout: "delay",
  });
});

test("preprocess and postprocess become options of the load", async () => {
  const yaml = `
labels: [a, b]
preprocess:
  picture: { image: { color: bgr, resize_shorter: 256, scale: 1/255, mean: [1, 2, 3], quantize: { scale: 0.5, zero_point: 3 }, max_pixels: 100 } }
  row: { columns: [age, { name: city, one_hot: [x, 7, true], unknown: ignore }, { name: size, ordinal: { s: 1 }, allow_nan: false }] }
  sound: { audio: { sample_rate: 16000 } }
postprocess:
  y: { dequantize: { scale: 2, zero_point: 1 }, activation: softmax, top_k: 1, labels: true, scores_name: p }
`;
  const { preprocess, postprocess } = modelOptions("m", "1", await read(yaml));
  assert.deepEqual(preprocess, {
    picture: {
      image: {
        color: "bgr",
        resizeShorter: 256,
        scale: 1 / 255,
        mean: [1, 2, 3],
        quantize: { scale: 0.5, zeroPoint: 3 },
        maxPixels: 100,
      },
    },
    row: {
      columns: [
        "age",
        { name: "city", oneHot: ["x", 7, true], unknown: "ignore" },
        { name: "size", ordinal: { s: 1 }, allowNan: false },
      ],
    },
    sound: { audio: { sampleRate: 16000 } },
  });
  assert.deepEqual(postprocess, {
    y: { dequantize: { scale: 2, zeroPoint: 1 }, activation: "softmax", topK: 1, labels: ["a", "b"], scoresName: "p" },
  });
});

test("labels that are asked for and not there are refused", async () => {
  const config = await read("postprocess: {y: {argmax: true, labels: true}}");
  assert.throws(() => modelOptions("m", "1", config), {
    code: "ERR_INVALID_CONFIG",
    message: /expected the model to have labels/,
  });
});

// SPDX-License-Identifier: Apache-2.0
// TensorFlow Serving's REST interface, and KServe's V1 clients at the same paths. Predictions are compared with ONNX Runtime's own.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { OrtServer } from "../../src/server/index.js";
import { modelPath } from "../models/make.mjs";
import { floats, reference } from "../reference.js";
import { startFakeServer } from "./fake-server.js";
import { RawClient } from "./raw-http.js";
import { startRealServer } from "./real-server.js";

const rows = [
  [1, 2, 3, 4],
  [4, 3, 2, 1],
];

let server: OrtServer;
before(async () => {
  const labels = "versions: all\nversion_labels: {stable: 1, canary: 2}\n";
  server = await startRealServer({
    iris: { versions: { 1: "mlp_tiny", 2: "mlp_tiny" }, config: labels },
    "a:predict": { versions: { 1: "rowsum" } },
    simple: { versions: { 1: "simple" } },
    zipmap: { versions: { 1: "zipmap" } },
    text: { versions: { 1: "ident_string" } },
    scalar: { versions: { 1: "scalar_fp32" } },
    numbers: { versions: { 1: "ident_fp32" }, config: "batching: whole\n" },
    fixed: { versions: { 1: "fixed_batch" } },
  });
});
after(() => server?.close());

async function call(path: string, body?: unknown) {
  const init =
    body === undefined ? {} : { method: "POST", body: typeof body === "string" ? body : JSON.stringify(body) };
  const response = await fetch(`${server.url}${path}`, init);
  const text = await response.text();
  const json = (text.includes("NaN") ? text : JSON.parse(text)) as Record<string, unknown>;
  return { status: response.status, json, text };
}

for (const [what, path, body, status, message] of [
  [
    "an unknown model",
    "/v1/models/nope:predict",
    { instances: [1] },
    404,
    /^Servable not found for request: Latest\(nope\)$/,
  ],
  [
    "an unknown version",
    "/v1/models/iris/versions/9:predict",
    {},
    404,
    /^Servable not found for request: Specific\(iris, 9\)$/,
  ],
  ["a version that is no number", "/v1/models/iris/versions/stable:predict", {}, 404, /Specific\(iris, stable\)/],
  [
    "an unknown label",
    "/v1/models/iris/labels/beta:predict",
    {},
    404,
    /label: 'beta' of model 'iris'; it has stable, canary/,
  ],
  ["a label of an unknown model", "/v1/models/nope/labels/stable:predict", {}, 404, /Latest\(nope\)/],
  [
    "a path without a verb",
    "/v1/models/iris",
    {},
    400,
    /^Malformed request: POST \/v1\/models\/iris: expected :predict/,
  ],
  ["an unknown verb", "/v1/models/iris:explain", {}, 400, /^Malformed request: POST \/v1\/models\/iris:explain/],
  ["a verb alone", "/v1/models/:predict", {}, 400, /^Malformed request/],
  [
    "classify",
    "/v1/models/iris:classify",
    {},
    501,
    /predict only, not for classify: please use \/v1\/models\/iris:predict/,
  ],
  ["regress", "/v1/models/iris/versions/1:regress", {}, 501, /not for regress/],
  ["both keys", "/v1/models/iris:predict", { instances: rows, inputs: rows }, 400, /expecting only one of/],
  ["neither key", "/v1/models/iris:predict", { x: rows }, 400, /Missing 'inputs' or 'instances' key/],
  ["no body", "/v1/models/iris:predict", "", 400, /JSON/],
  ["an empty list", "/v1/models/iris:predict", { instances: [] }, 400, /at least one instance/],
  ["no list", "/v1/models/iris:predict", { instances: 1 }, 400, /an array of instances/],
  [
    "unequal rows",
    "/v1/models/iris:predict",
    {
      instances: [
        [1, 2, 3, 4],
        [1, 2],
      ],
    },
    400,
    /arrays of 4 and of 2/,
  ],
  ["another signature", "/v1/models/iris:predict", { signature_name: "x", instances: rows }, 400, /'serving_default'/],
  ["one of two inputs", "/v1/models/simple:predict", { instances: [{ INPUT0: [1] }] }, 400, /missing input 'INPUT1'/],
  ["rows of a scalar", "/v1/models/scalar:predict", { instances: [1] }, 400, /expected FP32 \[\] for input/],
  ["what is not base64", "/v1/models/text:predict", { instances: [{ b64: "?" }] }, 400, /expected base64/],
] as const) {
  test(`${what} is refused`, async () => {
    const { status: seen, json } = await call(path, body);
    assert.equal(seen, status);
    assert.deepEqual(Object.keys(json), ["error"]);
    assert.match(String(json.error), message);
  });
}

test("a GET of a path to be posted to is malformed; other methods are not allowed", async () => {
  for (const path of ["/v1/models/iris:predict", "/v1/models/iris/versions/1:predict"]) {
    const { status, json } = await call(path);
    assert.deepEqual([status, json], [400, { error: `Malformed request: GET ${path}: expected POST` }]);
  }
  const response = await fetch(`${server.url}/v1/models/iris`, { method: "PUT" });
  assert.equal(response.headers.get("allow"), "GET, HEAD, POST, OPTIONS");
});

// Conformance case 67.
test("rows are answered with predictions, columns with outputs", async () => {
  const { y } = await reference(modelPath("mlp_tiny"), { x: floats([2, 4], rows.flat()) });
  const expected = Array.from(y?.data as Float32Array);
  for (const path of ["/v1/models/iris:predict", "/v1/models/iris/versions/1:predict", "/v1/models/iris:PREDICT"]) {
    const byRow = await call(path, { instances: rows });
    assert.deepEqual(Object.keys(byRow.json), ["predictions"], byRow.text);
    assert.deepEqual((byRow.json.predictions as number[][]).flat().map(Math.fround), expected);
    const named = await call(path, { signature_name: "serving_default", instances: rows.map((x) => ({ x })) });
    assert.equal(named.text, byRow.text);
    const byColumn = await call(path, { inputs: rows });
    assert.deepEqual(byColumn.json, { outputs: byRow.json.predictions });
    assert.equal((await call(path, { inputs: { x: rows } })).text, byColumn.text);
  }
});

test("several outputs are objects by name", async () => {
  const ones = Array.from({ length: 16 }, () => 1);
  const twos = ones.map(() => 2);
  const zeros = ones.map(() => 0);
  const row = { INPUT0: ones, INPUT1: ones };
  const { json } = await call("/v1/models/simple:predict", { instances: [row, row] });
  assert.deepEqual(json, { predictions: [row, row].map(() => ({ OUTPUT0: twos, OUTPUT1: zeros })) });
  const columns = await call("/v1/models/simple:predict", { inputs: { INPUT0: [ones], INPUT1: [ones] } });
  assert.deepEqual(columns.json, { outputs: { OUTPUT0: [twos], OUTPUT1: [zeros] } });
});

test("maps come as objects", async () => {
  const { json, text } = await call("/v1/models/zipmap:predict", {
    instances: [
      [1, 2, 3, 4],
      [4, 3, 2, 1],
    ],
  });
  const predictions = json.predictions as Record<string, unknown>[];
  assert.equal(predictions?.length, 2, text);
  assert.ok(
    predictions.some((row) => Object.values(row).some((value) => typeof value === "object")),
    text,
  );
});

test("instances are rows, whether the model batches or not", async () => {
  const { text } = await call("/v1/models/numbers:predict", '{"instances": [0.2, NaN, -Infinity, 1e-7]}');
  assert.equal(text, '{"predictions":[0.2,NaN,-Infinity,1e-07]}');
  const scalar = await call("/v1/models/scalar:predict", { inputs: 7 });
  assert.equal(scalar.status, 200, scalar.text);
});

test("bytes are read from base64", async () => {
  const encoded = Buffer.from("naïve").toString("base64");
  const byRow = await call("/v1/models/text:predict", { instances: [{ b64: encoded }, "plain"] });
  assert.deepEqual(byRow.json, { predictions: ["naïve", "plain"] });
  const byColumn = await call("/v1/models/text:predict", { inputs: { INPUT0: [{ b64: encoded }] } });
  assert.deepEqual(byColumn.json, { outputs: ["naïve"] });
});

test("a label names its version", async () => {
  const stats = async () => {
    const { json } = await call("/v2/models/iris/stats");
    return (json.model_stats as { inference_count: number }[]).map((version) => version.inference_count);
  };
  const [one, two] = (await stats()) as [number, number];
  await call("/v1/models/iris/labels/stable:predict", { instances: rows });
  await call("/v1/models/iris/labels/canary:predict", { instances: [rows[0]] });
  assert.deepEqual(await stats(), [one + 2, two + 1]);
});

test("a name may contain a colon, even what looks like a verb", async () => {
  const { status, json } = await call("/v1/models/a:predict:predict", { instances: [[1, 2, 3]] });
  assert.equal(status, 200, JSON.stringify(json));
  assert.equal((await call("/v1/models/a%3Apredict:predict", { instances: [[1, 2, 3]] })).status, 200);
  assert.equal((await call("/v1/models/a:predict")).json.ready, true);
});

test("the status of a model is TensorFlow Serving's and KServe's in one", async () => {
  const available = (version: string) => ({
    version,
    state: "AVAILABLE",
    status: { error_code: "OK", error_message: "" },
  });
  assert.deepEqual((await call("/v1/models/iris")).json, {
    model_version_status: [available("1"), available("2")],
    name: "iris",
    ready: true,
  });
  const { json } = await call("/v1/models/iris/versions/2");
  assert.deepEqual(json.model_version_status, [available("2")]);
  const unknown = await call("/v1/models/nope");
  assert.deepEqual([unknown.status, unknown.json], [404, { error: "Could not find any versions of model nope" }]);
  const wrong = await call("/v1/models/iris/versions/9");
  assert.deepEqual([wrong.status, wrong.json], [404, { error: "Could not find version 9 of model iris" }]);
  assert.deepEqual(((await call("/v1/models")).json.models as string[]).includes("iris"), true);
});

test("the metadata is the signature", async () => {
  assert.equal((await call("/v1/models/nope/metadata")).status, 404);
  const { json } = await call("/v1/models/simple/metadata");
  const info = (name: string) => ({
    dtype: "DT_INT32",
    tensor_shape: {
      dim: [
        { size: "-1", name: "batch" },
        { size: "16", name: "" },
      ],
      unknown_rank: false,
    },
    name,
  });
  assert.deepEqual(json, {
    model_spec: { name: "simple", signature_name: "", version: "1" },
    metadata: {
      signature_def: {
        signature_def: {
          serving_default: {
            inputs: { INPUT0: info("INPUT0"), INPUT1: info("INPUT1") },
            outputs: { OUTPUT0: info("OUTPUT0"), OUTPUT1: info("OUTPUT1") },
            method_name: "tensorflow/serving/predict",
          },
        },
      },
    },
  });
  const versioned = await call("/v1/models/iris/versions/1/metadata");
  assert.equal((versioned.json.model_spec as { version: string }).version, "1");
});

test("a server that is going is not ready", async () => {
  const { server: going, port, url } = await startFakeServer();
  const client = new RawClient(Number(new URL(url).port));
  const running = fetch(`${url}/predict/alpha`, { method: "POST", body: '{"do":"hold"}' });
  await client.request("GET", "/v1/models/alpha");
  assert.equal(JSON.parse((await client.response()).body.toString()).ready, true);
  while (port.held.length === 0) await new Promise(setImmediate);
  const closing = going.close(); // not before the request that is held has been answered
  await client.request("GET", "/v1/models/alpha");
  assert.equal((await client.response()).status, 503);
  port.answer(port.held[0] as (typeof port.held)[0]);
  assert.equal((await running).status, 200);
  await closing;
});

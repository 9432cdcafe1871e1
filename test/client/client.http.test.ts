// SPDX-License-Identifier: Apache-2.0
// The client's HTTP side, against the server and against one that misbehaves.
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, afterEach, before, test } from "node:test";
import { InferenceClient, InferenceError, type InferenceErrorCode } from "../../src/client/index.js";
import type { OrtServer } from "../../src/server/index.js";
import { until } from "../server/raw-http.js";
import { ScriptedHttp } from "./scripted-http.js";
import { startTestServer } from "./test-server.js";

let server: OrtServer;
let client: InferenceClient;
let scripted: ScriptedHttp;
let scriptedClient: InferenceClient;

before(async () => {
  server = await startTestServer(["simple", "mlp_tiny", "two_inputs_mixed", "ident_int64", "ident_fp64"]);
  client = new InferenceClient(server.url);
  scripted = await new ScriptedHttp().listen();
  scriptedClient = new InferenceClient(scripted.url);
});
after(async () => {
  scripted.close();
  await server.close();
});
afterEach(() => {
  scripted.answer = () => {};
  scripted.requests.length = 0;
});

async function failure(call: Promise<unknown>, code: InferenceErrorCode): Promise<InferenceError> {
  const error = await call.then(
    () => assert.fail("it succeeded"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof InferenceError, String(error));
  assert.equal(error.code, code, error.message);
  return error;
}

/** An input whose shape and datatype are given: no metadata is asked for. */
const x = { x: { data: Float32Array.of(1, 2, 3, 4), shape: [1, 4] } };

for (const url of ["", "localhost:8080", "ftp://localhost", "ws://localhost"])
  test(`'${url}' is refused as a URL`, () => {
    assert.throws(() => new InferenceClient(url), { name: "InferenceError", code: "invalid-argument" });
  });

for (const timeoutMs of [-1, Number.NaN, 2 ** 31, "5" as unknown as number])
  test(`${timeoutMs} is refused as a time limit`, async () => {
    assert.throws(() => new InferenceClient(server.url, { timeoutMs }), /expected timeoutMs from 0 to 2147483647/);
    await failure(client.live({ timeoutMs }), "invalid-argument");
  });

test("an unknown model, version or input is refused with the reason", async () => {
  const unknown = await failure(client.infer("nope", x), "refused");
  assert.deepEqual([unknown.status, unknown.message], [404, "Request for unknown model: 'nope' is not found"]);
  assert.match(unknown.requestId ?? "", /./);
  assert.equal((await failure(client.modelMetadata("simple", 9), "refused")).status, 404);
  assert.equal((await failure(client.predict("nope", {}), "refused")).status, 404);
  assert.match((await failure(client.infer("mlp_tiny", { z: [1] }), "invalid-argument")).message, /its inputs are x/);
  await failure(client.infer("", x), "invalid-argument");
});

test("what does not fit the model is refused by the server when the client cannot know", async () => {
  const error = await failure(client.infer("mlp_tiny", { x: { data: new Float32Array(3), shape: [1, 3] } }), "refused");
  assert.equal(error.status, 400);
  assert.match(error.message, /expected FP32 \[-1,4\] for input 'x', got FP32 \[1,3\]/);
  assert.equal((await failure(client.infer("mlp_tiny", x, { outputs: ["z"] }), "refused")).status, 400);
  assert.equal((await failure(client.predict("mlp_tiny", { instances: [[1]] }), "refused")).status, 400);
});

test("a body without a JSON form is refused before it is sent", async () => {
  assert.match(
    (await failure(client.predict("mlp_tiny", { x: undefined, y: [() => 1] }), "invalid-argument")).message,
    /function/,
  );
});

test("a server that is not there is a connection error, with its cause", async () => {
  const gone = await new ScriptedHttp().listen();
  const { url } = gone;
  gone.close();
  for (const call of [new InferenceClient(url).live(), new InferenceClient(url).infer("m", x)]) {
    const error = await failure(call, "connection");
    assert.match(error.message, /ECONNREFUSED/);
    assert.ok(error.cause instanceof Error);
  }
});

test("an answer that is cut off is a connection error", async () => {
  scripted.answer = (_request, response) => {
    response.writeHead(200, { "content-length": 100 });
    response.write("{", () => response.destroy());
  };
  await failure(scriptedClient.infer("m", x), "connection");
});

for (const [name, status, body, message] of [
  ["JSON with an error", 400, '{"error":"why"}', "why"],
  ["other JSON", 500, "[1]", "[1]"],
  ["a proxy's page", 502, "<h1>Bad Gateway</h1>", "<h1>Bad Gateway</h1>"],
  ["nothing", 503, "", "the server answered with status 503"],
] as const)
  test(`status ${status} with ${name} is an error with that text`, async () => {
    scripted.answer = (_request, response) => response.writeHead(status, { "x-request-id": "r1" }).end(body);
    const error = await failure(scriptedClient.infer("m", x), "refused");
    assert.deepEqual([error.status, error.message, error.requestId], [status, message, "r1"]);
  });

for (const [name, headers, body, message] of [
  ["text", {}, "OK", /expected JSON/],
  ["blobs without their header", { "content-type": "application/octet-stream" }, "{}xx", /must expose that header/],
  ["a header that is no number", { "inference-header-content-length": "x" }, "{}", /got NaN/],
  ["a header beyond the body", { "inference-header-content-length": "9" }, "{}", /got 9/],
  ["an empty object", {}, "{}", /model_name/],
] as const)
  test(`${name} as an answer is a malformed reply`, async () => {
    scripted.answer = (_request, response) => response.writeHead(200, headers).end(body);
    assert.match((await failure(scriptedClient.infer("m", x), "malformed-reply")).message, message);
  });

test("metadata and predictions of another form are malformed replies", async () => {
  scripted.answer = (_request, response) => response.end('{"name":"m","inputs":[{"name":"x"}],"outputs":[]}');
  await failure(scriptedClient.modelMetadata("m"), "malformed-reply");
  await failure(scriptedClient.serverMetadata(), "malformed-reply");
  await failure(scriptedClient.predict("m", {}), "malformed-reply");
});

test("a time limit ends a call that is not answered, whichever it is", async () => {
  const calls = [scriptedClient.infer("m", x, { timeoutMs: 5 }), scriptedClient.ready({ timeoutMs: 5 })];
  for (const call of calls) assert.match((await failure(call, "timeout")).message, /no answer came within 5 ms/);
  const impatient = new InferenceClient(scripted.url, { timeoutMs: 5 });
  await failure(impatient.predict("m", {}), "timeout");
  await failure(impatient.infer("m", { x: [1] }), "timeout"); // while it waits for the metadata
});

test("a signal ends a call, before it began or while it runs", async () => {
  const reason = new Error("changed my mind");
  assert.equal(
    (await failure(client.infer("simple", x, { signal: AbortSignal.abort(reason) }), "aborted")).cause,
    reason,
  );
  const controller = new AbortController();
  const call = failure(scriptedClient.infer("m", x, { signal: controller.signal }), "aborted");
  await until(() => scripted.requests.length === 1);
  controller.abort(reason);
  assert.equal((await call).cause, reason);
});

test("an aborted call ends its connection, so that the server drops the work", async () => {
  const controller = new AbortController();
  const call = failure(scriptedClient.infer("m", x, { signal: controller.signal }), "aborted");
  await until(() => scripted.requests.length === 1);
  const closed = once(scripted.requests[0]?.socket ?? assert.fail(), "close");
  controller.abort();
  await Promise.all([call, closed]);
});

test("the server and its models are described", async () => {
  const { name, extensions } = await client.serverMetadata();
  assert.equal(name, "ortserve");
  assert.ok(extensions.includes("binary_tensor_data"));
  assert.deepEqual([await client.live(), await client.ready()], [true, true]);
  const { inputs } = await client.modelMetadata("mlp_tiny");
  assert.deepEqual(inputs[0], { name: "x", datatype: "FP32", shape: [-1, 4] });
  assert.deepEqual((await client.modelMetadata("mlp_tiny", 1)).versions, ["1"]);
});

test("a server that is not ready says so without an error", async () => {
  scripted.answer = (_request, response) => response.writeHead(503).end('{"error":"Server exiting"}');
  assert.deepEqual([await scriptedClient.live(), await scriptedClient.ready()], [false, false]);
});

for (const binary of [true, false])
  test(`infer ${binary ? "with blobs" : "in JSON"}: chosen outputs, version, id, parameters`, async () => {
    const INPUT0 = Int32Array.from({ length: 16 }, (_, i) => i);
    const options = { version: "1", id: "7", outputs: ["OUTPUT1"], parameters: { priority: 1 }, binary };
    const reply = await client.infer("simple", { INPUT0, INPUT1: [new Array(16).fill(1)] }, options);
    assert.deepEqual(reply, {
      modelName: "simple",
      modelVersion: "1",
      id: "7",
      parameters: {},
      outputs: { OUTPUT1: { datatype: "INT32", shape: [1, 16], data: INPUT0.map((value) => value - 1) } },
    });
    assert.deepEqual(Object.keys((await client.infer("simple", { INPUT0, INPUT1: INPUT0 }, { binary })).outputs), [
      "OUTPUT0",
      "OUTPUT1",
    ]);
  });

test("numbers and strings travel in one request", async () => {
  const inputs = {
    numbers: [
      [1, 2, 3],
      [4, 5, 6],
    ],
    text: [["a"], ["é"]],
  };
  const { outputs } = await client.infer("two_inputs_mixed", inputs);
  assert.deepEqual(outputs.numbers_out?.data, Float32Array.of(1, 2, 3, 4, 5, 6));
  assert.deepEqual(outputs.text_out, { datatype: "BYTES", shape: [2, 1], data: ["a", "é"] });
});

test("predict takes rows and columns, and agrees with infer", async () => {
  const rows = [
    [1, 2, 3, 4],
    [4, 3, 2, 1],
  ];
  const { outputs } = await client.infer("mlp_tiny", { x: rows });
  const { predictions, model, version } = await client.predict<number[]>(
    "mlp_tiny",
    { instances: rows },
    { version: 1 },
  );
  assert.deepEqual([model, version], ["mlp_tiny", "1"]);
  assert.deepEqual(Float32Array.from(predictions.flat()), outputs.y?.data);
  assert.deepEqual(
    (await client.predict("mlp_tiny", { inputs: { x: rows.map((row) => Float32Array.from(row)) } })).predictions,
    predictions,
  );
});

test("predict carries 64-bit integers and what JSON lacks", async () => {
  const integers = [2n ** 63n - 1n, -(2n ** 63n), 5];
  assert.deepEqual((await client.predict("ident_int64", { instances: integers })).predictions, integers);
  const floats = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0.1];
  assert.deepEqual((await client.predict("ident_fp64", { instances: floats })).predictions, floats);
});

test("metadata is asked for once, and anew after a request that did not fit", async () => {
  const paths: string[] = [];
  const counting: typeof fetch = (input, init) => {
    paths.push(`${init?.method} ${new URL(String(input)).pathname}`);
    return fetch(input, init);
  };
  const own = new InferenceClient(server.url, { fetch: counting });
  const metadata = () => paths.filter((path) => path === "GET /v2/models/mlp_tiny").length;
  for (let i = 0; i < 3; i++) await own.infer("mlp_tiny", { x: new Float32Array(4) });
  assert.equal(metadata(), 1);
  await failure(own.infer("mlp_tiny", { x: new Float32Array(5) }), "invalid-argument");
  await own.infer("mlp_tiny", { x: new Float32Array(4) });
  assert.equal(metadata(), 2);
});

test("headers, the time limit and a path before the routes reach the server", async () => {
  scripted.answer = (_request, response) => response.end('{"model_name":"m","outputs":[]}');
  const own = new InferenceClient(`${scripted.url}/base/`, { headers: { authorization: "Bearer t" } });
  await own.infer("a b/c", x, { version: 2 });
  const [request] = scripted.requests;
  assert.equal(request?.url, "/base/v2/models/a%20b%2Fc/versions/2/infer");
  assert.equal(request?.headers.authorization, "Bearer t");
});

test("without a WebSocket everything but a session works", async () => {
  assert.equal((globalThis as { WebSocket?: unknown }).WebSocket, undefined);
  assert.match((await failure(client.connect("simple"), "invalid-argument")).message, /no WebSocket: pass one/);
});

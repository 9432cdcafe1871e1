// SPDX-License-Identifier: Apache-2.0
// TorchServe's inference interface: what bodies of each type mean, and errors in its own form.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { OrtServer } from "../../src/server/index.js";
import { startFakeServer } from "./fake-server.js";
import { RawClient } from "./raw-http.js";
import { startRealServer } from "./real-server.js";

let server: OrtServer;
let predictions: unknown;
before(async () => {
  server = await startRealServer({
    iris: { versions: { 1: "mlp_tiny", 2: "mlp_tiny" }, config: "versions: all\nfeatures: [a, b, c, d]\n" },
    simple: { versions: { 1: "simple" } },
    text: { versions: { 1: "ident_string" } },
    digits: { versions: { 1: "ident_fp32" }, config: "batching: whole\n" },
  });
  predictions = (await send("/predict/iris", '{"instances":[[1,2,3,4]]}', "")).json.predictions;
  assert.equal((predictions as unknown[]).length, 1);
});
after(() => server?.close());

const row = Buffer.from(Float32Array.of(1, 2, 3, 4).buffer);

async function send(path: string, body?: string | Buffer | FormData | URLSearchParams, type?: string, method = "POST") {
  const headers: Record<string, string> = type ? { "content-type": type } : {};
  const init =
    body === undefined ? {} : { method, body: typeof body === "string" && type === "" ? Buffer.from(body) : body };
  const response = await fetch(server.url + path, { ...init, headers } as RequestInit);
  return {
    status: response.status,
    headers: response.headers,
    json: (await response.json()) as Record<string, unknown>,
  };
}

function form(fields: Record<string, string | Blob>): FormData {
  const made = new FormData();
  for (const [name, value] of Object.entries(fields)) made.set(name, value);
  return made;
}

const file = (bytes: string | Buffer, type: string) => new Blob([bytes], { type });
const twoInputs = { INPUT0: [[1]], INPUT1: [[1]] };

for (const [what, path, body, type, code, error, message] of [
  ["an unknown model", "/predictions/nope", "{}", "", 404, "ModelNotFoundException", /^Model not found: nope$/],
  [
    "an unknown version",
    "/predictions/iris/9",
    "{}",
    "",
    404,
    "ModelVersionNotFoundException",
    /^Model version: 9 does not exist for model: iris$/,
  ],
  [
    "a picture",
    "/predictions/iris",
    row,
    "image/jpeg",
    415,
    "UnsupportedMediaTypeException",
    /application\/octet-stream.*got 'image\/jpeg'/,
  ],
  ...["constructor", "__proto__", "toString/x"].map(
    (type) =>
      [
        `a type named ${type}`,
        "/predictions/iris",
        "{}",
        type,
        415,
        "UnsupportedMediaTypeException",
        /expected a body of type application\/json/,
      ] as const,
  ),
  [
    "text for a model of numbers",
    "/predictions/iris",
    "hello",
    "text/plain",
    415,
    "UnsupportedMediaTypeException",
    /does not take text/,
  ],
  ["JSON that is none", "/predictions/iris", "{", "application/json", 400, "BadRequestException", /JSON/],
  [
    "JSON that does not fit",
    "/predictions/iris",
    "[[1,2]]",
    "application/json",
    400,
    "BadRequestException",
    /got FP32 \[1,2\]/,
  ],
  [
    "bytes that do not fit",
    "/predictions/iris",
    row.subarray(2),
    "application/octet-stream",
    400,
    "BadRequestException",
    /expected (\d+|a multiple)|size mismatch/i,
  ],
  ["no body", "/predictions/iris", "", "", 400, "BadRequestException", /./],
  [
    "bytes for two inputs",
    "/predictions/simple",
    row,
    "application/octet-stream",
    400,
    "BadRequestException",
    /only have 1 input/,
  ],
  [
    "a form without fields",
    "/predictions/iris",
    new URLSearchParams(),
    undefined,
    400,
    "BadRequestException",
    /a form field 'data'/,
  ],
  [
    "bytes called a form",
    "/predictions/iris",
    Buffer.from([0xff, 0xfe]),
    "application/x-www-form-urlencoded",
    400,
    "BadRequestException",
    /application\/octet-stream/,
  ],
  [
    "a picture in a form",
    "/predictions/iris",
    form({ data: file(row, "image/png") }),
    undefined,
    415,
    "UnsupportedMediaTypeException",
    /image\/png/,
  ],
  [
    "bytes beside text in a form",
    "/predictions/iris",
    form({ a: "1", b: file(row, "application/octet-stream") }),
    undefined,
    400,
    "BadRequestException",
    /form field 'b' beside others/,
  ],
  [
    "a form without a boundary",
    "/predictions/iris",
    "--x",
    "multipart/form-data",
    400,
    "BadRequestException",
    /boundary=/,
  ],
] as const) {
  test(`${what} is refused in TorchServe's form`, async () => {
    const { status, json } = await send(path, body as Buffer, type);
    assert.equal(status, code, JSON.stringify(json));
    assert.deepEqual(Object.keys(json), ["code", "type", "message"]);
    assert.deepEqual([json.code, json.type], [code, error]);
    assert.match(String(json.message), message);
  });
}

test("wrong methods, broken heads and bodies too large have that form as well", async () => {
  const { status, json, headers } = await send("/predictions/iris");
  assert.deepEqual([status, json.code, json.type], [405, 405, "MethodNotAllowedException"]);
  assert.equal(headers.get("allow"), "POST, PUT, OPTIONS");
  const client = new RawClient(server.port);
  await client.request("POST", "/predictions/iris", "{}", { "x-timeout-ms": "soon" });
  assert.equal(JSON.parse((await client.response()).body.toString()).type, "BadRequestException");
  client.socket.destroy();
  const small = await startFakeServer({ bodyLimit: 10 });
  const refused = await fetch(`${small.url}/predictions/alpha`, { method: "POST", body: "x".repeat(11) });
  assert.deepEqual([refused.status, ((await refused.json()) as { code: number }).code], [413, 413]);
  await small.server.close();
});

const asJson = '{"instances": [[1, 2, 3, 4]]}';
const octets = "application/octet-stream";

// Conformance case 68.
for (const [what, body, type] of [
  ["JSON", asJson, "application/json"],
  ["JSON with a charset", asJson, "Application/JSON; charset=utf-8"],
  ["JSON of unknown type", asJson, ""],
  ["JSON that curl -d calls a form", asJson, "application/x-www-form-urlencoded"],
  ["JSON called text", asJson, "text/plain"],
  ["a list", " [[1, 2, 3, 4]]\n", "application/json"],
  ["features", '{"d": 4, "a": 1, "b": 2, "c": 3}', ""],
  ["bytes", row, octets],
  ["bytes of unknown type", row, ""],
  ["a form with JSON", form({ data: asJson }), undefined],
  ["a form with a JSON file", form({ data: file(asJson, "application/json") }), undefined],
  ["a form with bytes", form({ data: file(row, octets) }), undefined],
  ["a form with bytes under another name", form({ x: file(row, octets) }), undefined],
  ["a form with features", form({ a: "1", b: "2.0", c: " 3", d: "4e0" }), undefined],
  ["a URL-encoded form with JSON", new URLSearchParams({ data: asJson }), undefined],
  ["URL-encoded features", new URLSearchParams({ a: "1", b: "2", c: "3", d: "4" }), undefined],
] as const) {
  test(`${what}: predicts`, async () => {
    for (const path of ["/predictions/iris", "/predictions/iris/1"]) {
      for (const method of ["POST", "PUT"]) {
        const { status, json, headers } = await send(path, body as Buffer, type, method);
        assert.equal(status, 200, JSON.stringify(json));
        assert.deepEqual(json, { predictions, model: "iris", version: path.endsWith("1") ? "1" : "2" });
        assert.ok(headers.get("x-request-id"));
      }
    }
  });
}

test("a file whose name ends with .json is JSON, whatever its type", async () => {
  const made = new FormData();
  made.set("data", file(asJson, octets), "input.json");
  assert.deepEqual((await send("/predictions/iris", made)).json.predictions, predictions);
});

test("bytes that look like JSON at both ends are still bytes", async () => {
  const bytes = Buffer.concat([Buffer.from([0x7b, 0, 0, 0]), Buffer.from([0, 0, 0, 0x7d])]);
  const { json } = await send("/predictions/digits", bytes, "");
  assert.deepEqual((json.predictions as number[][]).flat().length, 2, JSON.stringify(json));
});

test("text is the string that a model of strings takes", async () => {
  assert.deepEqual((await send("/predictions/text", "naïve {", "text/plain")).json.predictions, ["naïve {"]);
  const numbers = await send("/predictions/text", form({ INPUT0: "5" }));
  assert.deepEqual(numbers.json.predictions, ["5"], JSON.stringify(numbers.json));
});

test("several inputs come by name", async () => {
  const ones = JSON.stringify(Array.from({ length: 16 }, () => 1));
  const { json } = await send("/predictions/simple", form({ INPUT0: ones, INPUT1: ones }));
  assert.deepEqual((json.predictions as { OUTPUT0: number[] }[])[0]?.OUTPUT0[0], 2, JSON.stringify(json));
  assert.equal((await send("/predictions/simple", JSON.stringify({ inputs: twoInputs }), "")).status, 400);
});

test("the request's id comes back", async () => {
  const init = { method: "POST", body: asJson, headers: { "x-request-id": "abc" } };
  assert.equal((await fetch(`${server.url}/predictions/iris`, init)).headers.get("x-request-id"), "abc");
});

test("a client that goes away cancels its request; a late one is told so", async () => {
  const { server: fake, port, url } = await startFakeServer();
  const client = new RawClient(Number(new URL(url).port));
  await client.request("POST", "/predictions/alpha", '{"do":"hold"}');
  while (port.held.length === 0) await new Promise(setImmediate);
  client.socket.destroy();
  while (port.cancelled.length === 0) await new Promise(setImmediate);
  const late = { method: "POST", body: '{"do":"hold"}', headers: { "x-timeout-ms": "30" } };
  const response = await fetch(`${url}/predictions/alpha`, late);
  assert.deepEqual([response.status, ((await response.json()) as { code: number }).code], [504, 504]);
  assert.equal(port.cancelled.length, 2);
  await fake.close();
});

test("ping is Healthy until the server goes", async () => {
  const { status, json } = await send("/ping");
  assert.deepEqual([status, json], [200, { status: "Healthy" }]);
  const { server: fake, port, url } = await startFakeServer();
  const running = fetch(`${url}/predict/alpha`, { method: "POST", body: '{"do":"hold"}' });
  const client = new RawClient(Number(new URL(url).port));
  await client.request("GET", "/ping");
  assert.equal((await client.response()).status, 200);
  while (port.held.length === 0) await new Promise(setImmediate);
  const closing = fake.close();
  await client.request("GET", "/ping");
  const going = await client.response();
  assert.deepEqual([going.status, going.body.toString()], [500, '{"status":"Unhealthy"}']);
  port.answer(port.held[0] as (typeof port.held)[0]);
  await running;
  await closing;
});

test("models are listed page by page", async () => {
  for (const query of ["limit=0", "limit=x", "next_page_token=-1"]) {
    const { status, json } = await send(`/models?${query}`);
    assert.deepEqual([status, json.type], [400, "BadRequestException"]);
  }
  const names = ["digits", "iris", "simple", "text"];
  const entries = names.map((name) => ({ modelName: name, modelUrl: name }));
  assert.deepEqual((await send("/models")).json, { models: entries });
  assert.deepEqual((await send("/models?limit=3")).json, { models: entries.slice(0, 3), nextPageToken: "3" });
  assert.deepEqual((await send("/models?limit=3&next_page_token=3")).json, { models: entries.slice(3) });
});

test("models are described, by version and all versions", async () => {
  assert.equal((await send("/models/nope")).json.type, "ModelNotFoundException");
  assert.equal((await send("/models/iris/9")).json.type, "ModelVersionNotFoundException");
  assert.equal((await send("/models/nope/all")).json.type, "ModelNotFoundException");
  const versions = async (path: string) => {
    const list = (await send(path)).json as unknown as {
      modelVersion: string;
      workers: unknown[];
      minWorkers: number;
    }[];
    for (const { workers, minWorkers } of list) assert.equal(workers.length, minWorkers);
    return list.map(({ modelVersion }) => modelVersion);
  };
  assert.deepEqual(await versions("/models/iris"), ["2"]);
  assert.deepEqual(await versions("/models/iris/1"), ["1"]);
  assert.deepEqual(await versions("/models/iris/all"), ["1", "2"]);
});

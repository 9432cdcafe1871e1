// SPDX-License-Identifier: Apache-2.0
// Which model and version a /predict path means, over HTTP and WebSocket, with real models.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { createServer, loadRepository, type OrtServer } from "../../src/server/index.js";
import { makeRepository, removeRepository, startRealServer } from "./real-server.js";
import { SocketClient } from "./socket-client.js";

let several: OrtServer;
let only: OrtServer;
let preferred: OrtServer;

const iris = { versions: { 1: "mlp_tiny", 2: "mlp_tiny", 10: "mlp_tiny" }, config: "features: [a, b, c, d]\n" };

before(async () => {
  const versionName = { versions: { 1: "rowsum" } };
  several = await startRealServer({ iris, v2: versionName, pinned: { ...iris, config: "default_version: 2\n" } });
  only = await startRealServer({ iris });
  preferred = await startRealServer({ iris, other: versionName }, { defaultModel: "iris" });
});
after(() => Promise.all([several, only, preferred].map((server) => server?.close())));

async function predict(server: OrtServer, path: string, body: unknown = { instances: [[1, 2, 3, 4]] }) {
  const response = await fetch(`${server.url}${path}`, { method: "POST", body: JSON.stringify(body) });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

test("without a default, /predict says which models there are", async () => {
  const { status, json } = await predict(several, "/predict");
  assert.equal(status, 404);
  assert.equal(json.error, "there is no default model: name one of iris, pinned, v2, as in /predict/iris");
});

test("a default model that is not served is refused when the server is made", async () => {
  const root = makeRepository({ iris });
  const models = await loadRepository(root);
  removeRepository(root);
  assert.throws(() => createServer({ models, defaultModel: "nope" }), { code: "ERR_MODEL_NOT_FOUND" });
  await models.close();
});

for (const [what, path, version] of [
  ["the highest version, by number", "/predict", "10"],
  ["a version of the only model", "/predict/v2", "2"],
  ["the model's default version", "/predict/iris", "10"],
  ["a version of a named model", "/predict/iris/v1", "1"],
] as const) {
  test(`${path} is ${what}`, async () => {
    const { json } = await predict(only, path);
    assert.deepEqual([json.model, json.version], ["iris", version]);
    const client = await SocketClient.open(only.url, path);
    client.socket.send('{"id":"s","instances":[[1,2,3,4]]}');
    const answer = await client.json();
    assert.deepEqual([answer.id, answer.version, answer.predictions], ["s", version, json.predictions]);
    client.socket.terminate();
  });
}

test("no other version answers for a pinned default, or a label, whose version did not load", async () => {
  const config = "default_version: 1\nversion_labels: { stable: 1, canary: 2 }\n";
  const root = makeRepository({ m: { versions: { 1: "truncated", 2: "mlp_tiny" }, config } });
  const server = createServer({ models: await loadRepository(root), port: 0 });
  try {
    await server.listen();
    for (const [path, role] of [
      ["/predict", "its default version"],
      ["/predict/m", "its default version"],
      ["/predict/m/stable", "'stable'"],
    ] as const) {
      const { status, json } = await predict(server, path);
      assert.equal(status, 503, path);
      assert.equal(json.error, `Request for unknown model: 'm' version 1, ${role}, is not at ready state`);
    }
    for (const path of ["/predict/m/canary", "/predict/m/v2"]) {
      assert.equal((await predict(server, path)).json.version, "2", path);
    }
    assert.equal((await fetch(`${server.url}/v2/models/m/ready`)).status, 503);
    assert.equal((await fetch(`${server.url}/openapi.json`)).status, 200);
  } finally {
    await server.close();
    removeRepository(root);
  }
});

test("default_version wins over the highest", async () => {
  assert.equal((await predict(several, "/predict/pinned")).json.version, "2");
});

test("the server's default model answers /predict and /predict/vN", async () => {
  assert.equal((await predict(preferred, "/predict")).json.version, "10");
  assert.equal((await predict(preferred, "/predict/v1")).json.model, "iris");
});

test("a model whose name looks like a version is found by its name", async () => {
  assert.equal((await predict(several, "/predict/v2")).json.model, "v2");
});

test("rows, columns and named features give the same prediction", async () => {
  const rows = await predict(only, "/predict");
  const columns = await predict(only, "/predict", { inputs: { x: [[1, 2, 3, 4]] } });
  const named = await predict(only, "/predict", { d: 4, a: 1, b: 2, c: 3 });
  assert.equal(rows.status, 200);
  assert.deepEqual(named.json.predictions, rows.json.predictions);
  assert.equal(columns.status, 200, JSON.stringify(columns.json));
});

test("a misspelt feature is named in the refusal", async () => {
  const { status, json } = await predict(only, "/predict", { a: 1, b: 2, c: 3, e: 4 });
  assert.equal(status, 400);
  assert.match(String(json.error), /'e'|'d'/);
});

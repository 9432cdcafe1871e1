// SPDX-License-Identifier: Apache-2.0
// TorchServe's management calls, as far as they mean something here; the others say what to do instead.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { LiveServer } from "./live-server.js";
import { layoutOf, startRealServer } from "./real-server.js";

let live: LiveServer;
before(async () => {
  live = await LiveServer.start(layoutOf("simple", "mlp_tiny"), { control: "explicit", load: ["mlp_tiny"] });
});
after(() => live?.close());

async function call(method: string, path: string, url = live.server.url) {
  const response = await fetch(url + path, { method });
  return { code: response.status, json: (await response.json()) as Record<string, unknown> };
}

for (const [what, method, path, code, type, message] of [
  ["registering nothing", "POST", "/models", 400, "BadRequestException", /expected url=NAME/],
  ["an archive", "POST", "/models?url=https://host/model.mar", 400, "BadRequestException", /got url 'https:/],
  ["an archive's name", "POST", "/models?url=model.mar", 400, "BadRequestException", /got url 'model.mar'/],
  ["another name", "POST", "/models?url=simple&model_name=other", 400, "BadRequestException", /model_name 'other'/],
  ["a model that is not there", "POST", "/models?url=nope", 404, "ModelNotFoundException", /nope/],
  [
    "unregistering what is not there",
    "DELETE",
    "/models/nope",
    404,
    "ModelNotFoundException",
    /^Model not found: nope$/,
  ],
  ["unregistering a version", "DELETE", "/models/mlp_tiny/1", 501, "NotImplementedException", /'versions'/],
  ["scaling", "PUT", "/models/mlp_tiny?min_worker=3", 501, "NotImplementedException", /set 'instances'/],
] as const) {
  test(`${what} is refused`, async () => {
    const answer = await call(method, path);
    assert.deepEqual([answer.code, answer.json.code, answer.json.type], [code, code, type]);
    assert.match(String(answer.json.message), message);
    assert.equal((await call("GET", "/models/mlp_tiny")).code, 200);
  });
}

test("a model is registered, and unregistered", async () => {
  assert.equal((await call("GET", "/models/simple")).code, 404);
  const registered = await call("POST", "/models?url=simple&model_name=simple");
  assert.equal(registered.code, 200);
  assert.match(String(registered.json.status), /^Model "simple" Version: 1 registered with \d+ initial workers$/);
  assert.equal((await call("GET", "/models/simple")).code, 200);
  const gone = await call("DELETE", "/models/simple");
  assert.deepEqual([gone.code, gone.json], [200, { status: 'Model "simple" unregistered' }]);
  assert.equal((await call("GET", "/models/simple")).json.type, "ModelNotFoundException");
  const { json } = await call("GET", "/v1/models/simple");
  const [version] = (json.model_version_status ?? []) as { state: string; status: { error_code: string } }[];
  assert.deepEqual(
    [version?.state, version?.status.error_code, json.ready],
    ["END", "OK", false],
    JSON.stringify(json),
  );
});

test("without explicit control nothing is registered or unregistered", async () => {
  const server = await startRealServer(layoutOf("simple"));
  for (const [method, path] of [
    ["POST", "/models?url=simple"],
    ["DELETE", "/models/simple"],
  ] as const) {
    const answer = await call(method, path, server.url);
    assert.deepEqual([answer.code, answer.json.type], [503, "ServiceUnavailableException"]);
    assert.match(String(answer.json.message), /--control explicit/);
  }
  await server.close();
});

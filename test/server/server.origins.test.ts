// SPDX-License-Identifier: Apache-2.0
// What web pages of other origins may ask of a server that their visitor's browser reaches.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { LiveServer } from "./live-server.js";
import { RawClient } from "./raw-http.js";
import { layoutOf } from "./real-server.js";

let live: LiveServer;
before(async () => {
  live = await LiveServer.start(layoutOf("mlp_tiny"), undefined, { cors: ["https://friend.example"] });
});
after(() => live?.close());

const rows = '{"instances": [[1, 2, 3, 4]]}';

async function send(method: string, path: string, headers: Record<string, string>, body = "") {
  const client = new RawClient(live.server.port);
  await client.request(method, path, body, headers);
  const response = await client.response();
  client.destroy();
  return { status: response.status, text: response.body.toString() };
}

const commands = [
  ["POST", "/v2/repository/models/mlp_tiny/load"],
  ["POST", "/v2/repository/models/mlp_tiny/unload"],
  ["POST", "/v2/models/mlp_tiny/cache/flush"],
  ["POST", "/v2/models/mlp_tiny/versions/1/cache/flush"],
  ["POST", "/v2/logging"],
  ["POST", "/v2/systemsharedmemory/region/r/register"],
  ["POST", "/v2/systemsharedmemory/region/r/unregister"],
  ["POST", "/v2/systemsharedmemory/unregister"],
  ["POST", "/models?url=mlp_tiny"],
  ["DELETE", "/models/mlp_tiny"],
  ["PUT", "/models/mlp_tiny"],
] as const;

for (const [method, path] of commands) {
  test(`${method} ${path} for a page of another origin is refused`, async () => {
    for (const origin of [
      "http://evil.example",
      "null",
      "http://friend.example",
      "http://test:81",
      "http://test.evil",
    ]) {
      const { status, text } = await send(method, path, { Origin: origin, "Content-Type": "text/plain" }, "{}");
      assert.equal(status, 403, origin);
      const said = `expected a page of test, or an origin that --cors allows, got Origin '${origin}'`;
      assert.ok(text.includes(said), text);
    }
    assert.equal((await live.post("/predict", rows)).status, 200);
  });
}

for (const [what, headers] of [
  ["programs, which name no origin", {}],
  ["the server's own pages", { Origin: "http://test" }],
  ["its own pages on a port", { Origin: "http://test:8080", Host: "test:8080" }],
  ["its own pages behind TLS", { Origin: "https://test", Host: "test:443" }],
  ["an origin that --cors allows", { Origin: "https://friend.example" }],
] as const) {
  test(`${what} may change the server and open sockets`, async () => {
    assert.equal((await send("POST", "/v2/repository/models/mlp_tiny/load", headers)).status, 200);
    assert.equal((await send("POST", "/v2/models/mlp_tiny/cache/flush", headers)).status, 200);
    assert.equal((await send("GET", "/predict", { ...headers, ...upgrade })).status, 101);
  });
}

test("other pages may ask what changes nothing, though they cannot read it", async () => {
  for (const [method, path, body] of [
    ["POST", "/predict", rows],
    ["POST", "/predictions/mlp_tiny", rows],
    ["PUT", "/predictions/mlp_tiny/1", rows],
    ["POST", "/v2/repository/index", ""],
    ["GET", "/v2", ""],
  ] as const) {
    const client = new RawClient(live.server.port);
    await client.request(method, path, body, { Origin: "http://evil.example" });
    const { status, headers } = await client.response();
    client.destroy();
    assert.deepEqual([status, headers["access-control-allow-origin"]], [200, undefined], path);
  }
});

const upgrade = {
  Upgrade: "websocket",
  Connection: "Upgrade",
  "Sec-WebSocket-Key": Buffer.alloc(16).toString("base64"),
  "Sec-WebSocket-Version": "13",
};

test("a WebSocket for a page of another origin is refused", async () => {
  for (const path of ["/predict", "/v2/models/mlp_tiny/infer"]) {
    const { status, text } = await send("GET", path, { ...upgrade, Origin: "http://evil.example" });
    assert.equal(status, 403);
    assert.match(text, /got Origin 'http:\/\/evil\.example'/);
  }
});

test("where --cors is *, every page may", async () => {
  const any = await LiveServer.start(layoutOf("mlp_tiny"), undefined, { cors: ["*"] });
  const client = new RawClient(any.server.port);
  await client.request("POST", "/v2/repository/models/mlp_tiny/load", "", { Origin: "null" });
  assert.equal((await client.response()).status, 200);
  client.destroy();
  await any.close();
});

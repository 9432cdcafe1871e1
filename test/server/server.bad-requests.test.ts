// SPDX-License-Identifier: Apache-2.0
// Requests that are wrong: in framing, size, speed, verb, path or header. The server answers each and lives on.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { type FakeServer, startFakeServer } from "./fake-server.js";
import { RawClient, type RawResponse, until } from "./raw-http.js";

let fake: FakeServer;
let client: RawClient;
const clients: RawClient[] = [];

before(async () => {
  fake = await startFakeServer({ bodyLimit: 100_000, bodyTimeoutMs: 300, cors: ["https://a.example"] });
});
after(() => fake.server.close());
afterEach(async () => {
  for (const one of clients.splice(0)) one.destroy();
  await until(() => fake.server.inFlight === 0); // whatever a test did, nothing stays owed
});

function open(): RawClient {
  client = new RawClient(fake.server.port);
  clients.push(client);
  return client;
}

function assertError(response: RawResponse, status: number, message: RegExp): void {
  assert.equal(response.status, status, response.body.toString());
  assert.equal(response.headers["content-type"], "application/json");
  const { error } = JSON.parse(response.body.toString());
  assert.match(error, message);
}

/** Answered, and the same connection takes the next request. */
async function assertStillUsable(): Promise<void> {
  await client.request("GET", "/v2/health/live");
  assert.equal((await client.response()).status, 200);
}

for (const [what, headers, message] of [
  [
    "gzip before chunked",
    "Transfer-Encoding: gzip, chunked\r\n",
    /expected Transfer-Encoding 'chunked', got 'gzip, chunked'/,
  ],
  ["identity", "Transfer-Encoding: identity\r\n", /expected Transfer-Encoding 'chunked', got 'identity'/],
  ["another case", "Transfer-Encoding: Chunked\r\n", /expected Transfer-Encoding 'chunked', got 'Chunked'/],
  ["two Transfer-Encoding headers", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", /got several/],
  ["two Content-Length headers", "Content-Length: 2\r\nContent-Length: 3\r\n", /got several/],
] as const) {
  test(`framing with ${what} is refused and the connection closed`, async () => {
    await open().send(`POST /predict HTTP/1.1\r\nHost: test\r\n${headers}\r\n`);
    const response = await client.response();
    assertError(response, 400, message);
    assert.equal(response.headers.connection, "close");
    await client.closed;
  });
}

// These the HTTP parser itself refuses, in its own words: no handler ever sees how such a request ends.
for (const headers of [
  "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
  "Content-Length: two\r\n",
  "Content-Length: -2\r\n",
  "Content-Length: 99999999999999999999999\r\n",
]) {
  test(`framing that cannot be parsed is refused and the connection closed: ${JSON.stringify(headers)}`, async () => {
    await open().send(`POST /predict HTTP/1.1\r\nHost: test\r\n${headers}\r\n{}`);
    assert.equal((await client.response()).status, 400);
    await client.closed;
  });
}

test("a Content-Length over the limit is refused before the body comes", async () => {
  await open().send("POST /predict HTTP/1.1\r\nHost: test\r\nContent-Length: 100001\r\n\r\n");
  const response = await client.response();
  assertError(response, 413, /expected a request body of at most 100000 bytes, got 100001/);
  assert.equal(response.headers.connection, "close");
  await client.closed;
});

test("a chunked body is refused as soon as it passes the limit", async () => {
  await open().send("POST /predict HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
  const piece = Buffer.alloc(50_000, 32);
  for (let i = 0; i < 2; i++) await client.send("c350\r\n", piece, "\r\n");
  await client.send("1\r\n \r\n");
  assertError(await client.response(), 413, /at most 100000 bytes, got more than 100000/);
  await client.closed;
  assert.equal(fake.port.openBodies, 0);
});

test("a body of exactly the limit is accepted, in one piece or in chunks", async () => {
  const body = Buffer.alloc(100_000, 32);
  await open().request("POST", "/predict", body);
  assert.equal((await client.response()).body.length, 100_000);
  await client.send("POST /predict HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
  for (let i = 0; i < 2; i++) await client.send("c350\r\n", body.subarray(0, 50_000), "\r\n");
  await client.send("0\r\n\r\n");
  assert.equal((await client.response()).body.length, 100_000);
  assert.equal(fake.port.openBodies, 0);
});

test("a body that stops coming is answered 408 and the connection closed", async () => {
  await open().send("POST /predict HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n{");
  const response = await client.response();
  assertError(response, 408, /arrives too slowly: expected 10 bytes, got 1 bytes so far/);
  await client.closed;
  assert.equal(fake.port.openBodies, 0);
});

test("a chunked body that never begins is answered 408", async () => {
  await open().send("POST /predict HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
  assertError(await client.response(), 408, /expected more, got 0 bytes so far/);
});

test("a body that keeps coming outlasts the timeout", async () => {
  const pieces = 60;
  await open().send(`POST /predict HTTP/1.1\r\nHost: test\r\nContent-Length: ${pieces * 500}\r\n\r\n`);
  const start = performance.now();
  for (let i = 0; i < pieces; i++) {
    await client.send(Buffer.alloc(500, 32));
    await new Promise((resolve) => setTimeout(resolve, 10)); // the pace of a slow network, not a wait for something
  }
  assert.ok(performance.now() - start > 400, "the upload took longer than the timeout");
  assert.equal((await client.response()).status, 200);
});

test("encodings other than gzip and deflate are refused, identity is not", async () => {
  await open().request("POST", "/predict", "{}", { "Content-Encoding": "br" });
  assertError(await client.response(), 501, /Unsupported compression type: expected gzip or deflate, got 'br'/);
  await client.request("POST", "/predict", "{}", { "Content-Encoding": "identity" });
  assert.equal((await client.response()).status, 200);
});

for (const value of ["abc", "-1", "99999999999", "1.5", "0x10"]) {
  test(`Inference-Header-Content-Length '${value}' is refused`, async () => {
    await open().request("POST", "/v2/models/alpha/infer", "{}", { "Inference-Header-Content-Length": value });
    assertError(await client.response(), 400, /Unable to parse Inference-Header-Content-Length/);
    await assertStillUsable();
  });
}

for (const value of ["0", "-5", "soon", "1e3"]) {
  test(`x-timeout-ms '${value}' is refused`, async () => {
    await open().request("POST", "/predict", "{}", { "x-timeout-ms": value });
    assertError(await client.response(), 400, /expected a positive number of milliseconds for x-timeout-ms/);
    await assertStillUsable();
  });
}

for (const [path, message] of [
  ["/v2/models/nope", /'nope' is not found/],
  ["/v2/models/nope/ready", /'nope' is not found/],
  ["/v2/models/nope/stats", /'nope' is not found/],
  ["/v2/models/alpha/versions/9", /'alpha' version 9 is not found/],
  ["/v2/models/alpha/versions/abc", /'alpha' version abc is not found/],
  ["/v2/models/alpha/versions/9/ready", /'alpha' version 9 is not found/],
  ["/v2/nothing", /no route \/v2\/nothing/],
  ["/nothing", /no route \/nothing/],
  ["/v2/models/", /no route/],
  ["/v2/models/alpha/", /no route/],
] as const) {
  test(`GET ${path} is 404`, async () => {
    await open().request("GET", path);
    assertError(await client.response(), 404, message);
    await assertStillUsable();
  });
}

for (const [path, message] of [
  ["/predict/nope", /'nope' is not found/],
  ["/predict/v9", /'alpha' version 9 is not found/],
  ["/predict/alpha/9", /expected a version such as v1 after \/predict\/alpha\/, got '9'/],
  ["/v2/models/nope/infer", /'nope' is not found/],
  ["/v2/models/alpha/versions/9/infer", /version 9 is not found/],
  ["/v2/models//infer", /no route/],
] as const) {
  test(`POST ${path} is 404, whatever the body`, async () => {
    await open().request("POST", path, "this is not JSON");
    assertError(await client.response(), 404, message);
    await assertStillUsable();
  });
}

test("a malformed percent escape is 400", async () => {
  await open().request("POST", "/predict/%E0%A4%A", "{}");
  assertError(await client.response(), 400, /expected percent-encoded UTF-8 in the path/);
});

for (const [method, path, allow] of [
  ["GET", "/predict", "POST, OPTIONS"],
  ["GET", "/v2/models/alpha/infer", "POST, OPTIONS"],
  ["PUT", "/predict/alpha/v1", "POST, OPTIONS"],
  ["POST", "/v2", "GET, HEAD, OPTIONS"],
  ["POST", "/v2/models/alpha", "GET, HEAD, OPTIONS"],
  ["DELETE", "/v2/health/ready", "GET, HEAD, OPTIONS"],
] as const) {
  test(`${method} ${path} is 405 and names what is allowed`, async () => {
    await open().request(method, path, method === "GET" ? "" : "{}");
    const response = await client.response();
    assertError(response, 405, /Method Not Allowed/);
    assert.equal(response.headers.allow, allow);
    await assertStillUsable();
  });
}

test("HEAD of a route that predicts is 405 without a body", async () => {
  await open().request("HEAD", "/predict");
  assert.equal((await client.response(true)).status, 405);
  await assertStillUsable();
});

test("an exception in the core is answered 500 and says nothing of the inside", async () => {
  await open().request("POST", "/predict", '{"do":"throw"}');
  assertError(await client.response(), 500, /^internal error$/);
  await assertStillUsable();
});

test("every error carries the request's id", async () => {
  await open().request("GET", "/nothing", "", { "x-request-id": "abc-1" });
  assert.equal((await client.response()).headers["x-request-id"], "abc-1");
});

test("an origin that is not allowed gets no CORS headers", async () => {
  await open().request("OPTIONS", "/predict", "", { Origin: "https://b.example" });
  assert.equal((await client.response()).headers["access-control-allow-origin"], undefined);
});

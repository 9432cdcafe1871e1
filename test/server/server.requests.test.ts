// SPDX-License-Identifier: Apache-2.0
// What the server does with requests that are right, and with clients that leave.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { fakeTiming } from "./fake-port.js";
import { type FakeServer, startFakeServer } from "./fake-server.js";
import { RawClient, until } from "./raw-http.js";

let fake: FakeServer;
let client: RawClient;

before(async () => {
  fake = await startFakeServer({ timeoutMs: 5000, cors: ["https://a.example"], timingHeaders: true });
});
after(() => fake.server.close());
afterEach(async () => {
  client.destroy();
  await until(() => fake.server.inFlight === 0);
});

function open(): RawClient {
  client = new RawClient(fake.server.port);
  return client;
}

const last = () => fake.port.submitted.at(-1);

for (const [code, status, retry] of [
  ["ERR_INVALID_JSON", 400, undefined],
  ["ERR_INVALID_INPUT", 400, undefined],
  ["ERR_UNSUPPORTED", 501, undefined],
  ["ERR_QUEUE_FULL", 503, "3"], // the fake model's backlog is 2001 ms
  ["ERR_QUEUE_TIMEOUT", 503, "3"],
  ["ERR_OUT_OF_MEMORY", 503, "1"],
  ["ERR_MODEL_CLOSED", 503, undefined],
  ["ERR_DEADLINE_EXCEEDED", 504, undefined],
  ["ERR_RUN_FAILED", 500, undefined],
] as const) {
  test(`${code} of the core is answered ${status} with its message`, async () => {
    await open().request("POST", "/predict", JSON.stringify({ do: "fail", code, message: "because" }));
    const response = await client.response();
    assert.equal(response.status, status);
    assert.equal(response.headers["content-type"], "application/json");
    assert.equal(response.headers["retry-after"], retry);
    assert.deepEqual(JSON.parse(response.body.toString()), { error: "because" });
    await client.request("POST", "/predict", '{"next":1}');
    assert.equal((await client.response()).status, 200);
  });
}

for (const action of ["echo", "inline"]) {
  test(`a reply that comes ${action === "echo" ? "later" : "at once"} is sent with its length and type`, async () => {
    const body = JSON.stringify({ do: action });
    await open().request("POST", "/predict", body);
    const { status, headers, body: reply } = await client.response();
    assert.deepEqual([status, reply.toString()], [200, body]);
    assert.equal(headers["content-type"], "application/json");
    assert.equal(headers["inference-header-content-length"], undefined);
    assert.equal(headers["server-timing"], "queue;dur=1.5, run;dur=2.5");
  });
}

test("a binary reply says how long its JSON is", async () => {
  await open().request("POST", "/v2/models/alpha/infer", '{"do":"binary","size":7}');
  const { headers } = await client.response();
  assert.equal(headers["content-type"], "application/octet-stream");
  assert.equal(headers["inference-header-content-length"], "7");
});

test("the whole body reaches the core however it is cut", async () => {
  const body = JSON.stringify({ text: "x".repeat(3000) });
  for (const cuts of [[1], [10, 11], [body.length - 1], [500, 1000, 2000]]) {
    await open().send(`POST /predict HTTP/1.1\r\nHost: test\r\nContent-Length: ${body.length}\r\n\r\n`);
    for (const [i, start] of [0, ...cuts].entries()) await client.send(body.slice(start, cuts[i] ?? body.length));
    assert.equal((await client.response()).body.toString(), body);
    client.destroy();
  }
  assert.equal(fake.port.openBodies, 0);
});

/** One whole turn of the event loop, wherever in it this is called. */
async function turn(): Promise<void> {
  for (let i = 0; i < 2; i++) await new Promise((resolve) => setImmediate(resolve));
}

test("headers and body in any number of segments make the same request", async () => {
  const line = "POST /predict HTTP/1.1\r\n"; // must come whole: the HTTP parser takes a part of it for another version
  const rest = 'Host: test\r\nInference-Header-Content-Length: 9\r\nContent-Length: 9\r\n\r\n{"a":[1]}';
  for (const size of [1, 7, 40]) {
    await open().send("GET /v2/health/live HTTP/1.1\r\nHost: test\r\n\r\n");
    await client.response(); // the server knows the connection
    await client.send(line);
    for (let at = 0; at < rest.length; at += size) {
      await turn(); // and, in this thread, reads what was sent so far
      await client.send(rest.slice(at, at + size));
    }
    assert.equal((await client.response()).body.toString(), '{"a":[1]}');
    assert.equal(last()?.jsonSize, 9);
    client.destroy();
  }
});

test("Expect: 100-continue is answered before the body and after it", async () => {
  await open().send("POST /predict HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  assert.equal((await client.response()).status, 100);
  await client.send("{}");
  assert.equal((await client.response()).body.toString(), "{}");
});

test("a POST without any length is an empty body", async () => {
  await open().send("POST /predict HTTP/1.1\r\nHost: test\r\n\r\n");
  assert.equal((await client.response()).status, 200);
  assert.equal(last()?.bytes.length, 0);
});

test("Content-Type does not matter", async () => {
  for (const type of ["application/json", "application/x-www-form-urlencoded", "image/png"]) {
    await open().request("POST", "/predict", '{"a":1}', { "Content-Type": type });
    assert.equal((await client.response()).body.toString(), '{"a":1}');
    client.destroy();
  }
});

test("the inference header reaches the core in any case, -1 stands for none, 0 for a raw body", async () => {
  for (const [headers, jsonSize] of [
    [{}, -1],
    [{ "inference-header-content-length": "2" }, 2],
    [{ "INFERENCE-HEADER-CONTENT-LENGTH": "0" }, 0],
  ] as const) {
    await open().request("POST", "/v2/models/alpha/infer", "{}", headers);
    await client.response();
    assert.equal(last()?.jsonSize, jsonSize);
    client.destroy();
  }
});

test("a request may ask for less time than the server allows, not for more", async () => {
  for (const [asked, micros] of [
    ["250", 250_000],
    ["60000", 5_000_000],
  ] as const) {
    await open().request("POST", "/predict", "{}", { "x-timeout-ms": asked });
    await client.response();
    assert.equal(last()?.timeoutMicros, micros);
    client.destroy();
  }
});

test("a deadline that passes during the run is answered 504, the work is cancelled, the connection lives on", async () => {
  await open().request("POST", "/predict", '{"do":"hold"}', { "x-timeout-ms": "30" });
  const response = await client.response();
  assert.equal(response.status, 504);
  assert.deepEqual(JSON.parse(response.body.toString()), { error: "Request timeout expired" });
  assert.ok(fake.port.cancelled.includes(last()?.ticket ?? 0));
  await client.request("POST", "/predict", '{"after":1}');
  assert.equal((await client.response()).body.toString(), '{"after":1}');
});

test("a client that leaves mid-run cancels its request", async () => {
  await open().request("POST", "/predict", '{"do":"hold"}');
  await until(() => fake.port.held.length === 1);
  client.destroy();
  await until(() => fake.port.cancelled.includes(last()?.ticket ?? 0));
  await until(() => fake.server.inFlight === 0);
});

test("a client that leaves mid-body costs nothing", async () => {
  const before = fake.port.submitted.length;
  await open().send("POST /predict HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\n{");
  await until(() => fake.port.openBodies === 1);
  client.destroy();
  await until(() => fake.port.openBodies === 0);
  assert.equal(fake.port.submitted.length, before);
});

test("an answer for a client that has just left is dropped", async () => {
  await open().request("POST", "/predict", '{"do":"hold"}');
  await until(() => fake.port.held.length === 1);
  const [request] = fake.port.held;
  assert.ok(request);
  client.destroy();
  await until(() => fake.server.inFlight === 0);
  request.handler.reply(request.bytes, 0, fakeTiming, false);
});

test("pipelined requests that are answered at once come back in order", async () => {
  const one = (body: string) => `POST /predict HTTP/1.1\r\nHost: test\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const bodies = [1, 2, 3].map((n) => JSON.stringify({ do: "inline", n }));
  await open().send(bodies.map(one).join(""));
  for (const body of bodies) assert.equal((await client.response()).body.toString(), body);
});

test("pipelining behind a pending request ends that connection and no other", async () => {
  const one = 'POST /predict HTTP/1.1\r\nHost: test\r\nContent-Length: 13\r\n\r\n{"do":"hold"}';
  await open().send(one + one);
  await client.closed;
  await until(() => fake.server.inFlight === 0);
  await open().request("GET", "/v2/health/live");
  assert.equal((await client.response()).status, 200);
});

test("x-request-id is echoed when it is safe and made up when not", async () => {
  for (const [sent, kept] of [
    ["req-42", true],
    ["x".repeat(129), false],
    ["a\tb", false],
  ] as const) {
    await open().request("GET", "/v2", "", { "x-request-id": sent });
    const id = (await client.response()).headers["x-request-id"] ?? "";
    assert.equal(id === sent, kept);
    assert.match(id, /^[\x21-\x7e]{1,128}$/);
    client.destroy();
  }
});

test("a prediction that succeeds and is not logged has the id it came with, or none", async () => {
  for (const sent of ["req-42", undefined]) {
    await open().request("POST", "/predict", "{}", sent === undefined ? {} : { "x-request-id": sent });
    const { status, headers } = await client.response();
    assert.deepEqual([status, headers["x-request-id"]], [200, sent]);
    client.destroy();
  }
});

test("made-up request ids differ", async () => {
  open();
  const ids = new Set<string | undefined>();
  for (let i = 0; i < 20; i++) {
    await client.request("GET", "/v2");
    ids.add((await client.response()).headers["x-request-id"]);
  }
  assert.equal(ids.size, 20);
});

test("HEAD answers as GET does, without the body", async () => {
  await open().request("GET", "/v2/models/alpha");
  const whole = await client.response();
  await client.request("HEAD", "/v2/models/alpha");
  const head = await client.response(true);
  assert.equal(head.status, 200);
  assert.equal(head.headers["content-length"], String(whole.body.length));
  await client.request("GET", "/v2/health/live");
  assert.deepEqual(JSON.parse((await client.response()).body.toString()), { live: true });
});

test("OPTIONS names the verbs, and the CORS answers for an allowed origin", async () => {
  await open().request("OPTIONS", "/predict", "", { Origin: "https://a.example" });
  const preflight = await client.response();
  assert.equal(preflight.status, 204);
  assert.equal(preflight.headers.allow, "POST, OPTIONS");
  assert.equal(preflight.headers["access-control-allow-origin"], "https://a.example");
  assert.match(preflight.headers["access-control-allow-headers"] ?? "", /Inference-Header-Content-Length/);
  await client.request("POST", "/predict", "{}", { Origin: "https://a.example" });
  const { headers } = await client.response();
  assert.equal(headers["access-control-allow-origin"], "https://a.example");
  const exposed = headers["access-control-expose-headers"]?.split(", ");
  for (const name of ["Inference-Header-Content-Length", "x-cache", "Retry-After"]) assert.ok(exposed?.includes(name));
});

test("Connection: close is honoured", async () => {
  await open().request("POST", "/predict", "{}", { Connection: "close" });
  assert.equal((await client.response()).status, 200);
  await client.closed;
});

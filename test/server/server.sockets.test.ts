// SPDX-License-Identifier: Apache-2.0
// WebSocket: wrong messages first, then matching of answers, limits, slow readers, departures.
import assert from "node:assert/strict";
import { after, afterEach, before, test } from "node:test";
import { WebSocket } from "ws";
import { createLogger } from "../../src/telemetry/log.js";
import { type FakeServer, startFakeServer } from "./fake-server.js";
import { RawClient, until } from "./raw-http.js";
import { SocketClient } from "./socket-client.js";

const inFlightLimit = 8;
let fake: FakeServer;
let client: SocketClient;

before(async () => {
  fake = await startFakeServer({ socketInFlight: inFlightLimit, bodyLimit: 100_000, socketBacklog: 1_000_000 });
});
after(() => fake.server.close());
afterEach(async () => {
  client?.socket.terminate();
  for (const request of [...fake.port.held]) fake.port.answer(request);
  await until(() => fake.server.inFlight === 0);
});

async function open(path = "/predict"): Promise<SocketClient> {
  client = await SocketClient.open(fake.url, path);
  return client;
}

for (const [path, status, message] of [
  ["/predict/nope", 404, /'nope' is not found/],
  ["/v2/models/nope/infer", 404, /'nope' is not found/],
  ["/v2/models/alpha/versions/7/infer", 404, /version 7 is not found/],
] as const) {
  test(`an upgrade to ${path} is answered ${status} in HTTP`, async () => {
    const http = new RawClient(fake.server.port);
    const key = Buffer.alloc(16).toString("base64");
    const headers = {
      Upgrade: "websocket",
      Connection: "Upgrade",
      "Sec-WebSocket-Key": key,
      "Sec-WebSocket-Version": "13",
    };
    await http.request("GET", path, "", headers);
    const response = await http.response();
    assert.equal(response.status, status);
    assert.match(JSON.parse(response.body.toString()).error, message);
    http.destroy();
  });
}

for (const [what, bytes, message] of [
  [
    "an empty binary message",
    [],
    /binary message to begin with the length of its JSON \(4 bytes\), got a message of 0 bytes/,
  ],
  ["a binary message of 3 bytes", [1, 0, 0], /got a message of 3 bytes/],
  ["a JSON length beyond the message", [3, 0, 0, 0, 123, 125], /expected a JSON length of at most 2 .*, got 3/],
  ["a JSON length of 4 GiB", [255, 255, 255, 255], /expected a JSON length of at most 0 .*, got 4294967295/],
] as const) {
  test(`${what} is answered with an error and the socket lives on`, async () => {
    await open();
    client.socket.send(Buffer.from(bytes));
    assert.match((await client.json()).error, message);
    client.socket.send('{"id":"next"}');
    assert.deepEqual(await client.json(), { id: "next" });
  });
}

test("an error of the core carries the request's id", async () => {
  await open();
  client.socket.send('{"id":"e-1","do":"fail","code":"ERR_INVALID_INPUT","message":"no such input"}');
  assert.deepEqual(await client.json(), { id: "e-1", error: "no such input", status: 400 });
});

test("an error without an id has no id key", async () => {
  await open();
  client.socket.send('{"do":"fail","message":"broken"}');
  assert.deepEqual(await client.json(), { error: "broken", status: 500 });
});

test("an exception in the core is answered and the socket lives on", async () => {
  await open();
  client.socket.send('{"id":"t","do":"throw"}');
  assert.deepEqual(await client.json(), { error: "internal error", status: 500 });
  client.socket.send('{"id":"next"}');
  assert.deepEqual(await client.json(), { id: "next" });
});

test("requests beyond the limit in flight are refused with their id", async () => {
  await open();
  for (let i = 0; i < inFlightLimit + 2; i++) client.socket.send(JSON.stringify({ id: `r${i}`, do: "hold" }));
  for (const id of [`r${inFlightLimit}`, `r${inFlightLimit + 1}`]) {
    assert.deepEqual(await client.json(), {
      id,
      error: `expected at most ${inFlightLimit} requests in flight on one WebSocket`,
      status: 503,
    });
  }
  for (const request of [...fake.port.held].reverse()) fake.port.answer(request);
  for (let i = inFlightLimit - 1; i >= 0; i--) assert.equal((await client.json()).id, `r${i}`); // in order of completion
});

test("a message over the body limit ends the socket", async () => {
  await open();
  client.socket.send(Buffer.alloc(100_001));
  await client.closed;
});

test("a socket that does not read is refused more work until it does", async () => {
  const refusals: string[] = [];
  const logger = createLogger("warn", { write: (line) => refusals.push(line) });
  const strict = await startFakeServer({ socketBacklog: 1_000_000, logger });
  client = await SocketClient.open(strict.url, "/predict");
  client.socket.pause();
  // 100 MB of answers in all, one after the other; kernel buffers take some of them, the server at most 1 MB.
  for (let sent = 1; sent <= 1000 && refusals.length === 0; sent++) {
    client.socket.send('{"id":"big","do":"large","size":100000}');
    await until(() => strict.port.submitted.length + refusals.length >= sent && strict.server.inFlight === 0);
  }
  assert.equal(refusals.length, 1);
  client.socket.resume();
  let answer = await client.next();
  while (answer.byteLength > 1000) answer = await client.next();
  const error = "too many answers wait to be read on this WebSocket";
  assert.deepEqual(JSON.parse(answer.toString()), { id: "big", error, status: 503 });
  client.socket.send('{"id":"after"}');
  assert.deepEqual(await client.json(), { id: "after" });
  client.socket.terminate();
  await strict.server.close();
});

test("a socket that asks for much at once and does not read is closed", async () => {
  const strict = await startFakeServer({ socketBacklog: 1_000_000 });
  client = await SocketClient.open(strict.url, "/predict");
  client.socket.pause();
  for (let i = 0; i < 1000; i++) client.socket.send('{"do":"large","size":100000}');
  await until(() => strict.port.submitted.length > 0 && strict.server.inFlight === 0);
  client.socket.resume();
  assert.equal(await client.closed, 1006);
  await strict.server.close();
});

test("the core sees a text message whole and a binary message split at its JSON", async () => {
  await open("/v2/models/alpha/infer");
  client.socket.send('{"id":"a"}');
  await client.json();
  assert.equal(fake.port.submitted.at(-1)?.jsonSize, -1);
  client.socket.send(Buffer.from([10, 0, 0, 0, ...Buffer.from('{"id":"b"}'), 1, 2, 3]));
  await client.next();
  const { jsonSize, framed, format, bytes } = fake.port.submitted.at(-1) ?? assert.fail();
  assert.deepEqual([jsonSize, framed, format, bytes.length], [10, true, 1, 13]);
});

test("a binary answer is a binary message, a JSON answer a text message", async () => {
  await open();
  client.socket.send('{"do":"binary"}');
  assert.equal((await client.frame()).isBinary, true);
  client.socket.send('{"do":"echo"}');
  assert.equal((await client.frame()).isBinary, false);
});

test("a deadline that passes during the run is answered with the id", async () => {
  client = await SocketClient.open(fake.url, "/predict", { "x-timeout-ms": "30" });
  client.socket.send('{"id":"late","do":"hold"}');
  assert.deepEqual(await client.json(), { id: "late", error: "Request timeout expired", status: 504 });
});

test("a client that leaves cancels all it had in flight", async () => {
  await open();
  for (let i = 0; i < 5; i++) client.socket.send('{"do":"hold"}');
  await until(() => fake.port.held.length === 5);
  const tickets = fake.port.held.map(({ ticket }) => ticket);
  client.socket.terminate();
  await until(() => tickets.every((ticket) => fake.port.cancelled.includes(ticket)));
  await until(() => fake.server.inFlight === 0);
});

test("a large answer and small ones keep the order in which they were ready", async () => {
  await open();
  client.socket.send('{"id":"small","do":"inline"}');
  client.socket.send('{"id":"big","do":"large","size":90000}');
  assert.equal((await client.json()).id, "small");
  assert.equal((await client.next()).byteLength, 90_000);
});

test("a plain GET on a socket's path is 405", async () => {
  const response = await fetch(`${fake.url}/predict`);
  assert.equal(response.status, 405);
});

test("every path that predicts takes sockets", async () => {
  for (const path of ["/predict/alpha", "/predict/v2", "/predict/alpha/v1", "/v2/models/alpha/versions/10/infer"]) {
    const { socket } = await open(path);
    assert.equal(socket.readyState, WebSocket.OPEN);
    socket.terminate();
  }
});

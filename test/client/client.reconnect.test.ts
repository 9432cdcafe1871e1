// SPDX-License-Identifier: Apache-2.0
// Sessions whose connection is lost: what fails, what waits, what is sent again, and when.
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import { WebSocket } from "ws";
import { backoffOf, delayBefore } from "../../src/client/backoff.js";
import { InferenceClient, type InferenceSession, type Tensor } from "../../src/client/index.js";
import { until } from "../server/raw-http.js";
import { Relay } from "./relay.js";
import { answer, ScriptedSocket } from "./scripted-socket.js";
import { echo, failure, fastReconnect, openSession, valued } from "./session-fixture.js";
import { startTestServer } from "./test-server.js";

let server: ScriptedSocket;
let session: InferenceSession;

beforeEach(async () => {
  server = await ScriptedSocket.listen();
  session = await openSession(server.url, { maxInFlight: 4 });
});
afterEach(async () => {
  session.terminate();
  await server.close();
});

test("what is in flight when the connection is lost is rejected", async () => {
  const calls = [failure(echo(session, 1), "connection"), failure(echo(session, 2), "connection")];
  const requests = await server.take(2);
  requests[0]?.socket.terminate();
  const errors = await Promise.all(calls);
  assert.deepEqual(
    errors.map(({ requestId }) => requestId),
    requests.map(({ id }) => id),
  );
  assert.match(errors[0]?.message ?? "", /the WebSocket connection was lost: closed with code 1006/);
});

test("with retry it is sent again, in order and before what waited", async () => {
  const calls = [1, 2, 3, 4, 5, 6].map((value) => echo(session, value, { retry: true }));
  const [first] = await server.take(4);
  first?.socket.terminate();
  const again = await server.take(4);
  assert.deepEqual(
    again.map(({ value }) => value),
    [1, 2, 3, 4],
  );
  assert.notEqual(again[0]?.socket, first?.socket);
  for (const request of again) answer(request);
  for (const request of await server.take(2)) answer(request);
  assert.deepEqual(await Promise.all(calls), [1, 2, 3, 4, 5, 6]);
});

test("a request that costs the connection each time is given up", async () => {
  const call = failure(echo(session, 1, { retry: true }), "connection");
  for (let sends = 0; sends < 5; sends++) (await server.next()).socket.terminate();
  await call;
  const next = echo(session, 2);
  answer(await server.next());
  assert.equal(await next, 2);
});

test("an aborted request is not sent again", async () => {
  const controller = new AbortController();
  const call = failure(echo(session, 1, { retry: true, signal: controller.signal }), "aborted");
  const { socket } = await server.next();
  controller.abort();
  await call;
  socket.terminate();
  const next = echo(session, 2, { retry: true });
  let request = await server.next();
  if (request.socket === socket) request = await server.next(); // sent before the loss was noticed
  assert.equal(request.value, 2);
  answer(request);
  await next;
});

test("calls made while there is no connection wait for it, within their time limit", async () => {
  const { port } = server;
  await server.close();
  await until(() => !session.connected);
  assert.equal(session.tryInfer(valued(1)), undefined);
  await failure(echo(session, 1, { timeoutMs: 5 }), "timeout");
  const waiting = echo(session, 2);
  server = await ScriptedSocket.listen(port);
  answer(await server.next());
  assert.equal(await waiting, 2);
});

test("without reconnect a lost connection ends the session", async () => {
  const once_ = await openSession(server.url, { reconnect: false, maxInFlight: 1 });
  const calls = [1, 2].map((value) => failure(echo(once_, value, { retry: true }), "connection"));
  (await server.next()).socket.terminate();
  await Promise.all(calls);
  await failure(echo(once_, 3), "connection");
  await once_.close();
});

test("close waits for calls that need a new connection", async () => {
  const call = echo(session, 1, { retry: true });
  const { socket } = await server.next();
  const closing = session.close();
  socket.terminate();
  answer(await server.next());
  assert.equal(await call, 1);
  await closing;
});

test("close ends the attempts to reconnect when nothing waits", async () => {
  const { port } = server;
  await server.close();
  await until(() => !session.connected);
  await session.close();
  server = await ScriptedSocket.listen(port);
  const other = await openSession(server.url); // connects, and so would have the closed one
  other.terminate();
  assert.equal(server.connections, 1);
});

for (const [attempt, chance, expected] of [
  [1, 0, 100],
  [2, 0, 200],
  [4, 0, 800],
  [8, 0, 10_000],
  [2000, 0, 10_000],
  [1, 1, 50],
  [8, 0.5, 7500],
] as const)
  test(`the delay before attempt ${attempt} at chance ${chance} is ${expected} ms`, () => {
    assert.equal(delayBefore(attempt, backoffOf({}), chance), expected);
  });

test("a server that is restarted behind its address goes on answering the session", async () => {
  const relay = await new Relay().listen();
  const data = Int32Array.from({ length: 16 }, (_, i) => i);
  let real = await startTestServer(["simple"]);
  relay.target = real.port;
  const own = await new InferenceClient(relay.url, { WebSocket }).connect("simple", { reconnect: fastReconnect });
  const sum = async () => {
    const inputs = { INPUT0: data, INPUT1: data };
    const { outputs } = await own.infer<{ OUTPUT0: Tensor<"INT32"> }>(inputs, { retry: true, outputs: ["OUTPUT0"] });
    return outputs.OUTPUT0.data;
  };
  const expected = data.map((value) => 2 * value);
  for (let round = 0; round < 3; round++) {
    assert.deepEqual(await Promise.all([sum(), sum()]), [expected, expected]);
    relay.target = 0;
    await real.close();
    await until(() => !own.connected);
    const waiting = sum();
    real = await startTestServer(["simple"]);
    relay.target = real.port;
    assert.deepEqual(await waiting, expected);
  }
  await own.close();
  relay.close();
  await real.close();
});

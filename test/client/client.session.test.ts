// SPDX-License-Identifier: Apache-2.0
// Requests on one WebSocket: whose answer is whose, how many at a time, and how they end.
import assert from "node:assert/strict";
import { once } from "node:events";
import { afterEach, beforeEach, test } from "node:test";
import { WebSocket } from "ws";
import { InferenceClient, type InferenceSession, type SessionOptions } from "../../src/client/index.js";
import { answer, ScriptedSocket } from "./scripted-socket.js";
import { echo, failure, openSession, valued } from "./session-fixture.js";

let server: ScriptedSocket;
let session: InferenceSession;

beforeEach(async () => {
  server = await ScriptedSocket.listen();
  session = await openSession(server.url);
});
afterEach(async () => {
  session.terminate();
  await server.close();
});

for (const options of [
  { maxInFlight: 0 },
  { maxInFlight: 1.5 },
  { reconnect: { initialMs: -1 } },
  { reconnect: { initialMs: 10, maxMs: 5 } },
  { reconnect: { jitter: 2 } },
  { timeoutMs: -1 },
] as SessionOptions[])
  test(`${JSON.stringify(options)} is refused`, async () => {
    await failure(openSession(server.url, options), "invalid-argument");
    assert.equal(server.connections, 1); // that of beforeEach
  });

test("a server that is not there is a connection error, tried once", async () => {
  const gone = await ScriptedSocket.listen();
  const { url } = gone;
  await gone.close();
  assert.match((await failure(openSession(url), "connection")).message, /ECONNREFUSED/);
});

test("a constructor that throws is a connection error", async () => {
  class Broken {
    constructor() {
      throw new Error("not today");
    }
  }
  const client = new InferenceClient(server.url, { WebSocket: Broken as unknown as typeof WebSocket });
  assert.match((await failure(client.connect("m"), "connection")).message, /not today/);
});

test("connecting ends with its signal or its time limit", async () => {
  await failure(openSession(server.url, { signal: AbortSignal.abort() }), "aborted");
  const deaf = new InferenceClient(server.url, { WebSocket: DeafSocket });
  await failure(deaf.connect("m", { timeoutMs: 5 }), "timeout");
});

test("an id that is in flight is refused, and free again afterwards", async () => {
  const first = echo(session, 1, { id: "a" });
  await failure(echo(session, 2, { id: "a" }), "invalid-argument");
  await failure(echo(session, 2, { id: "" }), "invalid-argument");
  answer(await server.next());
  assert.equal(await first, 1);
  const second = echo(session, 2, { id: "a" });
  answer(await server.next());
  assert.equal(await second, 2);
});

test("an error with an id is that request's, and the session lives on", async () => {
  const [bad, good] = [failure(echo(session, 1), "refused"), echo(session, 2)];
  const [first, second] = await server.take(2);
  first?.socket.send(JSON.stringify({ id: first.id, error: "no such input", status: 400 }));
  answer(second ?? assert.fail());
  const { message, requestId, status } = await bad;
  assert.deepEqual([message, requestId, status], ["no such input", first?.id, 400]);
  assert.equal(await good, 2);
});

test("a malformed answer with an id fails only its request", async () => {
  const [bad, good] = [failure(echo(session, 1), "malformed-reply"), echo(session, 2)];
  const [first, second] = await server.take(2);
  first?.socket.send(JSON.stringify({ id: first.id, model_name: "m", outputs: [{ name: "y" }] }));
  answer(second ?? assert.fail());
  await Promise.all([bad, good]);
  assert.equal(server.connections, 1);
});

test("an error without an id is that of the only request in flight", async () => {
  const call = failure(echo(session, 1), "refused");
  (await server.next()).socket.send('{"error":"not read"}');
  assert.equal((await call).message, "not read");
});

for (const [name, message, pattern] of [
  ["an error without an id", '{"error":"not read"}', /expected the id of a request in flight, got undefined: not read/],
  ["an unknown id", '{"id":"nobody","model_name":"m","outputs":[]}', /got nobody/],
  ["text that is no JSON", "<html>", /expected JSON/],
  ["bytes without framing", Buffer.of(1, 2), /expected 4 bytes of JSON length/],
] as const)
  test(`${name} leaves open whose answer it is: all in flight fail, and a new connection is made`, async () => {
    const calls = [failure(echo(session, 1), "malformed-reply"), failure(echo(session, 2), "malformed-reply")];
    const requests = await server.take(2);
    requests[0]?.socket.send(message);
    const errors = await Promise.all(calls);
    assert.match(errors[0]?.message ?? "", pattern);
    assert.deepEqual(
      errors.map(({ requestId }) => requestId),
      requests.map(({ id }) => id),
    );
    const next = echo(session, 3);
    answer(await server.next());
    assert.equal(await next, 3);
    assert.equal(server.connections, 2);
  });

test("a signal and a time limit end a call in flight; its slot is free when the answer comes", async () => {
  const narrow = await openSession(server.url, { maxInFlight: 2 });
  const controller = new AbortController();
  const aborted = failure(echo(narrow, 1, { signal: controller.signal }), "aborted");
  const late = failure(echo(narrow, 2, { timeoutMs: 20 }), "timeout");
  const requests = await server.take(2);
  assert.deepEqual(requests[1]?.json.parameters, { binary_data_output: true, timeout: 20_000 });
  controller.abort();
  await Promise.all([aborted, late]);
  assert.deepEqual([narrow.inFlight, narrow.tryInfer(valued(3))], [2, undefined]);
  const next = echo(narrow, 3);
  for (const request of requests) answer(request);
  answer(await server.next());
  assert.equal(await next, 3);
  narrow.terminate();
});

test("a call that ends while it waits is never sent", async () => {
  const narrow = await openSession(server.url, { maxInFlight: 1 });
  const first = echo(narrow, 1);
  const controller = new AbortController();
  const waiting = failure(echo(narrow, 2, { signal: controller.signal }), "aborted");
  const third = echo(narrow, 3);
  const request = await server.next();
  assert.equal(narrow.waiting, 2);
  controller.abort();
  await waiting;
  assert.equal(narrow.waiting, 1);
  answer(request);
  answer(await server.next());
  assert.deepEqual([await first, await third], [1, 3]);
  narrow.terminate();
});

test("one signal ends all the calls that share it, and Node does not take them for a leak", async () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => warnings.push(warning);
  process.on("warning", onWarning);
  const controller = new AbortController();
  const { signal } = controller;
  const finished = echo(session, 0, { signal });
  answer(await server.next());
  await finished;
  const calls = Array.from({ length: 20 }, (_, value) => failure(echo(session, value, { signal }), "aborted"));
  await server.take(20);
  controller.abort();
  await Promise.all(calls);
  process.off("warning", onWarning);
  assert.deepEqual(warnings, []);
});

test("a call whose signal is aborted already is not sent", async () => {
  await failure(echo(session, 1, { signal: AbortSignal.abort() }), "aborted");
  const next = echo(session, 2);
  answer(await server.next());
  assert.equal(await next, 2);
});

test("bad input fails before it takes a slot", async () => {
  await failure(session.infer({ x: { data: [1.5], shape: [1], datatype: "INT32" } }), "invalid-argument");
  await failure(echo(session, 1, { timeoutMs: -1 }), "invalid-argument");
  assert.equal(session.inFlight, 0);
  await session.close(); // would wait for ever on a call that was not counted out
});

test("after close and terminate calls are refused", async () => {
  await session.close();
  await failure(echo(session, 1), "closed");
  await failure(session.tryInfer(valued(1)) ?? assert.fail(), "closed");
  const other = await openSession(server.url);
  const call = failure(echo(other, 1), "closed");
  await server.next();
  other.terminate();
  await call;
  await failure(echo(other, 2), "closed");
  await other.close();
});

test("answers find their requests in whatever order they come", async () => {
  const calls = Array.from({ length: 20 }, (_, value) => echo(session, value));
  const requests = await server.take(20);
  assert.equal(new Set(requests.map(({ id }) => id)).size, 20);
  for (const request of [...requests.slice(7).reverse(), ...requests.slice(0, 7)]) answer(request);
  assert.deepEqual(
    await Promise.all(calls),
    Array.from({ length: 20 }, (_, value) => value),
  );
});

test("at most maxInFlight are sent; the others follow in order", async () => {
  const narrow = await openSession(server.url, { maxInFlight: 3 });
  const calls = Array.from({ length: 8 }, (_, value) => echo(narrow, value));
  const order: number[] = [];
  const held = await server.take(3);
  while (order.length < 8) {
    assert.deepEqual([narrow.inFlight, server.backlog], [Math.min(3, 8 - order.length), 0]);
    const request = held.shift() ?? assert.fail();
    order.push(request.value);
    answer(request);
    await calls[request.value];
    if (narrow.waiting + narrow.inFlight > held.length) held.push(await server.next());
  }
  assert.deepEqual(order, [0, 1, 2, 3, 4, 5, 6, 7]);
  assert.deepEqual(await Promise.all(calls), order);
  narrow.terminate();
});

test("tryInfer sends when there is a slot, and says when there is none", async () => {
  const narrow = await openSession(server.url, { maxInFlight: 2 });
  const calls = [narrow.tryInfer(valued(1)), narrow.tryInfer(valued(2)), narrow.tryInfer(valued(3))];
  assert.deepEqual(
    calls.map((call) => call !== undefined),
    [true, true, false],
  );
  for (const request of await server.take(2)) answer(request);
  await Promise.all(calls);
  const fourth = narrow.tryInfer(valued(4));
  answer(await server.next());
  assert.deepEqual((await fourth)?.outputs.y?.data, Int32Array.of(4));
  narrow.terminate();
});

test("close waits for every call that was made, then closes", async () => {
  const narrow = await openSession(server.url, { maxInFlight: 1 });
  const calls = [echo(narrow, 1), echo(narrow, 2)];
  const closing = narrow.close();
  assert.equal(narrow.close(), closing);
  await failure(echo(narrow, 3), "closed");
  const first = await server.next();
  const closed = once(first.socket, "close");
  answer(first);
  answer(await server.next());
  assert.deepEqual(await Promise.all(calls), [1, 2]);
  await closing;
  assert.equal((await closed)[0], 1000);
  assert.equal(narrow.connected, false);
});

test("headers travel with the upgrade, the address has model and version", async () => {
  const seen: unknown[][] = [];
  class Recorder extends WebSocket {
    constructor(...args: ConstructorParameters<typeof WebSocket>) {
      super(...args);
      seen.push(args);
    }
  }
  const headers = { authorization: "Bearer t" };
  const client = new InferenceClient(`${server.url}/base`, { WebSocket: Recorder, headers });
  (await client.connect("a b", { version: 2 })).terminate();
  const address = `${server.url.replace("http", "ws")}/base/v2/models/a%20b/versions/2/infer`;
  assert.deepEqual(seen, [[address, [], { headers }]]);
});

/** Never opens. */
class DeafSocket {
  binaryType = "";
  onopen: unknown;
  onmessage: unknown;
  onerror: unknown;
  onclose: unknown;
  send() {}
  close() {}
}

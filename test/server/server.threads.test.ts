// SPDX-License-Identifier: Apache-2.0
// Several HTTP threads behind one server: wrong numbers and addresses first, then that they agree in everything.
import assert from "node:assert/strict";
import { connect } from "node:net";
import { after, test } from "node:test";
import { createServer, loadRepository, type OrtServer, type ServerOptions } from "../../src/server/index.js";
import { createLogger } from "../../src/telemetry/log.js";
import { modelPath } from "../models/make.mjs";
import { onEachThread, threadOf } from "./each-thread.js";
import { type RawClient, type RawResponse, until } from "./raw-http.js";
import { layoutOf, startRealServer } from "./real-server.js";
import { SocketClient } from "./socket-client.js";

const skip = process.platform === "linux" ? false : "several HTTP threads need Linux";
const servers: OrtServer[] = [];
after(() => Promise.all(servers.map((server) => server.close())));

async function start(layout: Parameters<typeof startRealServer>[0], options: Partial<ServerOptions> = {}) {
  const server = await startRealServer(layout, { httpThreads: 2, ...options });
  servers.push(server);
  return server;
}

async function tinyServer(options: Partial<ServerOptions> = {}): Promise<OrtServer> {
  const server = createServer({ models: await loadRepository(modelPath("mlp_tiny")), port: 0, ...options });
  servers.push(server);
  return server;
}

async function ask(client: RawClient, method: string, path: string, body = ""): Promise<RawResponse> {
  await client.request(method, path, body);
  return client.response();
}

const rows = '{"instances": [[1, 2, 3, 4]]}';
/** Some 75 ms of work. */
const slow = JSON.stringify({ inputs: { x: [[1, 2, 3, 4]], iterations: [[500]] } });

for (const httpThreads of [0, -1, 65, 1.5, Number.NaN, "2", "many"]) {
  test(`${JSON.stringify(httpThreads)} threads are refused`, async () => {
    const models = await loadRepository(modelPath("mlp_tiny"));
    const expected = {
      code: "ERR_INVALID_ARGUMENT",
      message: /httpThreads: expected "auto" or an integer from 1 to 64/,
    };
    assert.throws(() => createServer({ models, httpThreads: httpThreads as number }), expected);
    await models.close();
  });
}

test("an address that is not this machine's is refused", { skip }, async () => {
  const server = await tinyServer({ httpThreads: 2, host: "192.0.2.1" });
  await assert.rejects(server.listen(), { code: "ERR_INVALID_ARGUMENT", message: /does not have that address/ });
});

for (const [first, second] of [
  [1, 2],
  [2, 1],
  [2, 2],
] as const) {
  test(`a server of ${second} does not share the port of one of ${first}, and may try again`, { skip }, async () => {
    const holder = await tinyServer({ httpThreads: first });
    await holder.listen();
    const other = await tinyServer({ httpThreads: second, port: holder.port });
    await assert.rejects(other.listen(), { code: "ERR_PORT_IN_USE", message: /another server listens there/ });
    await holder.close();
    await other.listen();
    assert.equal((await fetch(`${other.url}/v2/health/ready`)).status, 200);
  });
}

test("of servers that start at the same moment one gets the port", { skip }, async () => {
  const free = await tinyServer();
  await free.listen();
  const { port } = free;
  await free.close();
  const contenders = await Promise.all([1, 2, 3].map(() => tinyServer({ httpThreads: 2, port })));
  const outcomes = await Promise.allSettled(contenders.map((server) => server.listen()));
  const codes = outcomes.map((outcome) => (outcome.status === "rejected" ? outcome.reason.code : "listens")).sort();
  assert.deepEqual(codes, ["ERR_PORT_IN_USE", "ERR_PORT_IN_USE", "listens"]);
});

for (const host of ["::1", "localhost", "0.0.0.0", "::"]) {
  test(`two threads listen on ${host}`, { skip }, async () => {
    const server = await tinyServer({ httpThreads: 2, host });
    await server.listen();
    const answered = await new Promise((resolve, reject) => {
      const socket = connect({
        port: server.port,
        host: host === "0.0.0.0" ? "127.0.0.1" : host.replace(/^::$/, "::1"),
      });
      socket.once("error", reject).once("data", (bytes) => resolve(bytes.toString().split("\r\n")[0]));
      socket.write("GET /v2/health/ready HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    });
    assert.equal(answered, "HTTP/1.1 200 OK");
  });
}

test("identical requests on two threads share one run, and both threads tell the same of it", { skip }, async () => {
  const config = "cache: true\n";
  const server = await start({
    slow: { versions: { 1: "slow" }, config },
    tiny: { versions: { 1: "mlp_tiny" }, config },
  });
  const [one, other] = (await onEachThread(server.port, 2)) as [RawClient, RawClient];
  for (const client of [one, other]) await client.request("POST", "/predict/slow", slow);
  const answers = await Promise.all([one.response(), other.response()]);
  assert.deepEqual(answers.map(({ headers }) => headers["x-cache"]).sort(), ["join", "miss"]);
  assert.equal((await ask(one, "POST", "/predict/tiny", rows)).headers["x-cache"], "miss");
  assert.equal((await ask(other, "POST", "/predict/tiny", rows)).headers["x-cache"], "hit");
  const told = await Promise.all([one, other].map((client) => ask(client, "GET", "/v2/models/stats")));
  const [mine, theirs] = told.map(({ body }) => JSON.parse(body.toString()).model_stats);
  assert.deepEqual(mine, theirs);
  const runs = mine.map(({ name, execution_count }: Record<string, unknown>) => [name, execution_count]);
  assert.deepEqual(runs, [
    ["slow", 1],
    ["tiny", 1],
  ]);
});

test("at the moment it begins to close, the server is not ready in any thread", { skip }, async () => {
  const server = await start(layoutOf("slow"));
  const [one, other] = (await onEachThread(server.port, 2)) as [RawClient, RawClient];
  const [busy] = (await onEachThread(server.port, 1)) as [RawClient];
  const socket = await SocketClient.open(server.url, "/predict");
  socket.socket.send(slow);
  await busy.request("POST", "/predict", slow);
  await until(() => server.inFlight === 2);
  const closing = server.close();
  for (const client of [one, other]) {
    const { status, headers } = await ask(client, "GET", "/v2/health/ready");
    assert.deepEqual([status, headers.connection], [503, "close"]);
  }
  const answer = await busy.response();
  assert.deepEqual([answer.status, answer.headers.connection], [200, "close"]);
  assert.equal((await socket.json()).model, "slow");
  assert.equal(await socket.closed, 1001);
  await closing;
  assert.equal(server.inFlight, 0);
});

test("all threads log to one logger, whose level is theirs", { skip }, async () => {
  const lines: { level: string; msg: string; requestId: string }[] = [];
  const logger = createLogger("info", { write: (line) => lines.push(JSON.parse(line)) });
  const server = await start(layoutOf("mlp_tiny"), { logger });
  const clients = await onEachThread(server.port, 2);
  const [one, other] = clients as [RawClient, RawClient];
  const level = async (client: RawClient) => JSON.parse((await ask(client, "GET", "/v2/logging")).body.toString());
  assert.equal((await ask(one, "POST", "/v2/logging", '{"log_verbose_level": 1}')).status, 200);
  assert.equal((await level(other)).log_verbose_level, 1, "in force everywhere once it is answered");
  const answers = [await ask(one, "POST", "/predict", rows), await ask(other, "POST", "/predict", rows)];
  const isLogged = ({ headers }: RawResponse) => lines.some(({ requestId }) => requestId === headers["x-request-id"]);
  await until(() => answers.every(isLogged));
  assert.equal(new Set(answers.map(threadOf)).size, 2);
  logger.level = "error";
  assert.equal((await level(one)).log_warning, false);
  logger.level = "warn";
  lines.length = 0;
  for (let i = 0; i < 200; i++) await ask(i % 2 === 0 ? one : other, "POST", "/predict", "{");
  await ask(one, "POST", "/v2/logging", '{"log_info": true}');
  await until(() => logger.level === "info"); // so every line that was sent before has come
  const failures = lines.filter(({ msg }) => msg === "request failed");
  assert.ok(failures.length >= 50 && failures.length < 200, `${failures.length} of 200 failures within seconds`);
});

// SPDX-License-Identifier: Apache-2.0
// The logging extension: what is refused first, then that a change of level is a change of what is logged.
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { createLogger } from "../../src/telemetry/log.js";
import { type FakeServer, startFakeServer } from "./fake-server.js";
import type { Json } from "./open-inference-body.js";

const lines: string[] = [];
const logger = createLogger("info", { write: (line) => lines.push(line) });
let fake: FakeServer;

before(async () => {
  fake = await startFakeServer({ logger });
});
after(() => fake.server.close());
beforeEach(() => {
  logger.level = "info";
  lines.length = 0;
});

async function post(settings: Json): Promise<{ status: number; json: Json }> {
  const body = typeof settings === "string" ? settings : JSON.stringify(settings);
  const response = await fetch(`${fake.url}/v2/logging`, { method: "POST", body });
  return { status: response.status, json: await response.json() };
}
const get = async (): Promise<Json> => (await fetch(`${fake.url}/v2/logging`)).json();

const info = {
  log_file: "",
  log_info: true,
  log_warning: true,
  log_error: true,
  log_verbose_level: 0,
  log_format: "ISO8601",
};

for (const [settings, status, message] of [
  ["{", 400, /^failed to parse the request JSON/],
  ["", 400, /expected a JSON object/],
  [[], 400, /expected a JSON object/],
  [{ log_info: 1 }, 400, /'log_info': expected true or false, got 1/],
  [{ log_verbose_level: true }, 400, /expected a non-negative integer, got true/],
  [{ log_verbose_level: -1 }, 400, /got -1/],
  [{ log_warnings: true }, 400, /unknown log setting 'log_warnings'; known: log_info, log_warning, log_error/],
  [{ log_info: true, log_error: false }, 400, /contradict/],
  [{ log_format: "xml" }, 400, /"xml"/],
  [{ log_format: "default" }, 501, /always ISO8601/],
  [{ log_file: "/tmp/x", log_info: false }, 501, /log file location can not be updated/],
] as [Json, number, RegExp][]) {
  test(`${JSON.stringify(settings)} is refused and changes nothing`, async () => {
    const { status: got, json } = await post(settings);
    assert.equal(got, status);
    assert.match(json.error, message);
    assert.deepEqual(await get(), info);
  });
}

test("a server without a logger says so", async () => {
  const silent = await startFakeServer();
  const response = await fetch(`${silent.url}/v2/logging`, { method: "POST", body: '{"log_info":true}' });
  assert.equal(response.status, 501);
  const settings = (await (await fetch(`${silent.url}/v2/logging`)).json()) as Json;
  assert.deepEqual([settings.log_info, settings.log_error], [false, false]);
  await silent.server.close();
});

for (const [settings, level, expected] of [
  [{}, "info", {}],
  [{ log_info: false }, "warn", { log_info: false }],
  [{ log_warning: false }, "error", { log_info: false, log_warning: false }],
  [{ log_error: false }, "silent", { log_info: false, log_warning: false, log_error: false }],
  [{ log_verbose_level: 1 }, "debug", { log_verbose_level: 1 }],
  [{ log_verbose_level: 5 }, "trace", { log_verbose_level: 2 }],
  [{ log_info: false, log_warning: true, log_format: "ISO8601" }, "warn", { log_info: false }],
] as [Json, string, Json][]) {
  test(`${JSON.stringify(settings)} makes the level ${level} and is answered with all settings`, async () => {
    const { status, json } = await post(settings);
    assert.equal(status, 200);
    assert.deepEqual(json, { ...info, ...expected });
    assert.deepEqual(await get(), json);
    assert.equal(logger.level, level);
  });
}

test("a verbose level brings a line per request, without it there is none; errors go as they are told", async () => {
  const predict = (body: Json) => fetch(`${fake.url}/predict`, { method: "POST", body: JSON.stringify(body) });
  await predict({});
  assert.equal(lines.length, 0);
  await post({ log_verbose_level: 1 });
  lines.length = 0;
  await predict({});
  assert.match(lines.join(""), /"level":"debug".*"route":"\/predict"/);
  await post({ log_verbose_level: 0, log_warning: false });
  lines.length = 0;
  await predict({ do: "fail", code: "ERR_INVALID_INPUT" });
  assert.deepEqual(lines, []);
  await post({ log_warning: true });
  await predict({ do: "fail", code: "ERR_INVALID_INPUT" });
  assert.match(lines.join(""), /"level":"warn"/);
});

// SPDX-License-Identifier: Apache-2.0
// Python clients of the Open Inference Protocol, and of KServe's first, unchanged, against this server.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { OrtServer } from "../../src/server/index.js";
import { createLogger } from "../../src/telemetry/log.js";
import { modelPath } from "../models/make.mjs";
import { startConformanceServer } from "../server/conformance.js";
import { LiveServer } from "../server/live-server.js";
import { pythonChecks } from "./python-checks.js";

let server: OrtServer;

before(async () => {
  server = await startConformanceServer({ sharedMemory: true, logger: createLogger("info", { write: () => {} }) });
});
after(() => server.close());

const address = () => server.url.replace("http://", "");

for (const [client, script, least, url] of [
  ["tritonclient.http", "tritonclient_sync.py", 11, address],
  ["tritonclient.utils.shared_memory", "shared_memory.py", 3, address],
  ["tritonclient.http.aio", "tritonclient_aio.py", 5, address],
  ["the KServe SDK", "kserve_client.py", 4, () => server.url],
  ["the KServe SDK, protocol version 1", "kserve_v1_client.py", 3, () => server.url],
] as const) {
  test(client, async (t) => {
    for (const { check, error } of await pythonChecks(script, least, url())) {
      await t.test(check, () => assert.equal(error, null, error ?? ""));
    }
  });
}

test("tritonclient.http, the model repository", async (t) => {
  const live = await LiveServer.start({ simple: { versions: { 1: "simple" }, config: "max_request_rows: 8\n" } });
  t.after(() => live.close());
  const url = live.server.url.replace("http://", "");
  for (const { check, error } of await pythonChecks("tritonclient_repository.py", 4, url, modelPath("simple"))) {
    await t.test(check, () => assert.equal(error, null, error ?? ""));
  }
});

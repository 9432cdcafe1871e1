// SPDX-License-Identifier: Apache-2.0
// `batching: off` changes who runs with whom, and nothing that a client sees.
import assert from "node:assert/strict";
import { appendFileSync, cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { createServer, loadRepository, type OrtServer } from "../../src/server/index.js";
import { assertClose } from "./close.js";
import { readJson, samplesDirectory } from "./held-out-digits.js";

const directory = mkdtempSync(join(tmpdir(), "ortserve-batching-"));
let server: OrtServer;

before(async () => {
  cpSync(fileURLToPath(samplesDirectory), directory, { recursive: true });
  for (const name of ["digits", "iris"]) appendFileSync(join(directory, name, "config.yaml"), "\nbatching: off\n");
  server = createServer({ models: await loadRepository(directory, { strict: true }), port: 0 });
  await server.listen();
});
after(async () => {
  await server.close();
  rmSync(directory, { recursive: true });
});

async function predict(name: string, body: string): Promise<unknown> {
  const response = await fetch(`${server.url}/predict/${name}`, { method: "POST", body });
  assert.equal(response.status, 200);
  return response.json();
}

for (const name of ["digits", "iris"])
  test(`${name} answers its sample request as ever, and several rows with one prediction each`, async () => {
    const request = readJson(new URL(`${name}/request.json`, samplesDirectory)) as { instances?: unknown[] };
    const reply = readJson(new URL(`${name}/reply.json`, samplesDirectory)) as { predictions: unknown[] };
    assertClose(await predict(name, JSON.stringify(request)), reply);
    const row = request.instances?.[0] ?? Object.values(request);
    const several = (await predict(name, JSON.stringify({ instances: [row, row, row] }))) as typeof reply;
    assertClose(
      several.predictions,
      [1, 2, 3].map(() => reply.predictions[0]),
    );
  });

async function executions(name: string): Promise<number> {
  const response = await fetch(`${server.url}/v2/models/${name}/stats`);
  const { model_stats: stats } = (await response.json()) as { model_stats: { execution_count: number }[] };
  return stats[0]?.execution_count ?? Number.NaN;
}

test("requests that come at once run one by one", async () => {
  const body = JSON.stringify(readJson(new URL("digits/request.json", samplesDirectory)));
  const before = await executions("digits");
  await Promise.all(Array.from({ length: 16 }, () => predict("digits", body)));
  assert.equal((await executions("digits")) - before, 16);
});

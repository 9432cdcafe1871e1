// SPDX-License-Identifier: Apache-2.0
// A server that listens while its models are being loaded: alive, not ready, and it says so to whoever asks.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { createServer, RepositoryControl } from "../../src/server/index.js";
import { layoutOf, makeRepository, removeRepository, serverDefaults } from "./real-server.js";

const root = makeRepository(layoutOf("mlp_tiny"));
after(() => removeRepository(root));

const rows = { method: "POST", body: JSON.stringify({ instances: [[1, 2, 3, 4]] }) };

for (const httpThreads of [1, 2]) {
  test(`before its models are loaded it is alive and not ready, on ${httpThreads} HTTP thread(s)`, async () => {
    const models = new RepositoryControl(root);
    const server = createServer({ ...serverDefaults(), models, httpThreads });
    await server.listen();
    const status = async (path: string, init?: RequestInit) => (await fetch(server.url + path, init)).status;
    assert.equal(await status("/v2/health/live"), 200);
    assert.equal(await status("/v2/health/ready"), 503);
    assert.equal(await status("/healthz"), 503);
    assert.equal(await status("/ping"), 500);
    assert.equal(await status("/v2/models/mlp_tiny/ready"), 503);

    for (const path of ["/predict", "/predict/mlp_tiny"]) {
      const early = await fetch(server.url + path, rows);
      assert.deepEqual([early.status, early.headers.get("retry-after")], [503, "1"], path);
      assert.match(((await early.json()) as { error: string }).error, /being loaded|yet$/);
    }

    await models.start();
    assert.equal(await status("/v2/models/mlp_tiny/ready"), 200, "what is loaded answers");
    assert.equal(await status("/predict/mlp_tiny", rows), 200);
    assert.equal(await status("/v2/health/ready"), 503, "and the server is ready when it is told so");
    server.open();
    assert.equal(await status("/v2/health/ready"), 200);
    assert.equal(await status("/predict", rows), 200);
    assert.equal(await status("/predict/other", rows), 404);
    await server.close();
  });
}

test("a default model that was not loaded is told when it opens", async () => {
  const models = new RepositoryControl(root);
  const server = createServer({ ...serverDefaults(), models, defaultModel: "other" });
  await server.listen();
  await models.start();
  assert.throws(() => server.open(), { code: "ERR_MODEL_NOT_FOUND" });
  await server.close();
});

test("a server that is closed while its models are being loaded closes, and nobody judges what was loaded", async () => {
  const models = new RepositoryControl(root, { strict: true });
  const server = createServer({ ...serverDefaults(), models });
  await server.listen();
  const started = models.start();
  await server.close();
  await started;
  assert.equal(server.closing, true);
  assert.equal(models.models.index().filter(({ state }) => state === "LOADING").length, 0);
});

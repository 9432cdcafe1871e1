// SPDX-License-Identifier: Apache-2.0
// Many models in one process, loaded side by side, so many at a time.
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openRepository } from "../../src/server/index.js";
import { LoadLimit } from "../../src/serving/load-limit.js";
import { modelPath } from "../models/make.mjs";

test("no more than the limit run at once, in the order in which they came, whatever fails", async () => {
  const limit = new LoadLimit(3);
  const order: number[] = [];
  let running = 0;
  let most = 0;
  const works = Array.from({ length: 20 }, (_, i) =>
    limit.run(async () => {
      order.push(i);
      most = Math.max(most, ++running);
      await new Promise((resolve) => setImmediate(resolve));
      running--;
      if (i % 4 === 0) throw new Error(`${i}`);
      return i;
    }),
  );
  const results = await Promise.allSettled(works);
  assert.equal(most, 3);
  assert.deepEqual(
    order,
    results.map((_, i) => i),
  );
  assert.equal(results.filter(({ status }) => status === "rejected").length, 5);
});

test("200 models, some of them broken, are loaded at the start or one by one, answer and are freed", async () => {
  const root = mkdtempSync(join(tmpdir(), "ortserve-many-"));
  const names = Array.from({ length: 200 }, (_, i) => `m${i}`);
  for (const [i, name] of names.entries()) {
    mkdirSync(join(root, name, "1"), { recursive: true });
    const path = join(root, name, "1", "model.onnx");
    if (i % 50 === 49) writeFileSync(path, "broken");
    else copyFileSync(modelPath(i % 2 === 0 ? "mlp_tiny" : "rowsum"), path); // a copy each: nothing is shared
  }
  const repository = await openRepository(root, { control: "explicit", load: ["*"], concurrency: 8 });
  const index = await repository.index();
  assert.deepEqual([index.length, index.filter(({ state }) => state === "READY").length], [200, 196]);
  assert.match(index.find(({ name }) => name === "m49")?.reason ?? "", /m49\/1\/model\.onnx/);
  const row = [[1, 2, 3, 4]];
  for (const name of names.filter((_, i) => i % 50 !== 49)) {
    const outputs = await repository.models.find(name, "").model.predict(row);
    if (outputs.sum) assert.equal(outputs.sum.data[0], 10);
    else assert.equal(outputs.y?.data.length, 3);
  }
  await Promise.all(names.map((name) => repository.unload(name)));
  assert.deepEqual(repository.models.names, []);
  const loads = await Promise.allSettled([...names, "nope"].map((name) => repository.load(name)));
  assert.equal(loads.filter(({ status }) => status === "rejected").length, 5);
  assert.equal(repository.models.names.length, 196);
  await repository.close();
  rmSync(root, { recursive: true });
});

// SPDX-License-Identifier: Apache-2.0
// The samples' config files are valid, and docs/configuration.md tells of every key there is.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { readModelConfig } from "../../src/serving/config-files.js";
import { modelConfigSchema } from "../../src/serving/model-config.js";
import { scanRepository } from "../../src/serving/repository.js";
import { readJson, samplesDirectory } from "./held-out-digits.js";

const manual = readFileSync(new URL("../../docs/configuration.md", import.meta.url), "utf8");

test("the sample repository has no faults and one version of each model", async () => {
  const { entries, faults } = await scanRepository(fileURLToPath(samplesDirectory));
  assert.deepEqual(faults, []);
  assert.deepEqual(
    entries.map(({ name, versions }) => [name, versions.map(({ version }) => version)]),
    [
      ["digits", ["1"]],
      ["iris", ["1"]],
    ],
  );
});

test("digits has its labels, iris its features", async () => {
  const read = async (name: string) => (await readModelConfig(fileURLToPath(new URL(name, samplesDirectory)))).config;
  assert.deepEqual((await read("digits")).labels, ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
  assert.deepEqual(
    (await read("iris")).features,
    Object.keys(readJson(new URL("iris/request.json", samplesDirectory)) as object),
  );
});

test("docs/configuration.md lists exactly the keys of config.yaml", () => {
  const start = manual.indexOf("## Model repository");
  const section = manual.slice(start, manual.indexOf("\n## ", start + 1));
  const listed = new Set([...section.matchAll(/^\| `([a-z_]+)/gm)].map(([, key]) => key as string));
  assert.deepEqual([...listed].sort(), Object.keys(modelConfigSchema.shape).sort());
});

// SPDX-License-Identifier: Apache-2.0
// Replaces a served model of some megabytes again and again, from time to time by a file that does not load. Prints the growth
// in MB and the number of loads that failed.
import { copyFileSync, mkdirSync, mkdtempSync, renameSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openRepository } from "../../../src/server/index.js";
import { modelPath } from "../../models/make.mjs";
import { residentMegabytes } from "./resident.js";

const root = mkdtempSync(join(tmpdir(), "ortserve-swaps-"));
process.once("exit", () => rmSync(root, { recursive: true }));
mkdirSync(join(root, "m", "1"), { recursive: true });

function place(broken: boolean): void {
  const fresh = join(root, "fresh");
  copyFileSync(modelPath("mlp_mid"), fresh);
  if (broken) truncateSync(fresh, 1_000_000);
  renameSync(fresh, join(root, "m", "1", "model.onnx"));
}

place(false);
const repository = await openRepository(root, { control: "explicit", load: ["m"] });
const image = new Float32Array(784);
let failures = 0;

async function cycle(broken: boolean): Promise<void> {
  place(broken);
  const loading = repository.load("m").catch(() => {
    failures++;
  });
  await repository.models.find("m", "").model.predict(image); // in flight while it is replaced
  await loading;
  await repository.models.find("m", "").model.predict(image);
}

for (let i = 0; i < 20; i++) await cycle(false);
const before = await residentMegabytes();
for (let i = 0; i < 120; i++) await cycle(i % 6 === 5);
console.log(JSON.stringify({ growth: (await residentMegabytes()) - before, failures }));
await repository.close();

// SPDX-License-Identifier: Apache-2.0
// Calls in one synchronous stretch, in which nothing can be answered or collected. Prints the growth in MB and the outcomes.
import { Model } from "../../../src/index.js";
import { modelPath } from "../../models/make.mjs";
import { residentMegabytes } from "./resident.js";

const calls = 120_000;
const model = await Model.load(modelPath("mlp_tiny"), { inlineMicros: Number(process.argv[2]) });
const row = Float32Array.of(1, 2, 3, 4);
const outcomes: Record<string, number> = {};
const count = (outcome: string) => {
  outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
};
await model.predict(row);
const before = await residentMegabytes();
let last: Promise<unknown> = Promise.resolve();
for (let i = 0; i < calls; i++) {
  last = model.predict(row).then(
    () => count("ok"),
    (error: { code: string }) => count(error.code),
  );
}
const peak = process.memoryUsage.rss() / 1e6;
await last;
while (Object.values(outcomes).reduce((a, b) => a + b, 0) < calls)
  await new Promise((resolve) => setImmediate(resolve));
console.log(JSON.stringify({ peak: peak - before, after: (await residentMegabytes()) - before, outcomes }));

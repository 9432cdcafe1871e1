// SPDX-License-Identifier: Apache-2.0
// 100 times: loads a model of some megabytes and closes it ("closing", by the device path of the second argument, where there is
// one), or leaves it to the collector ("collected"), or fails to load one ("failing"). Prints the growth in MB.
import { Model, type ModelOptions } from "../../../src/index.js";
import { modelPath } from "../../models/make.mjs";
import { residentMegabytes } from "./resident.js";

const [mode, path] = process.argv.slice(2);
const options: ModelOptions = path ? { maxBatchRows: 4, sessionOptions: { "ortserve.device_path": path } } : {};
async function cycle(): Promise<void> {
  if (mode === "failing") {
    await Model.load(modelPath("truncated")).catch(() => {});
    await Model.load(modelPath("mlp_mid"), { features: { x: ["too", "few"] } }).catch(() => {});
    return;
  }
  const model = await Model.load(modelPath("mlp_mid"), options);
  await model.predict(new Float32Array(784 * 4));
  if (mode !== "collected") await model.close();
}

for (let i = 0; i < 20; i++) await cycle();
const before = await residentMegabytes();
for (let i = 0; i < 100; i++) await cycle();
console.log(JSON.stringify({ growth: (await residentMegabytes()) - before }));

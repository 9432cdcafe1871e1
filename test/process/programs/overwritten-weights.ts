// SPDX-License-Identifier: Apache-2.0
// Serves a model whose weights lie beside it, and cuts that file short in place. Prints the sum of the answer before and after.
import { mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Tensor } from "../../../src/index.js";
import { openRepository } from "../../../src/server/index.js";
import { externalFp32, model, node, value } from "../../models/onnx.mjs";

const root = mkdtempSync(join(tmpdir(), "ortserve-weights-"));
process.once("exit", () => rmSync(root, { recursive: true }));
process.env.TMPDIR = join(root, "tmp");
const size = 512 * 512;
const graph = {
  name: "external",
  input: [value("x", "fp32", ["batch", 512, 512])],
  output: [value("y", "fp32", ["batch", 512, 512])],
  initializer: [externalFp32("w", [512, 512], "weights.bin", 4 * size)],
  node: [node("Add", ["x", "w"], ["y"])], // uses its weights where they are; those of a MatMul are packed elsewhere
};
mkdirSync(join(root, "models/m/1"), { recursive: true });
mkdirSync(process.env.TMPDIR);
writeFileSync(join(root, "models/m/1/model.onnx"), model(graph));
writeFileSync(join(root, "models/m/1/weights.bin"), new Uint8Array(new Float32Array(size).fill(1).buffer));

const repository = await openRepository(join(root, "models"), { control: "explicit", load: ["m"] });
const sum = async () => {
  const { y } = await repository.models.find("m", "").model.predict<{ y: Tensor<"FP32"> }>(new Float32Array(size));
  return y.data.reduce((total, one) => total + one, 0);
};
const before = await sum();
truncateSync(join(root, "models/m/1/weights.bin"), 0);
const failed = await repository.load("m").then(
  () => "",
  (error: Error) => error.message.replaceAll(root, ""),
);
console.log(JSON.stringify({ before, after: await sum(), failed, left: readdirSync(process.env.TMPDIR) }));
await repository.close();

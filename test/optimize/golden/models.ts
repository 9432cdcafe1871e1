// SPDX-License-Identifier: Apache-2.0
// The small models that make.py quantizes: `node --import tsx test/optimize/golden/models.ts FOLDER` writes them.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { squeezeExcite } from "../../../bench/models/architectures.js";
import { GraphBuilder } from "../../../bench/models/graph.js";

export const goldenModels: Readonly<Record<string, () => Uint8Array>> = {
  mlp: () => new GraphBuilder(11).dense(24, 32).relu().dense(32, 10).finish([24], 10),
  residual: () => {
    const graph = new GraphBuilder(12).conv(3, 8, 2).relu();
    const skip = graph.at;
    graph.conv(8, 8, 1).relu().conv(8, 8, 1).add(skip).relu();
    return graph.channelMeans().dense(8, 10).finish([3, 16, 16], 10);
  },
  squeeze: () => squeezeExcite(16),
};

if (argv[1] === fileURLToPath(import.meta.url)) {
  const folder = argv[2] ?? ".";
  mkdirSync(folder, { recursive: true });
  for (const [name, build] of Object.entries(goldenModels)) writeFileSync(join(folder, `${name}.onnx`), build());
}

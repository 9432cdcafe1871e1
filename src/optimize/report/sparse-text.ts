// SPDX-License-Identifier: Apache-2.0
// What the 2:4 pattern did to a model, in a few lines for a terminal.
import type { SparseReport } from "../prune/sparsify.js";
import { quantity } from "./format.js";
import { outcomeText, qualityRows } from "./quality-text.js";

export function sparseText(report: SparseReport): string {
  const { layers, skipped, quality } = report;
  const sparse = layers.filter((layer) => layer.sparse);
  const weights = sparse.reduce((sum, layer) => sum + layer.weights, 0);
  const rows = [
    [
      "layers",
      `${sparse.length} have two zeros in four, ${layers.length - sparse.length + Object.keys(skipped).length} have not`,
    ],
    ["weights", `${quantity(weights / 2)} of ${quantity(weights)} in these layers are zero; the file keeps its size`],
    ...qualityRows(quality),
  ];
  return outcomeText(rows, report.warnings);
}

// SPDX-License-Identifier: Apache-2.0
// How near the outputs of a changed model are to those of the original, as a table.
import { percent } from "../judge/goals.js";
import type { Quality } from "../judge/quality.js";
import { table } from "./page.js";

export function qualityTable({ outputs }: Quality): string {
  const rows = outputs.map(({ name, sqnr, cosine, agreement }) => [
    name,
    `${sqnr.toFixed(1)} dB`,
    cosine.toFixed(5),
    agreement === undefined ? "" : percent(agreement),
  ]);
  return table(["output", "signal to noise", "cosine similarity", "same best class"], rows);
}

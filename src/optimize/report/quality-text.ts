// SPDX-License-Identifier: Apache-2.0
// What every change of a model tells a terminal: how good the result still is, and what its maker should know.
import { dropText, percent } from "../judge/goals.js";
import type { Quality } from "../judge/quality.js";
import { columns } from "./format.js";

export function qualityRows(quality: Quality): string[][] {
  const { sqnr, samples, accuracy } = quality;
  const rows = [["quality", `${sqnr.toFixed(1)} dB signal to noise; ${dropText(quality)} (${samples} samples)`]];
  if (accuracy) rows.push(["accuracy", `${percent(accuracy.before)} -> ${percent(accuracy.after)}`]);
  return rows;
}

/** Two columns, then the warnings. */
export function outcomeText(rows: string[][], warnings: readonly string[]): string {
  return `${columns(rows, 2)}\n${warnings.map((text) => `  warning: ${text}\n`).join("")}`;
}

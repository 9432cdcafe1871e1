// SPDX-License-Identifier: Apache-2.0
// A quantization's outcome in a few lines for a terminal.

import { dropText, percent } from "../judge/goals.js";
import type { QuantizeReport } from "../quantize/report-data.js";
import { byteText, columns, timeText } from "./format.js";

export function reportText(report: QuantizeReport): string {
  const { bytes, speed, quality, layers, fusion, excluded } = report;
  const ratio = (text: string) => `  ${text}`;
  const rows: string[][] = [
    [
      "size",
      `${byteText(bytes.before)} -> ${byteText(bytes.after)}${ratio(`${(bytes.before / bytes.after).toFixed(2)} x smaller`)}`,
    ],
    [
      "time",
      speed
        ? `${timeText(speed.beforeMicros)} -> ${timeText(speed.afterMicros)}${ratio(`${speed.speedup.toFixed(2)} x as fast`)}`
        : "not measured",
    ],
    ["quality", `${quality.sqnr.toFixed(1)} dB signal to noise; ${dropText(quality)} (${quality.samples} samples)`],
  ];
  if (quality.accuracy)
    rows.push(["accuracy", `${percent(quality.accuracy.before)} -> ${percent(quality.accuracy.after)}`]);
  rows.push([
    "layers",
    `${layers.quantized} ${report.mode === "half" ? "in FP16" : "in INT8"}, ${layers.float.length} in FP32${excluded.length > 0 ? `, ${excluded.length} of them kept out for quality` : ""}`,
  ]);
  if (fusion)
    rows.push(["kernels", `${fusion.integer} integer, ${fusion.float.length} FP32${missText(fusion.missed.length)}`]);
  const took = report.stages.reduce((sum, { seconds }) => sum + seconds, 0);
  const timing = report.stages.find(({ name }) => name === "speed")?.seconds ?? 0;
  rows.push(["took", `${took.toFixed(1)} s, of which ${timing.toFixed(1)} s to time both models`]);
  const warnings = report.warnings.map((text) => `  warning: ${text}`);
  return `${columns([[`${report.mode}`, `for ${report.target}`], ...rows], 2)}\n${warnings.map((line) => `${line}\n`).join("")}`;
}

function missText(count: number): string {
  return count === 0 ? "" : `; ${count} were meant to be integer, the report says why they are not`;
}

// SPDX-License-Identifier: Apache-2.0
// A quantization's outcome in a few lines for a terminal.
import type { QuantizeReport } from "../quantize/report-data.js";
import { byteText, timeText } from "./format.js";
import { outcomeText, qualityRows } from "./quality-text.js";

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
    ...qualityRows(quality),
  ];
  rows.push([
    "layers",
    `${layers.quantized} ${report.mode === "half" ? "in FP16" : "in INT8"}, ${layers.float.length} in FP32${excluded.length > 0 ? `, ${excluded.length} of them kept out for quality` : ""}`,
  ]);
  if (fusion)
    rows.push(["kernels", `${fusion.integer} integer, ${fusion.float.length} FP32${missText(fusion.missed.length)}`]);
  const took = report.stages.reduce((sum, { seconds }) => sum + seconds, 0);
  const timing = report.stages.find(({ name }) => name === "speed")?.seconds ?? 0;
  rows.push(["took", `${took.toFixed(1)} s, of which ${timing.toFixed(1)} s to time both models`]);
  return outcomeText([[`${report.mode}`, `for ${report.target}`], ...rows], report.warnings);
}

function missText(count: number): string {
  return count === 0 ? "" : `; ${count} were meant to be integer, the report says why they are not`;
}

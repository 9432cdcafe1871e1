// SPDX-License-Identifier: Apache-2.0
// A quantization's report as one HTML file that needs nothing beside it.

import { dropText, percent } from "../judge/goals.js";
import type { QuantizeReport } from "../quantize/report-data.js";
import { byteText, timeText } from "./format.js";
import { madeSection } from "./made.js";
import { page, type Row, table } from "./page.js";
import { qualityTable } from "./quality-table.js";
import { type Bar, barChart } from "./svg.js";

export function htmlReport(report: QuantizeReport, missed: readonly string[]): string {
  const title = `${report.model} for ${report.target}`;
  const notes = [...missed.map((text) => `Not written: ${text}`), ...report.warnings];
  const body = `${table(["", "before", "after", "ratio"], summaryRows(report))}
${beforeAfter(report)}
<h2>Quality</h2>
${qualityTable(report.quality)}
${report.trials.length > 0 ? table(["tried", "signal to noise", "kept"], trialRows(report)) : ""}
${charts(report)}
<h2>Layers</h2>
<p>${report.layers.quantized} layers have 8-bit or 16-bit weights, ${report.layers.float.length} stay FP32${fusionText(report)}.</p>
${
  report.layers.float.length > 0
    ? table(
        ["node", "operator", "why FP32"],
        report.layers.float.map(({ name, op, reason }) => [name, op, reason]),
      )
    : ""
}
${report.fusion ? table(["operator that runs", "nodes"], Object.entries(report.fusion.operators)) : ""}
${madeSection(originRows(report), report)}`;
  return page(title, notes, body);
}

function summaryRows({ bytes, speed, quality }: QuantizeReport): Row[] {
  const rows: Row[] = [
    ["size", byteText(bytes.before), byteText(bytes.after), `${(bytes.before / bytes.after).toFixed(2)} x smaller`],
  ];
  if (speed)
    rows.push([
      "time of a run",
      timeText(speed.beforeMicros),
      timeText(speed.afterMicros),
      `${speed.speedup.toFixed(2)} x as fast`,
    ]);
  if (quality.accuracy) rows.push(["accuracy", percent(quality.accuracy.before), percent(quality.accuracy.after), ""]);
  return rows;
}

function beforeAfter({ bytes, speed }: QuantizeReport): string {
  const pair = (title: string, before: number, after: number, text: (value: number) => string) =>
    barChart(title, [
      { label: "before", from: 0, to: before, note: text(before), tone: "pale" },
      { label: "after", from: 0, to: after, note: text(after) },
    ]);
  const size = pair("Size", bytes.before, bytes.after, byteText);
  return speed
    ? size + pair(`Time of a run on ${speed.threads} thread`, speed.beforeMicros, speed.afterMicros, timeText)
    : size;
}

function trialRows({ trials }: QuantizeReport): Row[] {
  return trials.map(({ what, sqnr, kept }) => [what, `${sqnr.toFixed(1)} dB`, kept ? "yes" : "no"]);
}

function charts({ noise, sensitivity, ranges, excluded }: QuantizeReport): string {
  const out = new Set(excluded);
  const decibels = (label: string, sqnr: number): Bar => ({
    label,
    from: 0,
    to: Math.max(0, sqnr),
    note: `${sqnr.toFixed(1)} dB${out.has(label) ? ", kept FP32" : ""}`,
    tone: out.has(label) ? "pale" : sqnr < 15 ? "bad" : "plain",
  });
  const all: string[] = [];
  if (noise.length > 0)
    all.push(
      barChart(
        "Signal to noise of each layer's result, all errors before it included",
        noise.map(({ layer, sqnr }) => decibels(layer, sqnr)),
      ),
    );
  if (sensitivity.length > 0)
    all.push(
      barChart(
        "Signal to noise of the outputs when one layer alone is quantized, worst first",
        sensitivity.map(({ name, sqnr }) => decibels(name, sqnr)),
      ),
    );
  if (ranges.length > 0) all.push(barChart("Ranges of activations", ranges.map(rangeBar)));
  return all.join("\n");
}

/** On a logarithmic scale of magnitudes: ranges differ by orders. */
function rangeBar({ tensor, min, max, scale }: QuantizeReport["ranges"][number]): Bar {
  const squeeze = (value: number) => Math.sign(value) * Math.log1p(Math.abs(value));
  const note = `${min.toPrecision(3)} to ${max.toPrecision(3)}, step ${scale.toPrecision(3)}`;
  return { label: tensor, from: squeeze(min), to: squeeze(max), note };
}

function fusionText({ fusion }: QuantizeReport): string {
  if (!fusion) return "";
  const missed =
    fusion.missed.length === 0
      ? "none that was meant to be integer is not"
      : `${fusion.missed.length} were meant to be integer`;
  return `. ONNX Runtime runs ${fusion.integer} of them on integer kernels; ${missed}`;
}

function originRows(report: QuantizeReport): Row[] {
  const { calibration, goals, quality, speed } = report;
  return [
    ["mode", report.mode],
    [
      "calibration",
      `${calibration.samples} samples, ranges by ${calibration.method === "mse" ? "least squared error" : "what was seen"}`,
    ],
    ["judged on", `${quality.samples} other samples: ${dropText(quality)}`],
    [
      "goals",
      `drop at most ${percent(goals.maxDrop)}, signal to noise at least ${goals.minSqnr} dB, speed-up at least ${goals.minSpeedup}`,
    ],
    ...report.inputs.map(
      (input): Row => [
        `input ${input.name}`,
        `UINT8${input.layout === "nhwc" ? ", channels last" : ""}: ${meaning(input)}`,
      ],
    ),
    ...report.outputs.map(
      ({ name, params }): Row => [`output ${name}`, `UINT8: ${params.scale} * (x - ${params.zeroPoint})`],
    ),
    ["timed", speed ? `${speed.rounds} rounds in turns, medians` : "not on this machine"],
  ];
}

/** Of the integers. */
function meaning({ params, arithmetic }: QuantizeReport["inputs"][number]): string {
  if (arithmetic === undefined) return `${params.scale} * (x - ${params.zeroPoint})`;
  return `x * [${arithmetic.mul.join(", ")}] + [${arithmetic.add.join(", ")}], computed in the model`;
}

// SPDX-License-Identifier: Apache-2.0
// How commands that make a model better end: what they print, the reports they write, and the refusal.
import { writeFileSync } from "node:fs";
import { OrtserveError } from "../errors.js";

export interface ReportFlags {
  output: string;
  report: string | false;
  json?: true;
}

export interface ModelChange {
  readonly report: object;
  /** Goals that were missed. */
  readonly missed: readonly string[];
  readonly text: string;
  readonly html: () => string;
}

/** Throws ERR_GOAL_MISSED when the model was not written. */
export function concludeChange({ report, missed, text, html }: ModelChange, flags: ReportFlags): void {
  process.stdout.write(flags.json ? `${JSON.stringify({ ...report, missed }, null, 2)}\n` : text);
  if (missed.length > 0)
    throw new OrtserveError("ERR_GOAL_MISSED", `${flags.output} was not written: ${missed.join("; ")}`);
  if (flags.report === false) return;
  const base = typeof flags.report === "string" ? flags.report : `${flags.output.replace(/\.onnx$/i, "")}.report`;
  writeFileSync(`${base}.json`, `${JSON.stringify(report, null, 2)}\n`);
  writeFileSync(`${base}.html`, html());
}

/** By way of the exit event, which clears drafts away. */
export function endCleanly(): void {
  process.once("SIGINT", () => process.exit(130));
  process.once("SIGTERM", () => process.exit(143));
}

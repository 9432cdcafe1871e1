// SPDX-License-Identifier: Apache-2.0
// How commands that make a model better end: what they print, the reports they write, and the refusal.
import { rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
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

/** Before any work. Throws ERR_INVALID_ARGUMENT where the folder of `--report` is missing. */
export function checkReport({ report }: ReportFlags): void {
  if (typeof report !== "string") return;
  const folder = dirname(resolve(report));
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true)
    throw new OrtserveError("ERR_INVALID_ARGUMENT", `--report ${report}: there is no directory ${folder}`);
}

function writeReport(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    if (statSync(path, { throwIfNoEntry: false })?.isFile()) rmSync(path, { force: true }); // no half of a report
    throw error;
  }
}

/** Throws ERR_GOAL_MISSED when the model was not written. */
export function concludeChange({ report, missed, text, html }: ModelChange, flags: ReportFlags): void {
  process.stdout.write(flags.json ? `${JSON.stringify({ ...report, missed }, null, 2)}\n` : text);
  if (missed.length > 0)
    throw new OrtserveError("ERR_GOAL_MISSED", `${flags.output} was not written: ${missed.join("; ")}`);
  if (flags.report === false) return;
  const base = typeof flags.report === "string" ? flags.report : `${flags.output.replace(/\.onnx$/i, "")}.report`;
  writeReport(`${base}.json`, `${JSON.stringify(report, null, 2)}\n`);
  writeReport(`${base}.html`, html());
}

/** By way of the exit event, which clears drafts away. */
export function endCleanly(): void {
  process.once("SIGINT", () => process.exit(130));
  process.once("SIGTERM", () => process.exit(143));
}

// SPDX-License-Identifier: Apache-2.0
// What the benchmark programs have in common: how they end, and where their results go.
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { Progress } from "./progress.js";

export const root = join(import.meta.dirname, "..");

/** Runs a program's main; a failure is one line on stderr and exit code 1. */
export async function runProgram(progress: Progress, main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    progress.end();
    console.error(`bench: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}

/** Path of a result of a run that began at `date`, in ISO 8601. */
export function resultFile(date: string, ending: string, prefix = ""): string {
  return join(root, "bench", "results", `${prefix}${date.slice(0, 19).replaceAll(":", "-")}${ending}`);
}

/** Writes a file, its folder too, and says so. */
export function writeResult(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
  console.log(`wrote ${relative(root, path)}`);
}

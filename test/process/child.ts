// SPDX-License-Identifier: Apache-2.0
// Runs a program in a process of its own, where it may crash, or be measured, without the tests around it.
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** `program`: file name in test/process/programs without ".ts". */
export function run(program: string, ...args: string[]): Promise<Ending> {
  return runFile(new URL(`programs/${program}.ts`, import.meta.url), ...args);
}

/** The same with any TypeScript file; `gc` is exposed to it. */
export function runFile(program: URL, ...args: string[]): Promise<Ending> {
  return runWith(["--expose-gc"], program, ...args);
}

/** The same with options for Node, which hold for its threads, too. */
export function runWith(options: readonly string[], program: URL, ...args: string[]): Promise<Ending> {
  const file = fileURLToPath(program);
  const child = spawn(process.execPath, ["--import", "tsx", ...options, file, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

// SPDX-License-Identifier: Apache-2.0
// Runs a Python script of this folder in the environment that `npm run test:interop` made.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const environments = fileURLToPath(new URL("../../build/interop/", import.meta.url));

export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Runs a program to its end, in this folder. */
export function runProgram(file: string, args: readonly string[], env: Record<string, string> = {}): Promise<Ended> {
  const cwd = fileURLToPath(new URL(".", import.meta.url));
  const child = spawn(file, args, { cwd, env: { ...process.env, PYTHONDONTWRITEBYTECODE: "1", ...env } });
  const ended: Ended = { code: null, stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => {
    ended.stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    ended.stderr += chunk;
  });
  return new Promise((resolve, reject) => {
    child.once("error", (cause) =>
      reject(new Error(`${file} cannot be run: npm run test:interop makes it`, { cause })),
    );
    child.once("close", (code) => resolve({ ...ended, code }));
  });
}

/** A program of one of the environments, such as `clients/bin/python`. */
export const inEnvironment = (path: string) => environments + path;

interface Check {
  check: string;
  error: string | null;
}

/** What each check of `script` came to; at least `least` of them. */
export async function pythonChecks(script: string, least: number, ...args: string[]): Promise<Check[]> {
  const { code, stdout, stderr } = await runProgram(inEnvironment("clients/bin/python"), [script, ...args]);
  assert.equal(code, 0, stderr);
  const checks = stdout.split("\n").filter((line) => line.startsWith("{"));
  assert.ok(checks.length >= least, `expected ${least} checks or more, got ${checks.length}\n${stdout}${stderr}`);
  return checks.map((line) => JSON.parse(line));
}

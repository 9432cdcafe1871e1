// SPDX-License-Identifier: Apache-2.0
// Runs the TypeScript tests with Node's own test runner. Node 20 expands no globs, so the files are listed here.
import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, relative } from "node:path";
import { followNpm } from "./follow-npm.mjs";
import { root } from "./stale.mjs";

// What installs packages from a registry, slow and not offline: `npm run test:package` and `npm run test:interop`.
const onlyWhenNamed = /^test.(package.package\.tarball|interop.interop\.[a-z-]+)\.test\.ts$/;

/** Test files whose path contains one of `filters`, or all; sorted. */
export function testFiles(filters = []) {
  return readdirSync(join(root, "test"), { recursive: true })
    .map((name) => relative(root, join(root, "test", name)))
    .filter((path) => path.endsWith(".test.ts"))
    .filter((path) => (filters.length === 0 ? !onlyWhenNamed.test(path) : filters.some((part) => path.includes(part))))
    .sort();
}

/** `args`: parts of file names, and options for node (`--test-name-pattern=...`). Resolves to the exit code. */
export async function runTests(args) {
  const options = args.filter((arg) => arg.startsWith("-"));
  const filters = args.filter((arg) => !arg.startsWith("-"));
  const files = testFiles(filters);
  if (files.length === 0) {
    process.stderr.write(`ortserve: no test file's path contains ${filters.join(" or ")}\n`);
    return 1;
  }
  const concurrency = Math.max(2, availableParallelism());
  const reporter = "--test-reporter=spec";
  const timeout = "--test-timeout=300000";
  return runNode(["--test", `--test-concurrency=${concurrency}`, reporter, timeout, ...options, ...files]);
}

/** Runs a TypeScript file of the checkout; resolves to its exit code. */
export function runScript(path, args) {
  return runNode([join(root, path), ...args]);
}

// A child, because a test runner and a benchmark need Node options. Ctrl-C reaches it through the terminal's group.
function runNode(args) {
  const child = spawn(process.execPath, ["--import", "tsx", ...args], { cwd: root, stdio: "inherit" });
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  process.on("SIGINT", () => {});
  followNpm();
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code, signal) => resolve(code ?? (signal === "SIGINT" ? 130 : 143)));
  });
}

// SPDX-License-Identifier: Apache-2.0
// The three build steps: npm packages, the native addon, the JavaScript in dist/.
import { spawn } from "node:child_process";
import { copyFileSync, createWriteStream, existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { withLock } from "./lock.mjs";
import { beginStep, say } from "./progress.mjs";
import {
  addonIsStale,
  addonPath,
  distIsStale,
  isCheckout,
  markBuilt,
  packagesAreStale,
  prebuiltPath,
  root,
} from "./stale.mjs";
import { checkToolchain } from "./toolchain.mjs";

/** Ends the process's work with a message for the person at the keyboard; no stack. */
export class BuildError extends Error {}

/** Brings everything the checkout needs up to date. Does nothing, and says nothing, when all of it is. */
export async function ensureBuilt({ native = true, dist = true } = {}) {
  checkNode();
  if (!needsWork(native, dist)) return;
  await withLock(join(root, ".build.lock"), async () => {
    if (native && addonIsStale()) requireToolchain();
    if (isCheckout && packagesAreStale()) await installPackages();
    if (native && addonIsStale()) await buildAddon();
    if (dist && isCheckout && distIsStale()) await compileTypeScript();
  });
}

function needsWork(native, dist) {
  return (isCheckout && packagesAreStale()) || (native && addonIsStale()) || (dist && isCheckout && distIsStale());
}

function checkNode() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 17)) {
    throw new BuildError(`Node ${process.version} is too old: Node >= 20.17 is needed`);
  }
}

function requireToolchain() {
  const { found, problem, remedy } = checkToolchain();
  if (problem !== undefined) throw new BuildError(`cannot build the native addon: ${problem}.\n${remedy}`);
  say(`building with ${found}`);
}

async function installPackages() {
  const step = beginStep("installing npm packages");
  const cli = process.env.npm_execpath;
  const isNpm = cli !== undefined && basename(cli) === "npm-cli.js";
  const [command, first] = isNpm ? [process.execPath, [cli]] : ["npm", []];
  await run(
    command,
    [...first, "ci", "--ignore-scripts", "--loglevel=error", "--no-audit", "--no-fund"],
    "build/npm.log",
    {
      shell: !isNpm && process.platform === "win32",
    },
  );
  step.end();
}

async function buildAddon() {
  forgetForeignBuild();
  const step = beginStep("building the native addon");
  const since = new Date();
  const cmakeJs = createRequire(import.meta.url).resolve("cmake-js/bin/cmake-js");
  const jobs = String(availableParallelism());
  const args = [
    cmakeJs,
    "build",
    "--directory",
    root,
    "--out",
    join(root, "build"),
    "--target",
    "addon",
    "--parallel",
    jobs,
  ];
  await run(process.execPath, args, "build/native.log", {}, (line) => {
    const [, done, total] = /^\[\s*(\d+)\/(\d+)\]/.exec(line) ?? /^\[\s*(\d+)(%)\]/.exec(line) ?? [];
    if (done !== undefined) step.advance(Number(done), total === "%" ? 100 : Number(total));
  });
  if (!existsSync(addonPath)) throw new BuildError(`the build ended without ${addonPath}: see build/native.log`);
  markBuilt("addon", since);
  step.end();
}

// CMake refuses a build folder that was made elsewhere: a copied checkout, or one mounted into a container.
function forgetForeignBuild() {
  const cache = join(root, "build/CMakeCache.txt");
  if (!existsSync(cache)) return;
  const home = /^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$/m.exec(readFileSync(cache, "utf8"))?.[1];
  if (home === undefined || resolve(home) !== resolve(root)) rmSync(join(root, "build"), { recursive: true });
}

async function compileTypeScript() {
  const step = beginStep("compiling TypeScript");
  const since = new Date();
  const tsc = join(root, "node_modules/typescript/bin/tsc");
  await run(process.execPath, [tsc, "-p", join(root, "tsconfig.json")], "build/tsc.log");
  markBuilt("dist", since);
  step.end();
}

/** Puts the built addon where the published package carries it. */
export function keepPrebuilt() {
  mkdirSync(dirname(prebuiltPath), { recursive: true });
  copyFileSync(addonPath, prebuiltPath);
}

/** Runs a command with its output in a log file; when it fails, the end of the log is in the error. */
async function run(command, args, logName, options = {}, onLine = () => {}) {
  const log = join(root, logName);
  mkdirSync(dirname(log), { recursive: true });
  const out = createWriteStream(log);
  const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"], ...options });
  const reading = [child.stdout, child.stderr].map(async (stream) => {
    for await (const line of createInterface({ input: stream })) {
      out.write(`${line}\n`);
      onLine(line);
    }
  });
  const [code, signal] = await new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (...end) => resolve(end));
  });
  await Promise.all(reading);
  await new Promise((resolve) => out.end(resolve));
  if (code === 0) return;
  const tail = readFileSync(log, "utf8").trimEnd().split("\n").slice(-40).join("\n");
  throw new BuildError(
    `${basename(args[0] ?? command)} ended with ${signal ?? `exit code ${code}`}:\n${tail}\n(all of it: ${logName})`,
  );
}

// SPDX-License-Identifier: Apache-2.0
// `npm run test:interop`: other servers' Python clients against ours, and ONNX Runtime's quantizer beside ours, in throw-away virtual
// environments under build/.
import { spawnSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ensureBuilt } from "./build.mjs";
import { say } from "./progress.mjs";
import { root } from "./stale.mjs";
import { runTests } from "./test.mjs";

const environments = [
  { name: "clients", requirements: "requirements.txt", options: [] },
  { name: "perf", requirements: "perf-requirements.txt", options: ["--no-deps"] },
  { name: "quantization", requirements: "quantization-requirements.txt", options: [] },
];

function run(file, args) {
  const { status, error } = spawnSync(file, args, { stdio: "inherit" });
  if (error) throw new Error(`${file}: ${error.message}`);
  if (status !== 0) throw new Error(`${file} ${args.join(" ")}: exit code ${status}`);
}

/** Makes the environment unless it was made from these very requirements. */
function ensureEnvironment({ name, requirements, options }) {
  const folder = join(root, "build", "interop", name);
  const source = join(root, "test", "interop", requirements);
  const stamp = join(folder, "installed");
  const wanted = readFileSync(source, "utf8");
  if (readIfThere(stamp) === wanted) return;
  say(`making the Python environment ${folder}`);
  rmSync(folder, { recursive: true, force: true });
  run(process.env.PYTHON ?? "python3", ["-m", "venv", folder]);
  const pip = [join(folder, "bin", "pip"), "install", "--quiet", "--disable-pip-version-check"];
  run(pip[0], [...pip.slice(1), ...options, "--requirement", source]);
  writeFileSync(stamp, wanted);
}

function readIfThere(path) {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

try {
  await ensureBuilt();
  for (const environment of environments) ensureEnvironment(environment);
  process.exitCode = await runTests(["test/interop/", ...process.argv.slice(2)]);
} catch (error) {
  process.stderr.write(`\nortserve: ${error.message}\n`);
  process.exitCode = 1;
}

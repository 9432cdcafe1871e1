// SPDX-License-Identifier: Apache-2.0
// What a number belongs to: the hardware and the versions of everything that took part.
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism, cpus, release, totalmem, type } from "node:os";
import { join } from "node:path";
import { closedLoopTool } from "./load/load.js";
import type { Machine } from "./results.js";

const root = join(import.meta.dirname, "..");
const packages = ["onnxruntime-node", "uWebSockets.js", "fastify"];
const pythonPackages = ["fastapi", "onnxruntime", "uvicorn"];

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release().match(/^[\d.]+/)?.[0] ?? ""} ${process.arch}`,
    versions: { node: process.version, load: closedLoopTool, ...npmVersions(), ...pythonVersions() },
  };
}

/** Short hash of the checked-out commit, with "+" when files differ from it; "unknown" outside git. */
export function commit(): string {
  const git = (...args: string[]) => spawnSync("git", args, { cwd: root, encoding: "utf8" });
  const head = git("rev-parse", "--short", "HEAD");
  if (head.status !== 0) return "unknown";
  return head.stdout.trim() + (git("status", "--porcelain", "--untracked-files=no").stdout.trim() === "" ? "" : "+");
}

function npmVersions(): Record<string, string> {
  const version = (folder: string) => JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).version;
  const own = ["ortserve", version(root)] as const;
  const installed = packages.filter((name) => existsSync(join(root, "node_modules", name)));
  return Object.fromEntries([
    own,
    ...installed.map((name) => [name, version(join(root, "node_modules", name))] as const),
  ]);
}

function pythonVersions(): Record<string, string> {
  const python = join(root, "bench", ".venv", "bin", "python");
  if (!existsSync(python)) return {};
  const names = JSON.stringify(pythonPackages);
  const program = `import json, platform\nfrom importlib.metadata import version\nprint(json.dumps({"python": platform.python_version(), **{"python " + n: version(n) for n in ${names}}}))`;
  const result = spawnSync(python, ["-c", program], { encoding: "utf8" });
  return result.status === 0 ? JSON.parse(result.stdout) : {};
}

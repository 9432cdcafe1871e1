// SPDX-License-Identifier: Apache-2.0
// Biome over JavaScript, TypeScript and JSON; clang-format over C++. With --fix, both write what they can.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { root } from "./stale.mjs";

const fix = process.argv.includes("--fix");

function succeeds(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (error?.code === "ENOENT")
    process.stderr.write(`${command} was not found: install it (Debian: apt-get install ${command})\n`);
  return status === 0;
}

function cppFiles() {
  return ["native", "bench/native"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true })
      .map((name) => join(folder, name))
      .filter((path) => /\.(cc|h)$/.test(path) && !path.includes("third_party")),
  );
}

const biome = succeeds(process.execPath, [
  join(root, "node_modules/@biomejs/biome/bin/biome"),
  "check",
  ...(fix ? ["--write"] : []),
  "--error-on-warnings",
]);
const clangFormat = succeeds("clang-format", [...(fix ? ["-i"] : ["--dry-run", "-Werror"]), ...cppFiles()]);
process.exitCode = biome && clangFormat ? 0 : 1;

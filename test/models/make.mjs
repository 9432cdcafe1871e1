// SPDX-License-Identifier: Apache-2.0
// Writes the test models: `node test/models/make.mjs` the committed ones, `--all` the larger, generated ones too.
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { argv, pid } from "node:process";
import { fileURLToPath } from "node:url";
import { committedFiles } from "./graphs.mjs";
import { generatedModels } from "./networks.mjs";

/** Absolute path of the folder of the test models. */
export const modelsDirectory = dirname(fileURLToPath(import.meta.url));
const generatedDirectory = join(modelsDirectory, "generated");

/** Renaming a finished file into place keeps test processes that run side by side from reading half of it. */
function write(path, bytes) {
  mkdirSync(dirname(path), { recursive: true });
  const draft = `${path}.${pid}`;
  writeFileSync(draft, bytes);
  renameSync(draft, path);
}

/**
 * Absolute path of a test model by its name without ".onnx", e.g. "simple"; generated models are made on first use.
 * @param {string} name
 * @returns {string}
 */
export function modelPath(name) {
  const file = `${name}.onnx`;
  const build = generatedModels[file];
  const path = join(build ? generatedDirectory : modelsDirectory, file);
  if (existsSync(path)) return path;
  if (!build) throw new Error(`no test model '${name}' in ${modelsDirectory}`);
  write(path, build());
  return path;
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  for (const [file, bytes] of committedFiles()) write(join(modelsDirectory, file), bytes);
  if (argv.includes("--all"))
    for (const [file, build] of Object.entries(generatedModels)) write(join(generatedDirectory, file), build());
}

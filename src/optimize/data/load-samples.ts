// SPDX-License-Identifier: Apache-2.0
// Calibration data from a file, or from a directory of files: which loader reads what.
import { readdir, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { OrtserveError } from "../../errors.js";
import type { TensorSpec } from "../../runtime/model.js";
import { loadJsonLines } from "./json-lines.js";
import { loadNpy, loadNpz } from "./numpy.js";
import { joinSamples, type SampleLoader, type Samples } from "./samples.js";

const loaders: readonly SampleLoader[] = [
  { endings: [".npy"], load: loadNpy },
  { endings: [".npz"], load: loadNpz },
  { endings: [".jsonl", ".ndjson", ".json"], load: loadJsonLines },
];

/**
 * Samples for a model from a file, or from a directory of files in order of their names. `more` are loaders for further kinds.
 * Rejects with ERR_INVALID_ARGUMENT for what no loader reads, and ERR_INVALID_INPUT for data that do not fit.
 */
export async function loadSamples(
  path: string,
  specs: readonly TensorSpec[],
  more: readonly SampleLoader[] = [],
): Promise<Samples> {
  const all = [...loaders, ...more];
  const file = await stat(path).catch((cause) => {
    throw new OrtserveError("ERR_INVALID_ARGUMENT", `cannot read the calibration data ${path}: ${cause.message}`, {
      cause,
    });
  });
  const samples = file.isDirectory()
    ? await loadDirectory(path, specs, all)
    : await loaderFor(path, all).load(path, specs);
  if (samples.count > 0) return samples;
  throw new OrtserveError("ERR_INVALID_INPUT", `${path} holds no sample`);
}

function loaderFor(path: string, all: readonly SampleLoader[]): SampleLoader {
  const ending = extname(path).toLowerCase();
  const found = all.find(({ endings }) => endings.includes(ending));
  if (found) return found;
  const known = all.flatMap(({ endings }) => endings).join(", ");
  throw new OrtserveError(
    "ERR_INVALID_ARGUMENT",
    `cannot read calibration data of kind '${ending}' (${path}); known: ${known}`,
  );
}

/** One kind of file, or several. */
async function loadDirectory(
  path: string,
  specs: readonly TensorSpec[],
  loaders: readonly SampleLoader[],
): Promise<Samples> {
  const entries = await readdir(path, { withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && !entry.name.startsWith(".")).map(({ name }) => name);
  const parts: Samples[] = [];
  for (const name of files.sort()) parts.push(await loaderFor(name, loaders).load(join(path, name), specs));
  return joinSamples(parts);
}

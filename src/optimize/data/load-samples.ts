// SPDX-License-Identifier: Apache-2.0
// Calibration data from a file, or from a directory of files: which loader reads what.
import { readdir, stat } from "node:fs/promises";
import { extname, join } from "node:path";
import { OrtserveError } from "../../errors.js";
import type { TensorSpec } from "../../runtime/model.js";
import { loadNpy, loadNpz } from "./numpy.js";
import { joinSamples, type SampleLoader, type Samples } from "./samples.js";

const loaders: readonly SampleLoader[] = [
  { endings: [".npy"], load: loadNpy },
  { endings: [".npz"], load: loadNpz },
];

/**
 * Samples for a model from a file, or from a directory of files in order of their names: NumPy's, and those that `more` read,
 * as `requestLoaders` do.
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

/**
 * Every file below, of one kind or of several. A file is loaded for the number of its samples, and again when one of them is
 * wanted: only the last one stays in memory.
 */
async function loadDirectory(
  path: string,
  specs: readonly TensorSpec[],
  loaders: readonly SampleLoader[],
): Promise<Samples> {
  let last: { file: string; samples: Promise<Samples> } | undefined;
  const open = (file: string): Promise<Samples> => {
    if (last?.file !== file) last = { file, samples: loaderFor(file, loaders).load(file, specs) };
    return last.samples;
  };
  const parts: Samples[] = [];
  for (const file of await filesBelow(path)) {
    const samples = await open(file);
    const labels = Array.from({ length: samples.count }, (_, index) => samples.label(index));
    const inputs = async (index: number) => (await open(file)).inputs(index);
    parts.push({ count: samples.count, inputs, label: (index) => labels[index] });
  }
  return joinSamples(parts);
}

/** In order of their names. What begins with a dot is somebody's unfinished work, or no sample. */
async function filesBelow(path: string): Promise<string[]> {
  const entries = (await readdir(path, { withFileTypes: true })).filter(({ name }) => !name.startsWith("."));
  entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  const files: string[] = [];
  for (const entry of entries) {
    const child = join(path, entry.name);
    if (entry.isDirectory()) files.push(...(await filesBelow(child)));
    else if (entry.isFile()) files.push(child);
  }
  return files;
}

// SPDX-License-Identifier: Apache-2.0
// NumPy's files: .npy, one array, read row by row; .npz, a zip of them named after the inputs, with `labels` where known.
import { closeSync, openSync, readSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { OrtserveError } from "../../errors.js";
import type { TensorSpec } from "../../runtime/model.js";
import { type NpyArray, npyIn, openNpy } from "../../runtime/npy.js";
import { type Datatype, elementCount, Tensor } from "../../runtime/tensor.js";
import type { Samples } from "./samples.js";
import { unzip } from "./zip.js";

export async function loadNpy(path: string, specs: readonly TensorSpec[]): Promise<Samples> {
  const [spec, ...others] = specs;
  if (spec === undefined || others.length > 0)
    throw invalid(
      path,
      `a .npy file fits a model with one input, this one has ${specs.length}: use .npz with an array for each`,
    );
  const array = openArray(path);
  return samplesOf(path, new Map([[spec.name, array]]), specs, undefined);
}

export async function loadNpz(path: string, specs: readonly TensorSpec[]): Promise<Samples> {
  const arrays = new Map<string, NpyArray>();
  for (const [name, bytes] of unzip(await readFile(path), path))
    if (name.endsWith(".npy")) arrays.set(name.slice(0, -4), npyIn(bytes, `${path}, ${name}`));
  const labels = specs.some(({ name }) => name === "labels") ? undefined : arrays.get("labels");
  if (labels) arrays.delete("labels");
  if (labels && elementCount(labels.shape) !== (labels.shape[0] ?? 1))
    throw invalid(path, `expected one class index per sample in 'labels', got shape [${labels.shape.join(",")}]`);
  const unknown = [...arrays.keys()].find((name) => !specs.some((spec) => spec.name === name));
  const names = specs.map(({ name }) => name).join(", ");
  if (unknown !== undefined) throw invalid(path, `array '${unknown}' is no input; the model takes ${names}`);
  return samplesOf(path, arrays, specs, labels);
}

function samplesOf(
  path: string,
  arrays: ReadonlyMap<string, NpyArray>,
  specs: readonly TensorSpec[],
  labels: NpyArray | undefined,
): Samples {
  const wanted = specs.filter(({ name, optional }) => !optional || arrays.has(name));
  const inputs = wanted.map((spec) => {
    const array = arrays.get(spec.name);
    if (array === undefined) throw invalid(path, `there is no array for input '${spec.name}'`);
    return { spec, array, sample: sampleShape(path, spec, array) };
  });
  const counts = [...inputs.map(({ array }) => array), ...(labels ? [labels] : [])].map(({ shape }) => shape[0] ?? 0);
  if (new Set(counts).size > 1) throw invalid(path, `its arrays have ${counts.join(", ")} samples`);
  return {
    count: counts[0] ?? 0,
    inputs: async (index) =>
      Object.fromEntries(inputs.map(({ spec, array, sample }) => [spec.name, sampleAt(spec, array, sample, index)])),
    label: (index) => (labels ? Number(labels.read(index, 1)[0]) : undefined),
  };
}

/** Shape of one sample: the rows of the array, each with the batch dimension that the model wants. */
function sampleShape(path: string, spec: TensorSpec, { shape, datatype }: NpyArray): number[] {
  const row = shape.slice(1);
  const sample = row.length === spec.shape.length - 1 ? [1, ...row] : row;
  const fits = sample.length === spec.shape.length && spec.shape.every((dim, i) => dim < 0 || dim === sample[i]);
  const expected = `${spec.datatype} [${spec.shape.join(",")}]`;
  if (!fits) throw invalid(path, `expected samples of ${expected} for input '${spec.name}', got [${shape.join(",")}]`);
  if (datatype !== spec.datatype && !(datatype === "FP64" && spec.datatype === "FP32"))
    throw invalid(path, `expected ${spec.datatype} for input '${spec.name}', got ${datatype}`);
  return sample;
}

function sampleAt(spec: TensorSpec, array: NpyArray, shape: readonly number[], index: number): Tensor {
  const size = elementCount(shape);
  const values = array.read(index * size, size);
  // NumPy computes in FP64 unless told; what was meant is clear.
  const data =
    array.datatype === "FP64" && spec.datatype === "FP32" ? Float32Array.from(values as Float64Array) : values;
  return new Tensor(spec.datatype as Datatype, data as never, shape);
}

/** Opened anew for each read: a directory may hold more files than a process may keep open. */
function openArray(path: string): NpyArray {
  const readAt = (offset: number, length: number) => {
    const file = openSync(path, "r");
    try {
      const bytes = new Uint8Array(length);
      let got = 0;
      for (let n = -1; n !== 0 && got < length; got += n) n = readSync(file, bytes, got, length - got, offset + got);
      return bytes.subarray(0, got);
    } finally {
      closeSync(file);
    }
  };
  return openNpy(readAt, statSync(path).size, path);
}

function invalid(where: string, what: string): OrtserveError {
  return new OrtserveError("ERR_INVALID_INPUT", `${where}: ${what}`);
}

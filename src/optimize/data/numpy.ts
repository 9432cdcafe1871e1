// SPDX-License-Identifier: Apache-2.0
// NumPy's files: .npy, one array, read row by row; .npz, a zip of them named after the inputs, with `labels` where known.
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { OrtserveError } from "../../errors.js";
import type { TensorSpec } from "../../runtime/model.js";
import { arrayTypes, type Datatype, elementCount, Tensor, type TypedArray } from "../../runtime/tensor.js";
import type { Samples } from "./samples.js";
import { unzip } from "./zip.js";

/** NumPy's type codes, without their byte order. */
const datatypes: Readonly<Record<string, Datatype>> = {
  b1: "BOOL",
  u1: "UINT8",
  u2: "UINT16",
  u4: "UINT32",
  u8: "UINT64",
  i1: "INT8",
  i2: "INT16",
  i4: "INT32",
  i8: "INT64",
  f2: "FP16",
  f4: "FP32",
  f8: "FP64",
};

interface ArrayFile {
  readonly datatype: Datatype;
  readonly shape: readonly number[];
  /** Elements from `start`, read now. */
  read(start: number, count: number): TypedArray;
}

export async function loadNpy(path: string, specs: readonly TensorSpec[]): Promise<Samples> {
  const [spec, ...others] = specs;
  if (spec === undefined || others.length > 0)
    throw invalid(
      path,
      `a .npy file fits a model with one input, this one has ${specs.length}: use .npz with an array for each`,
    );
  const array = await openArray(path);
  return samplesOf(path, new Map([[spec.name, array]]), specs, undefined);
}

export async function loadNpz(path: string, specs: readonly TensorSpec[]): Promise<Samples> {
  const arrays = new Map<string, ArrayFile>();
  for (const [name, bytes] of unzip(await readFile(path), path))
    if (name.endsWith(".npy")) arrays.set(name.slice(0, -4), arrayIn(bytes, `${path}, ${name}`));
  const labels = arrays.get("labels");
  arrays.delete("labels");
  const unknown = [...arrays.keys()].find((name) => !specs.some((spec) => spec.name === name));
  const names = specs.map(({ name }) => name).join(", ");
  if (unknown !== undefined) throw invalid(path, `array '${unknown}' is no input; the model takes ${names}`);
  return samplesOf(path, arrays, specs, labels);
}

function samplesOf(
  path: string,
  arrays: ReadonlyMap<string, ArrayFile>,
  specs: readonly TensorSpec[],
  labels: ArrayFile | undefined,
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
function sampleShape(path: string, spec: TensorSpec, { shape, datatype }: ArrayFile): number[] {
  const row = shape.slice(1);
  const sample = row.length === spec.shape.length - 1 ? [1, ...row] : row;
  const fits = sample.length === spec.shape.length && spec.shape.every((dim, i) => dim < 0 || dim === sample[i]);
  const expected = `${spec.datatype} [${spec.shape.join(",")}]`;
  if (!fits) throw invalid(path, `expected samples of ${expected} for input '${spec.name}', got [${shape.join(",")}]`);
  if (datatype !== spec.datatype && !(datatype === "FP64" && spec.datatype === "FP32"))
    throw invalid(path, `expected ${spec.datatype} for input '${spec.name}', got ${datatype}`);
  return sample;
}

function sampleAt(spec: TensorSpec, array: ArrayFile, shape: readonly number[], index: number): Tensor {
  const size = elementCount(shape);
  const values = array.read(index * size, size);
  // NumPy computes in FP64 unless told; what was meant is clear.
  const data =
    array.datatype === "FP64" && spec.datatype === "FP32" ? Float32Array.from(values as Float64Array) : values;
  return new Tensor(spec.datatype as Datatype, data as never, shape);
}

async function openArray(path: string): Promise<ArrayFile> {
  const file = openSync(path, "r"); // open as long as the process: samples are read as they are wanted
  const readAt = (offset: number, length: number) => {
    const bytes = new Uint8Array(length);
    let got = 0;
    for (let n = -1; n !== 0 && got < length; got += n) n = readSync(file, bytes, got, length - got, offset + got);
    return bytes.subarray(0, got);
  };
  try {
    const size = fstatSync(file).size;
    return describeArray(readAt(0, Math.min(size, 2 ** 16)), size, readAt, path);
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

function arrayIn(bytes: Uint8Array, where: string): ArrayFile {
  return describeArray(bytes, bytes.length, (offset, length) => bytes.slice(offset, offset + length), where);
}

function describeArray(
  head: Uint8Array,
  size: number,
  readAt: (offset: number, length: number) => Uint8Array,
  where: string,
): ArrayFile {
  const text = new TextDecoder("latin1").decode(head);
  if (!text.startsWith("\x93NUMPY")) throw invalid(where, "expected a NumPy array, which begins with \\x93NUMPY");
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength);
  const wide = (head[6] ?? 1) > 1;
  const start = (wide ? 12 : 10) + (wide ? view.getUint32(8, true) : view.getUint16(8, true));
  const header = text.slice(10, start);
  const [, order, code = ""] = /'descr': *'([<>|=])(\w+)'/.exec(header) ?? [];
  const datatype = datatypes[code];
  if (datatype === undefined || order === ">")
    throw invalid(where, `cannot read elements of type '${order ?? ""}${code}'`);
  if (/'fortran_order': *True/.test(header)) throw invalid(where, "expected C order: save numpy.ascontiguousarray(x)");
  const shape = (/'shape': *\(([^)]*)\)/.exec(header)?.[1] ?? "")
    .split(",")
    .filter((dim) => dim.trim() !== "")
    .map(Number);
  const type = arrayTypes[datatype];
  if (type === undefined) throw invalid(where, `cannot read elements of type '${code}'`);
  const width = type.BYTES_PER_ELEMENT;
  if (start + elementCount(shape) * width > size)
    throw invalid(where, `the file ends before its array [${shape.join(",")}]`);
  const read = (first: number, count: number) => {
    const bytes = readAt(start + first * width, count * width);
    return new type(bytes.buffer, bytes.byteOffset, count);
  };
  return { datatype, shape, read };
}

function invalid(where: string, what: string): OrtserveError {
  return new OrtserveError("ERR_INVALID_INPUT", `${where}: ${what}`);
}

// SPDX-License-Identifier: Apache-2.0
// Model files: read whole, written under another name first so that a half-written model is never seen.
import {
  accessSync,
  closeSync,
  constants,
  existsSync,
  openSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writevSync,
} from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname, resolve } from "node:path";
import { OrtserveError } from "../../errors.js";
import { decodeModel, encodeModel } from "./codec.js";
import { ExternalWriter, readExternal } from "./external-data.js";
import type { GraphProto, ModelProto, TensorProto } from "./messages.js";
import { elementBytes, tensorSize } from "./tensor-data.js";

/** A model and the folder that its external data is in. */
export interface OnnxModel {
  readonly proto: ModelProto;
  readonly directory: string;
}

/** Beyond this the weights go to a file of their own: protobuf messages end at 2 GiB, and the graph needs room too. */
const inlineBytes = 2 ** 31 - 2 ** 26;
/** Smaller tensors stay in the model: shapes and scales, which tools expect to find there. */
const smallBytes = 1024;

/** Reads a model file; external data is left where it is. Throws ERR_MODEL_NOT_FOUND or ERR_LOAD_FAILED. */
export async function readModel(path: string): Promise<OnnxModel> {
  const file = resolve(path);
  let bytes: Uint8Array;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    throw unreadable(file, cause as NodeJS.ErrnoException);
  }
  const proto = decodeModel(bytes);
  if (proto.graph === undefined || proto.opsetImport.length === 0)
    throw new OrtserveError("ERR_LOAD_FAILED", `${file} is no ONNX model: it has no graph or no operator set`);
  return { proto, directory: dirname(file) };
}

function unreadable(file: string, cause: NodeJS.ErrnoException): OrtserveError {
  if (cause.code === "ENOENT") return new OrtserveError("ERR_MODEL_NOT_FOUND", `there is no file ${file}`, { cause });
  const isDirectory = cause.code === "EISDIR";
  const reason = isDirectory
    ? `expected an ONNX file, got the directory ${file}`
    : `cannot read ${file}: ${cause.message}`;
  return new OrtserveError("ERR_LOAD_FAILED", reason, { cause });
}

/**
 * Tells before the work whether a model made from `model` can be written to `output`. Throws ERR_INVALID_ARGUMENT where the folder of
 * `output` is missing or not writable, or `output` is a folder, a device, a pipe or `model` itself, under whatever name.
 */
export function checkOutput(output: string, model: string): void {
  const refuse = (got: string) => {
    throw new OrtserveError("ERR_INVALID_ARGUMENT", `expected a file to write the new model to, got ${output}${got}`);
  };
  const folder = dirname(resolve(output));
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) refuse(`: there is no directory ${folder}`);
  try {
    accessSync(folder, constants.W_OK);
  } catch {
    refuse(`: ${folder} cannot be written to`);
  }
  const there = statSync(output, { throwIfNoEntry: false });
  const source = statSync(model, { throwIfNoEntry: false });
  if (there?.isDirectory()) refuse(", a directory");
  // A rename would put a file in the place of the device itself.
  if (there && !there.isFile()) refuse(", which is a device, pipe or socket and no regular file");
  if (there && source && there.dev === source.dev && there.ino === source.ino) refuse(": that is the original itself");
}

/** As {@link checkOutput}: a file of the weights of `model` may not be replaced either. */
export async function checkOutputData(output: string, model: string): Promise<void> {
  const there = [output, `${output}.data`].filter((path) => existsSync(path)).map((path) => realpathSync(path));
  if (there.length === 0) return;
  const { proto, directory } = await readModel(model);
  for (const { dataLocation, externalData } of allInitializers(proto.graph)) {
    const location = externalData.find(({ key }) => key === "location")?.value;
    const data = dataLocation === 1 && location !== undefined ? resolve(directory, location) : "";
    if (data === "" || !existsSync(data) || !there.includes(realpathSync(data))) continue;
    const got = `got ${output}, which would replace ${data}, the weights of the original`;
    throw new OrtserveError("ERR_INVALID_ARGUMENT", `expected a file to write the new model to, ${got}`);
  }
}

export interface WriteOptions {
  /** Most bytes of weights kept inside the model file. Default: just below protobuf's 2 GiB. */
  inlineBytes?: number;
}

/**
 * Writes the model to `path`, and to `path`.data the weights when they do not fit inside. The model appears complete or not at all.
 * Throws the file system's error.
 */
export function writeModel(path: string, { proto, directory }: OnnxModel, options: WriteOptions = {}): void {
  const file = existsSync(path) ? realpathSync(path) : resolve(path); // a link stays: what it points to is replaced
  const [draft, data] = [`${file}.${process.pid}.part`, `${file}.data`];
  const outside = weightBytes(proto) > (options.inlineBytes ?? inlineBytes);
  try {
    const whole = outside
      ? moveOutside(proto, directory, `${draft}.data`, basename(data))
      : moveInside(proto, directory);
    writePieces(draft, encodeModel(whole).pieces);
    if (outside) renameSync(`${draft}.data`, data);
    renameSync(draft, file);
  } finally {
    rmSync(draft, { force: true });
    rmSync(`${draft}.data`, { force: true });
  }
}

/** Bytes of a model on disk: its file, and the weights outside of it, wherever they lie. */
export function storedBytes(path: string, { proto }: OnnxModel): number {
  const outside = [...allInitializers(proto.graph)].filter(({ dataLocation }) => dataLocation === 1);
  return outside.reduce((sum, one) => sum + tensorSize(one) * elementBytes(one.dataType), statSync(path).size);
}

/** Writes the model file alone: its external data must be beside `path` already. */
export function writeModelAlone(path: string, proto: ModelProto): void {
  writePieces(path, encodeModel(proto).pieces);
}

/** Bytes of all weights, inside and outside. */
export function weightBytes(proto: ModelProto): number {
  return [...allInitializers(proto.graph)].reduce((sum, one) => sum + tensorSize(one) * elementBytes(one.dataType), 0);
}

/** Initializers of a graph and of the bodies inside it. */
export function* allInitializers(graph: GraphProto | undefined): Generator<TensorProto> {
  if (graph === undefined) return;
  yield* graph.initializer;
  for (const node of graph.node)
    for (const { g, graphs } of node.attribute)
      for (const body of [...graphs, ...(g ? [g] : [])]) yield* allInitializers(body);
}

function moveOutside(proto: ModelProto, directory: string, dataPath: string, location: string): ModelProto {
  const writer = new ExternalWriter(dataPath, location);
  const moved = (tensor: TensorProto): TensorProto => {
    const bytes = tensor.dataLocation === 1 ? readExternal(tensor, directory) : tensor.rawData;
    return bytes === undefined || bytes.length < smallBytes ? inside(tensor, bytes) : writer.add(tensor, bytes);
  };
  try {
    return { ...proto, graph: mapInitializers(proto.graph as GraphProto, moved) };
  } finally {
    writer.close();
  }
}

function moveInside(proto: ModelProto, directory: string): ModelProto {
  if ([...allInitializers(proto.graph)].every(({ dataLocation }) => dataLocation !== 1)) return proto;
  const moved = (tensor: TensorProto) =>
    inside(tensor, tensor.dataLocation === 1 ? readExternal(tensor, directory) : undefined);
  return { ...proto, graph: mapInitializers(proto.graph as GraphProto, moved) };
}

function inside(tensor: TensorProto, bytes: Uint8Array | undefined): TensorProto {
  if (bytes === undefined || tensor.dataLocation !== 1) return tensor;
  const { dataLocation: _outside, ...rest } = tensor;
  return { ...rest, rawData: bytes, externalData: [] };
}

function mapInitializers(graph: GraphProto, change: (tensor: TensorProto) => TensorProto): GraphProto {
  const node = graph.node.map((one) => {
    if (one.attribute.every(({ g, graphs }) => g === undefined && graphs.length === 0)) return one;
    const attribute = one.attribute.map((entry) => ({
      ...entry,
      graphs: entry.graphs.map((body) => mapInitializers(body, change)),
      ...(entry.g && { g: mapInitializers(entry.g, change) }),
    }));
    return { ...one, attribute };
  });
  return { ...graph, node, initializer: graph.initializer.map(change) };
}

function writePieces(path: string, pieces: readonly Uint8Array[]): void {
  const file = openSync(path, "w");
  try {
    // The system takes at most 1024 pieces at a time, and may take fewer bytes than it was given.
    for (let first = 0; first < pieces.length; first += 1024) {
      let batch = pieces.slice(first, first + 1024);
      while (batch.length > 0) batch = rest(batch, writevSync(file, batch));
    }
  } finally {
    closeSync(file);
  }
}

function rest(pieces: Uint8Array[], written: number): Uint8Array[] {
  let left = written;
  for (const [i, piece] of pieces.entries()) {
    if (left < piece.length) return [piece.subarray(left), ...pieces.slice(i + 1)];
    left -= piece.length;
  }
  return [];
}

// SPDX-License-Identifier: Apache-2.0
// What a caller passes to predict() of a model with `preprocess`, where it is not tensors: files, and rows of named values.
import { OrtserveError } from "../errors.js";
import type { NativeModelInfo } from "../native/binding.js";
import type { NativePreparedInput } from "../native/plans.js";
import { drawFirst, type MediaFile, type MediaReader, type PreparedBody } from "./media-body.js";
import { mediaTypeOf } from "./media-type.js";
import { describe } from "./option-check.js";
import { Tensor } from "./tensor.js";
import { ownedFiles } from "./transfer.js";

/** A value of a row: of a column, or a file (bytes, base64 text or a data URL) for an input of images or sound. */
export type PreparedValue = number | bigint | boolean | string | null | Uint8Array | readonly PreparedValue[];

/** Values of one column. */
export type PreparedList = readonly PreparedValue[] | Float32Array | Float64Array | Int32Array | BigInt64Array;

/** A row, by column or input name; columns by name; a list of rows; or the bare file or files of the only input. */
export type PreparedInputs =
  | { readonly [name: string]: PreparedValue | undefined }
  /** A list for each column that comes, with a value for each row. */
  | { readonly [name: string]: PreparedList | undefined }
  | readonly { readonly [name: string]: PreparedValue | undefined }[]
  /** Rows of columns, in their order. */
  | readonly (readonly PreparedValue[])[]
  | Uint8Array
  | readonly Uint8Array[];

/** Whether `inputs` are for `preprocess`, and not tensors. */
export function isPrepared(
  model: NativeModelInfo,
  media: MediaReader | undefined,
  inputs: unknown,
): inputs is PreparedInputs {
  if (model.preprocess.length === 0 || inputs instanceof Tensor) return false;
  const bare = model.inputs.length === 1 ? model.inputs[0] : undefined;
  if (inputs instanceof Uint8Array) return bare !== undefined && isFile(model, media, bare.name, inputs);
  const tabular = model.preprocess.find((plan) => plan.kind === "tabular");
  if (Array.isArray(inputs)) {
    const [first] = inputs as readonly unknown[];
    if (first instanceof Uint8Array) return bare !== undefined && isFile(model, media, bare.name, first);
    return isPlain(first) || (tabular !== undefined && bare?.name === tabular.input);
  }
  if (!isPlain(inputs)) return false;
  return Object.entries(inputs).some(([name, value]) => isColumn(tabular, name) || isFile(model, media, name, value));
}

function isColumn(tabular: NativePreparedInput | undefined, name: string): boolean {
  return tabular?.kind === "tabular" && tabular.columns.includes(name);
}

/** Bytes for a UINT8 input may be the tensor: then how they begin decides. */
function isFile(model: NativeModelInfo, media: MediaReader | undefined, name: string, value: unknown): boolean {
  if (!media?.has(name)) return false;
  const one = Array.isArray(value) ? value[0] : value;
  if (typeof one === "string") return true;
  if (!(one instanceof Uint8Array)) return false;
  const takesBytes = model.inputs.some((input) => input.name === name && input.datatype === "UINT8");
  return !takesBytes || Array.isArray(value) || mediaTypeOf(one) !== undefined;
}

/** Decodes the files; see {@link preparedCall}. Rejects with ERR_INVALID_INPUT, ERR_LIMIT_EXCEEDED, ERR_UNSUPPORTED. */
export type BodyDecoder = () => Promise<PreparedBody>;

/**
 * Writes what are no files as JSON, and makes the files' bytes the call's own before it returns: by copying them, or with
 * `transfer` by taking their ArrayBuffers over. @throws OrtserveError ERR_INVALID_INPUT, ERR_INVALID_ARGUMENT (memory that may
 * not be transferred)
 */
export function preparedCall(
  model: NativeModelInfo,
  media: MediaReader | undefined,
  inputs: PreparedInputs,
  transfer: boolean,
): BodyDecoder {
  const files: MediaFile[] = [];
  const given: { bytes: Uint8Array; index: number; input: string }[] = [];
  const first = drawFirst();
  const rows = (columnRows(model, inputs) ?? rowsOf(inputs)).map((row, index) => {
    const place = index === 0 ? "" : ` in row ${index}`;
    const write = (value: unknown, input: string): string => {
      if (value instanceof Uint8Array && media?.has(input)) {
        given.push({ bytes: value, index: files.length, input: `'${input}'${place}` });
        files.push({ input, file: value, place });
        return String(first + files.length - 1);
      }
      if (typeof value === "string" && media?.has(input)) {
        files.push({ input, file: Buffer.from(value.replace(/^data:[^,]*;base64,/, ""), "base64"), place });
        return String(first + files.length - 1);
      }
      return jsonOf(value, input);
    };
    if (!isPlain(row)) return write(row, media?.only ?? "");
    const members = Object.entries(row).filter(([, value]) => value !== undefined);
    return `{${members.map(([name, value]) => `${JSON.stringify(name)}:${write(value, name)}`).join(",")}}`;
  });
  const owned = ownedFiles(given, transfer);
  for (const [at, { index }] of given.entries())
    files[index] = { ...(files[index] as MediaFile), file: owned[at] as Uint8Array };
  const json = `{"instances":[${rows.join(",")}]}`;
  return async () => ({ json, attachments: files.length > 0 && media ? await media.decode(files) : [], first });
}

/** The rows of columns that come as lists; undefined where something in the object is no list. @throws OrtserveError ERR_INVALID_INPUT */
function columnRows(model: NativeModelInfo, inputs: PreparedInputs): readonly unknown[] | undefined {
  const tabular = model.preprocess.find((plan) => plan.kind === "tabular");
  if (!isPlain(inputs)) return undefined;
  const entries = Object.entries(inputs).filter(([, value]) => value !== undefined);
  if (!entries.some(([name]) => isColumn(tabular, name)) || !entries.every(([, value]) => isList(value)))
    return undefined;
  const lists = entries as [string, ArrayLike<unknown>][];
  const [[first, { length }] = ["", []]] = lists;
  const uneven = lists.find(([, list]) => list.length !== length);
  if (uneven === undefined && length > 0)
    return Array.from({ length }, (_, row) => Object.fromEntries(lists.map(([name, list]) => [name, list[row]])));
  const what = uneven
    ? `as many values for '${uneven[0]}' as for '${first}', ${length}`
    : `one value or more for '${first}'`;
  throw new OrtserveError("ERR_INVALID_INPUT", `expected ${what}, got ${uneven ? uneven[1].length : "none"}`);
}

function isList(value: unknown): boolean {
  return Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof Uint8Array));
}

/** Several files under one name are rows. */
function rowsOf(inputs: PreparedInputs): readonly unknown[] {
  if (Array.isArray(inputs)) return inputs;
  if (inputs instanceof Uint8Array) return [inputs];
  const entries = Object.entries(inputs as Record<string, unknown>);
  const several = entries.filter(
    ([, value]) => Array.isArray(value) && value.every((one) => one instanceof Uint8Array),
  );
  const [[name, list] = ["", []]] = several as [string, unknown[]][];
  if (several.length === 0) return [inputs];
  if (entries.length === 1) return list.map((file) => ({ [name]: file }));
  throw new OrtserveError(
    "ERR_INVALID_INPUT",
    `expected one file for '${name}' beside other inputs: please pass a list of rows`,
  );
}

/** NaN and infinities as the core reads them. */
function jsonOf(value: unknown, name: string): string {
  if (typeof value === "number" || typeof value === "bigint") return Object.is(value, -0) ? "-0" : String(value);
  if (typeof value === "boolean" || typeof value === "string" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map((one) => jsonOf(one, name)).join(",")}]`;
  throw new OrtserveError(
    "ERR_INVALID_INPUT",
    `expected a number, a string, a boolean or a list for '${name}', got ${describe(value)}`,
  );
}

function isPlain(value: unknown): value is Record<string, unknown> {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    !ArrayBuffer.isView(value) &&
    !(value instanceof Tensor)
  );
}

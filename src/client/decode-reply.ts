// SPDX-License-Identifier: Apache-2.0
// A reply by the Open Inference Protocol: JSON, or JSON with binary blobs behind it. Trusts nothing that comes.
import {
  arrayTypes,
  type BytesTensor,
  type Datatype,
  elementCount,
  type FixedDatatype,
  isDatatype,
  isShape,
  type Tensor,
} from "./datatypes.js";
import { malformedReply } from "./inference-error.js";
import { packElements } from "./input-elements.js";
import { parseJson } from "./json-text.js";
import { isObject } from "./metadata.js";

/** Outputs by name. */
export type Outputs = Readonly<Record<string, Tensor | BytesTensor>>;

/** A whole answer. Name the outputs' type as `O` to have them typed; that is not checked. */
export interface InferenceReply<O extends Outputs = Record<string, Tensor>> {
  readonly modelName: string;
  /** "" where the server names none. */
  readonly modelVersion: string;
  /** The request's id; "" where it had none. */
  readonly id: string;
  readonly parameters: Readonly<Record<string, unknown>>;
  readonly outputs: O;
}

/** A reply whose JSON has been read, and whose tensors have not. */
export interface RawReply {
  readonly head: Readonly<Record<string, unknown>>;
  readonly blobs: Uint8Array;
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** @param jsonSize bytes of leading JSON. @throws InferenceError malformed-reply */
export function splitReply(body: Uint8Array, jsonSize: number): RawReply {
  if (!Number.isInteger(jsonSize) || jsonSize < 0 || jsonSize > body.byteLength)
    throw malformedReply(`expected a JSON length of 0 to ${body.byteLength} bytes, got ${jsonSize}`);
  let text: string;
  try {
    text = utf8.decode(body.subarray(0, jsonSize));
  } catch (cause) {
    throw malformedReply("expected JSON in UTF-8", cause);
  }
  return { head: replyHead(text), blobs: body.subarray(jsonSize) };
}

/** A WebSocket message. @throws InferenceError malformed-reply */
export function splitMessage(message: string | ArrayBuffer): RawReply {
  if (typeof message === "string") return { head: replyHead(message), blobs: new Uint8Array(0) };
  if (message.byteLength < 4) throw malformedReply(`expected 4 bytes of JSON length, got ${message.byteLength} bytes`);
  return splitReply(new Uint8Array(message, 4), new DataView(message).getUint32(0, true));
}

function replyHead(text: string): Readonly<Record<string, unknown>> {
  let head: unknown;
  try {
    head = parseJson(text);
  } catch (cause) {
    throw malformedReply(`expected JSON: ${(cause as Error).message}`, cause);
  }
  if (isObject(head)) return head;
  throw malformedReply(`expected a JSON object, got ${text.slice(0, 40)}`);
}

/** @throws InferenceError malformed-reply */
export function readReply<O extends Outputs>({ head, blobs }: RawReply, rawBytes: boolean): InferenceReply<O> {
  const { model_name: modelName, model_version: modelVersion = "", id = "", parameters = {}, outputs } = head;
  if (typeof modelName !== "string" || typeof modelVersion !== "string" || typeof id !== "string")
    throw malformedReply("expected the strings 'model_name', 'model_version' and 'id'");
  if (!isObject(parameters)) throw malformedReply("expected an object as 'parameters'");
  if (!Array.isArray(outputs)) throw malformedReply("expected an array as 'outputs'");
  const source = new BlobReader(blobs);
  const tensors = outputs.map((output) => readTensor(output, source, rawBytes));
  source.end();
  return { modelName, modelVersion, id, parameters, outputs: Object.fromEntries(tensors) as unknown as O };
}

/** Hands out the blobs in order. */
class BlobReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  take(size: number, name: string): Uint8Array {
    const left = this.#bytes.byteLength - this.#at;
    if (size > left) throw malformedReply(`expected ${size} bytes for output '${name}', got ${left}`);
    this.#at += size;
    return this.#bytes.subarray(this.#at - size, this.#at);
  }

  end(): void {
    const left = this.#bytes.byteLength - this.#at;
    if (left > 0) throw malformedReply(`expected the reply to end after its outputs, got ${left} more bytes`);
  }
}

function readTensor(output: unknown, blobs: BlobReader, rawBytes: boolean): [string, Tensor | BytesTensor] {
  const { name, datatype, shape, data, parameters } = isObject(output) ? output : ({} as Record<string, unknown>);
  if (typeof name !== "string") throw malformedReply("expected a name for each output");
  if (!isDatatype(datatype)) throw malformedReply(`expected a datatype for output '${name}', got ${String(datatype)}`);
  if (!isShape(shape)) throw malformedReply(`expected the shape of output '${name}', got ${String(shape)}`);
  const size = isObject(parameters) ? parameters.binary_data_size : undefined;
  if (size !== undefined && !(Number.isSafeInteger(size) && (size as number) >= 0))
    throw malformedReply(`expected a binary_data_size for output '${name}', got ${String(size)}`);
  const values =
    size === undefined
      ? fromJson(name, datatype, shape, data, rawBytes)
      : fromBlob(name, datatype, shape, blobs.take(size as number, name), rawBytes);
  return [name, { datatype, shape, data: values } as Tensor | BytesTensor];
}

function fromBlob(name: string, datatype: Datatype, shape: number[], blob: Uint8Array, rawBytes: boolean): unknown {
  if (datatype === "BYTES") return unpackBytes(name, elementCount(shape), blob, rawBytes);
  const type = arrayTypes[datatype];
  const expected = elementCount(shape) * type.BYTES_PER_ELEMENT;
  if (blob.byteLength !== expected)
    throw malformedReply(`expected ${expected} bytes for ${datatype} [${shape}] '${name}', got ${blob.byteLength}`);
  return new type(blob.slice().buffer); // a copy: a blob begins wherever the one before it ended, mostly not aligned
}

function unpackBytes(name: string, count: number, blob: Uint8Array, rawBytes: boolean): (string | Uint8Array)[] {
  const view = new DataView(blob.buffer, blob.byteOffset, blob.byteLength);
  const elements: (string | Uint8Array)[] = [];
  let at = 0;
  while (at < blob.byteLength) {
    const size = blob.byteLength - at < 4 ? Number.POSITIVE_INFINITY : view.getUint32(at, true);
    if (size > blob.byteLength - at - 4) throw malformedReply(`an element of BYTES output '${name}' is cut off`);
    const bytes = blob.slice(at + 4, at + 4 + size);
    elements.push(rawBytes ? bytes : decodeString(name, bytes));
    at += 4 + size;
  }
  if (elements.length === count) return elements;
  throw malformedReply(`expected ${count} elements in BYTES output '${name}', got ${elements.length}`);
}

function decodeString(name: string, bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch (cause) {
    throw malformedReply(`output '${name}' is not UTF-8: ask for its bytes with the option rawBytes`, cause);
  }
}

function fromJson(name: string, datatype: Datatype, shape: number[], data: unknown, rawBytes: boolean): unknown {
  const flat: unknown[] = [];
  if (Array.isArray(data)) flatten(data, flat, 0);
  if (!Array.isArray(data) || flat.length !== elementCount(shape))
    throw malformedReply(`expected ${elementCount(shape)} elements as the data of output '${name}'`);
  try {
    const elements = flat.map((item) => fromJsonElement(datatype, item));
    const values = packElements(name, datatype, elements);
    return datatype === "BYTES" && rawBytes ? elements.map((item) => new TextEncoder().encode(item as string)) : values;
  } catch (cause) {
    throw malformedReply(`the data of ${datatype} output '${name}' is of another type`, cause);
  }
}

/** Deeper than any shape, and far from the end of the stack. */
const deepest = 100;

function flatten(items: readonly unknown[], out: unknown[], depth: number): void {
  if (depth > deepest) throw malformedReply(`expected data nested at most ${deepest} deep`);
  for (const item of items) {
    if (Array.isArray(item)) flatten(item, out, depth + 1);
    else out.push(item);
  }
}

/** A float that is written as a long whole number has been read as a BigInt. */
function fromJsonElement(datatype: Datatype, item: unknown): unknown {
  const isFloat: Partial<Record<FixedDatatype, boolean>> = { FP32: true, FP64: true };
  return typeof item === "bigint" && isFloat[datatype as FixedDatatype] ? Number(item) : item;
}

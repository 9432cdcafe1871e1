// SPDX-License-Identifier: Apache-2.0
// An inference request by the Open Inference Protocol: JSON, then the data of the tensors as binary blobs.
import { invalidArgument } from "./inference-error.js";
import type { WireTensor } from "./input-values.js";
import { encodeJson } from "./json-text.js";

/** A value that a request parameter may have. */
export type ParameterValue = string | number | bigint | boolean;
export type Parameters = Readonly<Record<string, ParameterValue>>;

/** Name of an output, or the name with parameters for it, such as `{ classification: 3 }`. */
export type OutputRequest = string | { readonly name: string; readonly parameters?: Parameters | undefined };

export interface RequestOptions {
  readonly id?: string | undefined;
  /** Default, and when empty: all. */
  readonly outputs?: readonly OutputRequest[] | undefined;
  readonly parameters?: Parameters | undefined;
  /** Tensors as blobs, in both directions, rather than as JSON. Default true. */
  readonly binary?: boolean | undefined;
}

export interface EncodedRequest {
  readonly json: Uint8Array;
  /** Follow the JSON without padding. They may be the caller's own memory: {@link joinRequest} copies it. */
  readonly blobs: readonly Uint8Array[];
}

const utf8 = new TextEncoder();

/**
 * @param timeoutMs told to the server, which drops the request when nobody waits for it any more; 0: none
 * @throws InferenceError invalid-argument for what has no JSON form when `binary` is false
 */
export function encodeRequest(
  inputs: readonly WireTensor[],
  options: RequestOptions,
  timeoutMs: number,
): EncodedRequest {
  const { id, binary = true } = options;
  // In microseconds, as the protocol has it.
  const parameters =
    timeoutMs > 0 ? { timeout: Math.ceil(timeoutMs * 1000), ...options.parameters } : options.parameters;
  const outputs = options.outputs?.length ? options.outputs : undefined;
  const blobs: Uint8Array[] = [];
  const tensors = inputs.map(({ name, datatype, shape, data }) => {
    const tensor = { name, datatype, shape };
    if (!binary) return { ...tensor, data: jsonData({ ...tensor, data }) };
    const blob = ArrayBuffer.isView(data) ? bytesOf(data) : packBytes(data);
    blobs.push(blob);
    return { ...tensor, parameters: { binary_data_size: blob.byteLength } };
  });
  const request = {
    id,
    parameters: outputs === undefined && binary ? { binary_data_output: true, ...parameters } : parameters,
    inputs: tensors,
    outputs: outputs?.map((output) => outputRequest(output, binary)),
  };
  return { json: utf8.encode(asJson(request)), blobs };
}

function asJson(request: unknown): string {
  try {
    return encodeJson(request);
  } catch (error) {
    throw invalidArgument(`the request's parameters: ${(error as Error).message}`);
  }
}

function outputRequest(output: OutputRequest, binary: boolean) {
  const { name, parameters } = typeof output === "string" ? { name: output } : output;
  return { name, parameters: binary ? { binary_data: true, ...parameters } : parameters };
}

function bytesOf(view: ArrayBufferView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** Each element as its length, u32 little-endian, and its bytes. */
function packBytes(elements: readonly (string | Uint8Array)[]): Uint8Array {
  const encoded = elements.map((element) => (typeof element === "string" ? utf8.encode(element) : element));
  const blob = new Uint8Array(encoded.reduce((size, { byteLength }) => size + 4 + byteLength, 0));
  const view = new DataView(blob.buffer);
  let at = 0;
  for (const bytes of encoded) {
    view.setUint32(at, bytes.byteLength, true);
    blob.set(bytes, at + 4);
    at += 4 + bytes.byteLength;
  }
  return blob;
}

function jsonData({ name, datatype, data }: WireTensor): unknown {
  if (datatype === "FP16" || datatype === "BF16")
    throw invalidArgument(`${datatype} input '${name}' has no JSON form: leave 'binary' on`);
  if (datatype === "BOOL") return Array.from(data as Uint8Array, (value) => value !== 0);
  if (datatype !== "BYTES") return data;
  return (data as readonly (string | Uint8Array)[]).map((element) => {
    if (typeof element === "string") return element;
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(element);
    } catch {
      throw invalidArgument(
        `input '${name}' holds bytes that are not UTF-8, which has no JSON form: leave 'binary' on`,
      );
    }
  });
}

/** `prefix`, the JSON and the blobs in one new buffer. */
export function joinRequest(
  { json, blobs }: EncodedRequest,
  prefix: Uint8Array = new Uint8Array(0),
): Uint8Array<ArrayBuffer> {
  const parts = [prefix, json, ...blobs];
  const joined = new Uint8Array(parts.reduce((size, { byteLength }) => size + byteLength, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.byteLength;
  }
  return joined;
}

/** The request as a WebSocket message: binary where there are blobs, else text. */
export function requestMessage(request: EncodedRequest): Uint8Array<ArrayBuffer> | string {
  if (request.blobs.length === 0) return new TextDecoder().decode(request.json);
  const prefix = new Uint8Array(4);
  new DataView(prefix.buffer).setUint32(0, request.json.byteLength, true);
  return joinRequest(request, prefix);
}

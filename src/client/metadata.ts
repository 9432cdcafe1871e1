// SPDX-License-Identifier: Apache-2.0
// What a server says about itself and its models.
import { malformedReply } from "./inference-error.js";

export interface ServerMetadata {
  readonly name: string;
  readonly version: string;
  readonly extensions: readonly string[];
}

export interface TensorMetadata {
  readonly name: string;
  /** A protocol name, such as "FP32". */
  readonly datatype: string;
  /** -1 where any size is accepted. */
  readonly shape: readonly number[];
  readonly parameters?: Readonly<Record<string, unknown>>;
}

export interface ModelMetadata {
  readonly name: string;
  readonly versions: readonly string[];
  readonly platform: string;
  readonly inputs: readonly TensorMetadata[];
  readonly outputs: readonly TensorMetadata[];
}

type Fields = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @throws InferenceError malformed-reply */
export function asServerMetadata(value: unknown): ServerMetadata {
  const { name, version, extensions } = isObject(value) ? value : ({} as Fields);
  if (typeof name === "string" && typeof version === "string" && areStrings(extensions))
    return value as unknown as ServerMetadata;
  throw malformedReply("expected server metadata with name, version and extensions");
}

/** @throws InferenceError malformed-reply */
export function asModelMetadata(value: unknown): ModelMetadata {
  const { name, inputs, outputs } = isObject(value) ? value : ({} as Fields);
  if (typeof name === "string" && areTensors(inputs) && areTensors(outputs)) return value as unknown as ModelMetadata;
  throw malformedReply("expected model metadata with name, inputs and outputs");
}

function areStrings(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function areTensors(value: unknown): value is TensorMetadata[] {
  return (
    Array.isArray(value) &&
    value.every(
      (item) =>
        isObject(item) &&
        typeof item.name === "string" &&
        typeof item.datatype === "string" &&
        Array.isArray(item.shape) &&
        item.shape.every(Number.isInteger),
    )
  );
}

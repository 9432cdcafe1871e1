// SPDX-License-Identifier: Apache-2.0
// Native results as JavaScript values.
import type { NativeTensor, NativeValue } from "../native/binding.js";
import { type Datatype, datatypes, Tensor, type TensorArrays } from "./tensor.js";

/**
 * A model output: a tensor; for an ONNX sequence an array; for an ONNX map (what scikit-learn exporters produce) a Map, whose
 * keys are strings or, for INT64 keys, bigints.
 */
export type OutputValue = Tensor | OutputValue[] | Map<string | bigint, number | bigint | string>;

/** The value in JavaScript's terms. Numeric memory is taken over, not copied. */
export function outputValue(value: NativeValue): OutputValue {
  if ("items" in value) return value.items.map(outputValue);
  if (!("keys" in value)) return outputTensor(value);
  const entries = new Map<string | bigint, number | bigint | string>();
  const keys = elements(value.keys) as ArrayLike<string | bigint>;
  const values = elements(value.values);
  for (let i = 0; i < keys.length; i++) entries.set(keys[i] as string | bigint, values[i] as number);
  return entries;
}

function outputTensor(tensor: NativeTensor): Tensor {
  const datatype = datatypes[tensor.dtype] as Datatype;
  return new Tensor(datatype, tensor.data as TensorArrays[Datatype], tensor.dims);
}

function elements(tensor: NativeTensor): ArrayLike<number | bigint | string> {
  return tensor.data as TensorArrays[Datatype];
}

// SPDX-License-Identifier: Apache-2.0
// Shapes against a model's declared dims: the check, and the inference for bare typed arrays.
import { OrtserveError } from "../errors.js";
import type { NativeTensorSpec } from "../native/binding.js";
import { shapeText } from "./tensor.js";

/** "FP32 [-1,28,28,1]" */
export function specText(spec: NativeTensorSpec): string {
  return `${spec.datatype} ${shapeText(spec.shape)}`;
}

/** Throws unless `shape` has the rank of the spec and every static dim matches. */
export function checkShape(spec: NativeTensorSpec, datatype: string, shape: readonly number[]): void {
  const fits =
    shape.length === spec.shape.length && spec.shape.every((expected, i) => expected < 0 || expected === shape[i]);
  if (!fits) {
    throw invalid(`expected ${specText(spec)} for input '${spec.name}', got ${datatype} ${shapeText(shape)}`);
  }
}

/**
 * The one shape that fits `length` elements: the declared one when it is static, or with its single dynamic dim solved for.
 * Throws when none fits, and when several do.
 */
export function inferShape(spec: NativeTensorSpec, length: number): number[] {
  const open = spec.shape.filter((dim) => dim < 0).length;
  const known = spec.shape.reduce((product, dim) => (dim < 0 ? product : product * dim), 1);
  if (open > 1 || (open === 1 && known === 0)) {
    throw invalid(
      `input '${spec.name}' is ${specText(spec)}: ${length} elements fit several shapes; pass { data, shape } or a Tensor`,
    );
  }
  const solved = open === 1 ? length / known : 1;
  if (open === 1 ? !Number.isInteger(solved) : length !== known) {
    throw invalid(`expected ${specText(spec)} for input '${spec.name}', got ${length} elements`);
  }
  return spec.shape.map((dim) => (dim < 0 ? solved : dim));
}

function invalid(message: string): OrtserveError {
  return new OrtserveError("ERR_INVALID_INPUT", message);
}

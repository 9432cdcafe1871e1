// SPDX-License-Identifier: Apache-2.0
// What a Triton configuration says about inputs and outputs, held against the model.
import { OrtserveError } from "../../errors.js";
import type { ModelMetadata, TensorSpec } from "../../runtime/model.js";
import type { Draft, TritonConfig } from "./triton-config.js";

/** What one input or output should be. Plain data. */
export interface TensorCheck {
  kind: "input" | "output";
  name: string;
  /** Of the Open Inference Protocol; "" where it is not said. */
  datatype: string;
  /** Of the model, batch dimension included; undefined where it is not said. */
  shape: number[] | undefined;
  source: string;
}

type TensorMessage = NonNullable<TritonConfig["input"]>[number] | NonNullable<TritonConfig["output"]>[number];

/** Notes what clients will find different, refuses what contradicts itself. */
export function tensorChecks(triton: TritonConfig, draft: Draft): TensorCheck[] {
  const { input = [], output = [], max_batch_size: rows = 0 } = triton;
  for (const { name, allow_ragged_batch: ragged, format } of input) {
    if (ragged)
      draft.note(`'allow_ragged_batch' of input '${name}' has no effect here: rows of one batch have one shape`);
    if (format && format !== "FORMAT_NONE") draft.note(`'format' of input '${name}' has no effect here`);
  }
  const of = (kind: TensorCheck["kind"]) => (tensor: TensorMessage) => checkOf(kind, tensor, rows > 0, draft);
  return [...input.map(of("input")), ...output.map(of("output"))];
}

function checkOf(kind: TensorCheck["kind"], tensor: TensorMessage, batched: boolean, draft: Draft): TensorCheck {
  const { name = "", data_type: type = "", dims, reshape, is_shape_tensor: isShape } = tensor;
  if (name === "") throw draft.fault(`'${kind}': expected a name`);
  if (isShape) draft.note(`'is_shape_tensor' of ${kind} '${name}' has no effect here`);
  if (reshape && dims) checkReshape(kind, name, dims, reshape.shape ?? [], draft);
  const inner = reshape && dims ? (reshape.shape ?? []) : dims;
  return {
    kind,
    name,
    datatype: datatypeOf(type),
    shape: inner && (batched ? [-1, ...inner] : inner),
    source: draft.source,
  };
}

/** TYPE_FP32 -> FP32; "" where it is not said. */
export function datatypeOf(type: string): string {
  return type === "TYPE_STRING" ? "BYTES" : type.replace(/^TYPE_(INVALID)?/, "");
}

function checkReshape(kind: string, name: string, dims: number[], shape: number[], draft: Draft): void {
  const size = (list: number[]) => list.filter((dim) => dim >= 0).reduce((product, dim) => product * dim, 1);
  const open = (list: number[]) => list.filter((dim) => dim < 0).length;
  if (size(dims) !== size(shape) || open(dims) !== open(shape)) {
    throw draft.fault(`'${kind}' '${name}': expected a reshape of as many elements as dims [${dims}], got [${shape}]`);
  }
  if (String(dims) !== String(shape)) {
    draft.note(`'reshape' of ${kind} '${name}' has no effect here: clients see the model's own shape`);
  }
}

/**
 * Holds a loaded model against its checks; what clients will find different comes back, one sentence each.
 * @throws OrtserveError ERR_INVALID_CONFIG
 */
export function checkTensors({ inputs, outputs }: ModelMetadata, checks: readonly TensorCheck[]): string[] {
  return checks.flatMap((check) => {
    const specs = check.kind === "input" ? inputs : outputs;
    const spec = specs.find(({ name }) => name === check.name);
    if (spec) return checkTensor(spec, check);
    const there = specs.map(({ name }) => name).join(", ");
    throw mismatch(check, `expected one of the model's ${check.kind}s ${there}`);
  });
}

function checkTensor(spec: TensorSpec, check: TensorCheck): string[] {
  const { datatype, shape } = check;
  if (datatype !== "" && datatype !== spec.datatype) {
    throw mismatch(check, `expected the model's data_type ${spec.datatype}, got ${datatype}`);
  }
  if (shape === undefined || spec.kind !== "tensor") return [];
  const fits = shape.length === spec.shape.length && spec.shape.every((dim, i) => dim < 0 || dim === shape[i]);
  if (!fits) throw mismatch(check, `expected the model's shape [${spec.shape}], got [${shape}]`);
  if (check.kind === "output" || spec.shape.every((dim, i) => dim >= 0 || (shape[i] as number) < 0)) return [];
  return [
    `${check.source}: input '${check.name}': the model takes [${spec.shape}], and so do clients, not only [${shape}]`,
  ];
}

function mismatch({ source, kind, name }: TensorCheck, text: string): OrtserveError {
  return new OrtserveError("ERR_INVALID_CONFIG", `${source}: ${kind} '${name}': ${text}`);
}

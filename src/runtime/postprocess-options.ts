// SPDX-License-Identifier: Apache-2.0
// Option `postprocess` of Model.load: what becomes of each output. Steps are taken in the order in which they stand here.
import { OrtserveError } from "../errors.js";
import type { NativeOutputPlan } from "../native/plans.js";
import { checkOptions, describe, type OptionTable } from "./option-check.js";

export interface OutputPostprocess {
  /** UINT8 and INT8 scores become (q - zeroPoint) * scale. */
  dequantize?: { scale: number; zeroPoint?: number };
  /** Along the last dim. */
  activation?: "softmax" | "sigmoid";
  /** The class of the largest score. */
  argmax?: boolean;
  /** The k largest scores, and their classes: two outputs. */
  topK?: number;
  /** Whether a score reaches this: BOOL. */
  threshold?: number;
  /** Names of the classes, for argmax and topK. Default: their indices. */
  labels?: readonly string[];
  /** Of the output as clients see it; with topK of the classes. Default: the graph's. */
  name?: string;
  /** Of topK's scores. Default: the name with "_scores". */
  scoresName?: string;
}

/** By output name. */
export type Postprocess = Readonly<Record<string, OutputPostprocess>>;

const table: OptionTable<OutputPostprocess> = {
  dequantize: {
    kind: "custom",
    check: (value) => (typeof value === "object" && value !== null ? undefined : "{scale, zeroPoint}"),
  },
  activation: { kind: "choice", of: ["softmax", "sigmoid"] },
  argmax: { kind: "boolean" },
  topK: { kind: "integer", min: 1, max: 2 ** 31 - 1 },
  threshold: { kind: "number", min: -Number.MAX_VALUE, max: Number.MAX_VALUE },
  labels: {
    kind: "custom",
    check: (value) =>
      Array.isArray(value) && value.length > 0 && value.every((one) => typeof one === "string")
        ? undefined
        : "a list of names",
  },
  name: { kind: "string" },
  scoresName: { kind: "string" },
};

const dequantizeTable: OptionTable<NonNullable<OutputPostprocess["dequantize"]>> = {
  scale: {
    kind: "custom",
    check: (value) => (Number.isFinite(value) && (value as number) > 0 ? undefined : "a positive number"),
  },
  zeroPoint: { kind: "integer", min: -128, max: 255 },
};

/** Throws ERR_INVALID_ARGUMENT. Whether it fits the graph is found out by the load. */
export function nativePostprocess(options: Postprocess = {}): Record<string, NativeOutputPlan> {
  return Object.fromEntries(Object.entries(options).map(([output, option]) => [output, outputPlan(output, option)]));
}

function outputPlan(output: string, option: OutputPostprocess): NativeOutputPlan {
  checkOptions("postprocess", option, table);
  const { dequantize, argmax = false, topK = 0, threshold, labels = [], scoresName = "" } = option;
  const fault = (expected: string) =>
    new OrtserveError("ERR_INVALID_ARGUMENT", `postprocess of output '${output}': expected ${expected}`);
  if (dequantize !== undefined) {
    checkOptions("dequantize", dequantize, dequantizeTable);
    if (dequantize.scale === undefined) throw fault(`a scale for dequantize, got ${describe(dequantize)}`);
  }
  if (Number(argmax) + Number(topK > 0) + Number(threshold !== undefined) > 1)
    throw fault("one of argmax, topK and threshold, got several");
  if (labels.length > 0 && !argmax && topK === 0) throw fault("argmax or topK with labels");
  if (scoresName !== "" && topK === 0) throw fault("topK with scoresName");
  return {
    ...(dequantize !== undefined && { scale: dequantize.scale }),
    zeroPoint: dequantize?.zeroPoint ?? 0,
    activation: option.activation ?? "none",
    argmax,
    topK,
    ...(threshold !== undefined && { threshold }),
    labels: [...labels],
    name: option.name ?? "",
    scoresName,
  };
}

// SPDX-License-Identifier: Apache-2.0
// `postprocess` of a model's configuration: what becomes of each output.
import { z } from "zod";
import { OrtserveError } from "../errors.js";
import type { OutputPostprocess, Postprocess } from "../runtime/postprocess-options.js";

/** By output. Steps are taken in this order. */
export const postprocessSchema = z.record(
  z.string(),
  z
    .strictObject({
      dequantize: z
        .strictObject({ scale: z.number().positive(), zero_point: z.int().min(-128).max(255).optional() })
        .optional(),
      activation: z.enum(["softmax", "sigmoid"]).optional(),
      argmax: z.boolean().optional(),
      top_k: z.int().min(1).optional(),
      threshold: z.number().optional(),
      /** true: the model's `labels`. */
      labels: z
        .union([z.boolean(), z.array(z.string()).min(1)], { error: "expected true, or a list of names" })
        .optional(),
      name: z.string().min(1).optional(),
      scores_name: z.string().min(1).optional(),
    })
    .refine((plan) => [plan.argmax, plan.top_k, plan.threshold !== undefined].filter(Boolean).length <= 1, {
      error: "expected one of argmax, top_k and threshold",
    })
    .refine((plan) => !plan.labels || plan.argmax || plan.top_k !== undefined, {
      error: "expected argmax or top_k with labels",
    }),
);

type Config = z.output<typeof postprocessSchema>;

/** @param labels the model's own. @throws OrtserveError ERR_INVALID_CONFIG where they are asked for and not there */
export function postprocessOption(config: Config | undefined, labels: unknown): Postprocess | undefined {
  if (config === undefined) return undefined;
  return Object.fromEntries(
    Object.entries(config).map(([output, plan]) => [output, outputOption(output, plan, labels)]),
  );
}

function outputOption(output: string, plan: Config[string], labels: unknown): OutputPostprocess {
  if (plan.labels === true && !Array.isArray(labels)) {
    throw new OrtserveError("ERR_INVALID_CONFIG", `'postprocess.${output}.labels': expected the model to have labels`);
  }
  const names = plan.labels === true ? (labels as string[]) : plan.labels || undefined;
  const { dequantize } = plan;
  const option: { [K in keyof OutputPostprocess]: OutputPostprocess[K] | undefined } = {
    dequantize: dequantize && {
      scale: dequantize.scale,
      ...(dequantize.zero_point !== undefined && { zeroPoint: dequantize.zero_point }),
    },
    activation: plan.activation,
    argmax: plan.argmax,
    topK: plan.top_k,
    threshold: plan.threshold,
    labels: names,
    name: plan.name,
    scoresName: plan.scores_name,
  };
  return Object.fromEntries(Object.entries(option).filter(([, value]) => value !== undefined));
}

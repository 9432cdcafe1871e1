// SPDX-License-Identifier: Apache-2.0
// `preprocess` of a model's configuration: what each input is made of. The values' meaning is in src/runtime/*-options.ts.
import { z } from "zod";
import type { ColumnPreprocess } from "../runtime/column-options.js";
import type { ImagePreprocess } from "../runtime/image-options.js";
import type { InputPreprocess, Preprocess } from "../runtime/preprocess-options.js";

const category = z.union([z.string(), z.number(), z.boolean()], { error: "expected a string, a number or a boolean" });
const categories = z.array(category).min(1);
const side = z.int().min(1).max(65_535);
const numbers = z.union([z.number(), z.array(z.number()).min(1)], { error: "expected a number, or one per channel" });

/** A number, or a fraction such as 1/255. */
const factor = z.union(
  [
    z.number(),
    z
      .string()
      .regex(/^[0-9]+(\.[0-9]+)?\s*\/\s*[0-9]+(\.[0-9]+)?$/)
      .transform((text) => {
        const [over = 0, under = 1] = text.split("/").map(Number);
        return over / under;
      }),
  ],
  { error: "expected a number, or a fraction such as 1/255" },
);

const column = z.union(
  [
    z.string().min(1),
    z.strictObject({
      name: z.string().min(1),
      default: category.optional(),
      mean: z.number().optional(),
      std: z.number().optional(),
      min: z.number().optional(),
      max: z.number().optional(),
      clip: z.boolean().optional(),
      allow_nan: z.boolean().optional(),
      one_hot: categories.optional(),
      ordinal: z.union([categories, z.record(z.string(), z.number())]).optional(),
      unknown: z.union([z.enum(["error", "ignore"]), z.number()]).optional(),
    }),
  ],
  {
    error:
      "expected a column's name, or {name, default, mean, std, min, max, clip, allow_nan, one_hot, ordinal, unknown}",
  },
);

const image = z.strictObject({
  color: z.enum(["rgb", "bgr", "gray"]).optional(),
  width: side.optional(),
  height: side.optional(),
  fit: z.enum(["cover", "contain", "fill"]).optional(),
  position: z
    .enum(["center", "top", "bottom", "left", "right", "left top", "right top", "left bottom", "right bottom"])
    .optional(),
  resize_shorter: side.optional(),
  interpolation: z.enum(["nearest", "bilinear", "bicubic", "lanczos"]).optional(),
  pad_to: z.int().min(1).max(4096).optional(),
  background: z.array(z.number().min(0).max(255)).length(3).optional(),
  rotate: z.boolean().optional(),
  max_pixels: z.int().min(1).optional(),
  layout: z.enum(["auto", "nhwc", "nchw"]).optional(),
  scale: factor.optional(),
  mean: numbers.optional(),
  std: numbers.optional(),
  quantize: z.strictObject({ scale: numbers, zero_point: numbers.optional() }).optional(),
});

const audio = z.strictObject({
  sample_rate: z.int().min(1).optional(),
  channels: z.int().min(1).max(64).optional(),
  scale: factor.optional(),
});

/** By input: exactly one of the three. */
export const preprocessSchema = z.record(
  z.string(),
  z
    .strictObject({ image: image.optional(), columns: z.array(column).min(1).optional(), audio: audio.optional() })
    .refine((input) => Object.keys(input).length === 1, { error: "expected exactly one of image, columns and audio" }),
);

export function preprocessOption(config: z.output<typeof preprocessSchema> | undefined): Preprocess | undefined {
  if (config === undefined) return undefined;
  return Object.fromEntries(Object.entries(config).map(([input, plan]) => [input, inputOption(plan)]));
}

function inputOption(plan: z.output<typeof preprocessSchema>[string]): InputPreprocess {
  if (plan.columns) return { columns: plan.columns.map((one) => (typeof one === "string" ? one : columnOption(one))) };
  if (plan.audio) return { audio: renamed(plan.audio, { sample_rate: "sampleRate" }) };
  const { quantize, ...rest } = plan.image ?? {};
  return {
    image: {
      ...(renamed(rest, {
        resize_shorter: "resizeShorter",
        pad_to: "padTo",
        max_pixels: "maxPixels",
      }) as ImagePreprocess),
      ...(quantize && { quantize: renamed(quantize, { zero_point: "zeroPoint" }) as ImagePreprocess["quantize"] & {} }),
    },
  };
}

function columnOption(column: object): ColumnPreprocess {
  return renamed(column, { allow_nan: "allowNan", one_hot: "oneHot" }) as unknown as ColumnPreprocess;
}

/** The object with some keys renamed; undefined values count as absent. */
function renamed(object: object, names: Readonly<Record<string, string>>): object {
  const given = Object.entries(object).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given.map(([key, value]) => [names[key] ?? key, value]));
}

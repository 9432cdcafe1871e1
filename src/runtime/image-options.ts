// SPDX-License-Identifier: Apache-2.0
// How an image becomes an input: what the decoder does with the file, and the native pass over its pixels.
import { OrtserveError } from "../errors.js";
import type { NativeInputPlan } from "../native/plans.js";
import { checkOptions, type OptionTable } from "./option-check.js";

export interface ImagePreprocess {
  /** Order of the tensor's channels. Default: "rgb". */
  color?: "rgb" | "bgr" | "gray";
  /** Pixels. Default: the graph's; where that leaves them open, the image's own. */
  width?: number;
  height?: number;
  /** Of an image of another size: cut what sticks out, letterbox it, or stretch it. Default: "cover". */
  fit?: "cover" | "contain" | "fill";
  /** Which part stays, or where the image goes in the letterbox. Default: "center". */
  position?: "center" | "top" | "bottom" | "left" | "right" | "left top" | "right top" | "left bottom" | "right bottom";
  /** First scale the shorter side to this many pixels, then cut the size out of it, as `Resize` and `CenterCrop` of torchvision do. */
  resizeShorter?: number;
  /** Default: "bilinear". */
  interpolation?: "nearest" | "bilinear" | "bicubic" | "lanczos";
  /** Extend to the right and to the bottom until both sides are multiples of this. Default: 1. */
  padTo?: number;
  /** Colour (0 to 255) behind transparent parts, of the letterbox and of what padTo adds, as red, green, blue. Default: black. */
  background?: readonly number[];
  /** Turn it upright as its EXIF data say. Default: true. */
  rotate?: boolean;
  /** Images of more pixels are refused before they are decoded. Default: 50 million. */
  maxPixels?: number;
  /** Of the tensor. Default: as the graph's shape says, NHWC when in doubt. */
  layout?: "auto" | "nhwc" | "nchw";
  /** (x * scale - mean) / std, with x from 0 to 255; mean and std for all channels or for each, in the tensor's order. Default: x. */
  scale?: number;
  mean?: number | readonly number[];
  std?: number | readonly number[];
  /** ONNX QuantizeLinear after that, for UINT8 and INT8 inputs; one of each, or one per channel. Default: values are cast. */
  quantize?: { scale: number | readonly number[]; zeroPoint?: number | readonly number[] };
}

/** What the decoder is told; travels as JSON with the loaded model, so that every thread decodes alike. */
export type DecodeOptions = Required<
  Pick<
    ImagePreprocess,
    "color" | "fit" | "position" | "interpolation" | "padTo" | "background" | "rotate" | "maxPixels"
  >
> & { resizeShorter: number };

const side = { kind: "integer", min: 1, max: 65_535 } as const;
const perChannel = (positive: boolean) =>
  ({
    kind: "custom",
    check: (value: unknown) => {
      const all = Array.isArray(value) ? value : [value];
      const good = (one: unknown) => Number.isFinite(one) && (!positive || (one as number) > 0);
      return all.length > 0 && all.every(good)
        ? undefined
        : `${positive ? "a positive number" : "a number"}, or one per channel`;
    },
  }) as const;

const table: OptionTable<ImagePreprocess> = {
  color: { kind: "choice", of: ["rgb", "bgr", "gray"] },
  width: side,
  height: side,
  fit: { kind: "choice", of: ["cover", "contain", "fill"] },
  position: {
    kind: "choice",
    of: ["center", "top", "bottom", "left", "right", "left top", "right top", "left bottom", "right bottom"],
  },
  resizeShorter: side,
  interpolation: { kind: "choice", of: ["nearest", "bilinear", "bicubic", "lanczos"] },
  padTo: { kind: "integer", min: 1, max: 4096 },
  background: {
    kind: "custom",
    check: (value) =>
      Array.isArray(value) && value.length === 3 && value.every((one) => one >= 0 && one <= 255)
        ? undefined
        : "three numbers from 0 to 255",
  },
  rotate: { kind: "boolean" },
  maxPixels: { kind: "integer", min: 1, max: 2 ** 32 },
  layout: { kind: "choice", of: ["auto", "nhwc", "nchw"] },
  scale: { kind: "number", min: -Number.MAX_VALUE, max: Number.MAX_VALUE },
  mean: perChannel(false),
  std: perChannel(true),
  quantize: {
    kind: "custom",
    check: (value) =>
      typeof value === "object" && value !== null && "scale" in value ? undefined : "{scale, zeroPoint}",
  },
};

const quantizeTable: OptionTable<NonNullable<ImagePreprocess["quantize"]>> = {
  scale: perChannel(true),
  zeroPoint: {
    kind: "custom",
    check: (value) =>
      (Array.isArray(value) ? value : [value]).every((one) => Number.isInteger(one) && one >= -128 && one <= 255)
        ? undefined
        : "an integer from -128 to 255, or one per channel",
  },
};

export function imagePlan(where: string, options: ImagePreprocess): NativeInputPlan {
  checkOptions("image", options, table);
  const { color = "rgb", width = 0, height = 0, quantize } = options;
  if ((width === 0) !== (height === 0))
    throw wrong(where, `width and height, got only ${width === 0 ? "height" : "width"}`);
  const channels = color === "gray" ? 1 : 3;
  const each = (name: string, value: number | readonly number[] | undefined, otherwise: number) =>
    spread(where, name, value ?? otherwise, channels);
  const mean = each("mean", options.mean, 0);
  const std = each("std", options.std, 1);
  const scale = options.scale ?? 1;
  const place = color === "bgr" ? [2, 1, 0] : Array.from({ length: channels }, (_, channel) => channel);
  const quantized: { scale: number[]; zeroPoint: number[] } = { scale: [], zeroPoint: [] };
  if (quantize !== undefined) {
    checkOptions("quantize", quantize, quantizeTable);
    quantized.scale = each("quantize.scale", quantize.scale, 1);
    quantized.zeroPoint = each("quantize.zeroPoint", quantize.zeroPoint, 0);
  }
  return {
    kind: "image",
    mul: place.map((at) => scale / (std[at] ?? 1)),
    add: place.map((at) => -(mean[at] ?? 0) / (std[at] ?? 1) + 0), // + 0: never -0
    place,
    ...quantized,
    layout: options.layout ?? "auto",
    width,
    height,
    decode: JSON.stringify(decodeOptions(options)),
  };
}

function decodeOptions(options: ImagePreprocess): DecodeOptions {
  return {
    color: options.color ?? "rgb",
    fit: options.fit ?? "cover",
    position: options.position ?? "center",
    resizeShorter: options.resizeShorter ?? 0,
    interpolation: options.interpolation ?? "bilinear",
    padTo: options.padTo ?? 1,
    background: options.background ?? [0, 0, 0],
    rotate: options.rotate ?? true,
    maxPixels: options.maxPixels ?? 50_000_000,
  };
}

function spread(where: string, name: string, value: number | readonly number[], channels: number): number[] {
  const values = typeof value === "number" ? Array(channels).fill(value) : [...value];
  if (values.length === channels) return values;
  throw wrong(where, `one ${name} or ${channels}, one per channel, got ${values.length}`);
}

function wrong(where: string, expected: string): OrtserveError {
  return new OrtserveError("ERR_INVALID_ARGUMENT", `${where}: expected ${expected}`);
}

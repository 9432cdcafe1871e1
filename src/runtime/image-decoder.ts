// SPDX-License-Identifier: Apache-2.0
// Image files to pixels, by sharp (libvips), on libuv's threads: never on the event loop. The only code that knows sharp.

import { availableParallelism } from "node:os";
import type { Sharp, SharpOptions } from "sharp";
import { OrtserveError } from "../errors.js";
import type { NativeAttachment } from "../native/plans.js";
import type { DecodeOptions } from "./image-options.js";
import { imageTypes, mediaTypeOf } from "./media-type.js";

type SharpModule = typeof import("sharp");

/** What an input wants of its images; sizes of 0: any, and where the other is known, what keeps the proportions. */
export interface ImageTarget {
  readonly input: string;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly options: DecodeOptions;
}

const kernels = { nearest: "nearest", bilinear: "linear", bicubic: "cubic", lanczos: "lanczos3" } as const;
/** A file that takes longer is made to. */
const longestSeconds = 20;
/** Most images decoded at once; others wait. libuv has few threads, and each image may take 4 bytes per allowed pixel. */
export const lanes = Math.max(2, Math.min(4, availableParallelism()));

/** Most requests with images that are being decoded or wait for it, each with its files in memory. */
const mostRequests = 1024;

let dedicated = false;
let loaded: Promise<SharpModule["default"]> | undefined;
let requests = 0;
let busy = 0;
const waiting: (() => void)[] = [];

/** For a process that is a server, before the first model is loaded: sharp's settings, which the whole process shares, are its own. */
export function dedicateDecoder(): void {
  dedicated = true;
}

/** Loads sharp. Rejects with ERR_UNSUPPORTED where it is not installed: it is an optional dependency. */
export function loadSharp(): Promise<SharpModule["default"]> {
  loaded ??= import("sharp").then(
    ({ default: sharp }) => {
      if (dedicated) {
        sharp.cache(false); // every request's image is new
        sharp.concurrency(1); // the cores are for inference
      }
      return sharp;
    },
    (error: Error) => {
      throw new OrtserveError(
        "ERR_UNSUPPORTED",
        `images need the package 'sharp' (npm install sharp): ${error.message}`,
        { cause: error },
      );
    },
  );
  return loaded;
}

/**
 * Runs `decode`, which decodes the images of one request, however many they are.
 * Rejects with ERR_QUEUE_FULL, before anything is decoded, where too many requests wait already.
 */
export async function asRequest<Result>(decode: () => Promise<Result>): Promise<Result> {
  if (requests >= mostRequests) {
    throw new OrtserveError("ERR_QUEUE_FULL", `${mostRequests} requests wait for their images to be decoded already`);
  }
  requests++;
  try {
    return await decode();
  } finally {
    requests--;
  }
}

/**
 * Decodes one file and brings it to the target's size and colours.
 * @param place where it stands in the request, for messages; "" for the only one
 * @throws OrtserveError ERR_INVALID_INPUT (no image, broken), ERR_LIMIT_EXCEEDED (pixels), ERR_UNSUPPORTED (no sharp)
 */
export async function decodeImage(file: Uint8Array, target: ImageTarget, place: string): Promise<NativeAttachment> {
  const type = mediaTypeOf(file);
  const subject = `input '${target.input}'${place}`;
  if (type === undefined || !imageTypes.includes(type)) {
    const known = imageTypes.map((name) => name.toUpperCase()).join(", ");
    throw new OrtserveError(
      "ERR_INVALID_INPUT",
      `expected an image (${known}) for ${subject}, got ${describeBytes(file)}`,
    );
  }
  const sharp = await loadSharp();
  await enter();
  try {
    const image = await pipeline(sharp, file, target);
    const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
    return { data, width: info.width, height: info.height, channels: info.channels };
  } catch (error) {
    const reason = (error as Error).message
      .trim()
      .replace(/\s*\n\s*/g, "; ")
      .replace(/:$/, "");
    if (/exceeds pixel limit/.test(reason)) {
      const { maxPixels } = target.options;
      throw new OrtserveError(
        "ERR_LIMIT_EXCEEDED",
        `expected an image of at most ${maxPixels} pixels for ${subject}, got more`,
      );
    }
    throw new OrtserveError(
      "ERR_INVALID_INPUT",
      `cannot decode the ${type.toUpperCase()} image of ${file.length} bytes for ${subject}: ${reason}`,
      { cause: error },
    );
  } finally {
    leave();
  }
}

async function pipeline(sharp: SharpModule["default"], file: Uint8Array, target: ImageTarget): Promise<Sharp> {
  const { options } = target;
  const reading: SharpOptions = { limitInputPixels: options.maxPixels, failOn: "error", pages: 1 };
  const [r = 0, g = 0, b = 0] = options.background;
  const background = { r, g, b };
  const image = sharp(file, reading).timeout({ seconds: longestSeconds });
  if (options.rotate) image.autoOrient();
  image.flatten({ background });
  const { width, height } = target;
  const isHalfOpen = (width === 0) !== (height === 0);
  if (options.resizeShorter > 0 || isHalfOpen) await resizeAndCut(image, target);
  else if (width > 0) {
    image.resize({
      width,
      height,
      fit: options.fit,
      position: options.position,
      kernel: kernels[options.interpolation],
      background,
    });
  }
  if (options.color === "gray") image.greyscale().toColourspace("b-w");
  else image.toColourspace("srgb");
  return options.padTo > 1 ? padded(sharp, image, options.padTo, background) : image;
}

/** By the shorter side, or else by the side that is known, with the proportions kept; then cut to the sides that are known. */
async function resizeAndCut(image: Sharp, { width, height, options }: ImageTarget): Promise<void> {
  const size = await image.metadata();
  const { width: w, height: h } = options.rotate ? size.autoOrient : size;
  const scale = options.resizeShorter > 0 ? options.resizeShorter / Math.min(w, h) : width > 0 ? width / w : height / h;
  const wide = Math.max(1, Math.round(w * scale));
  const high = Math.max(1, Math.round(h * scale));
  // Pixels after scaling count too: a very long strip would become a very large image.
  if (wide * high > options.maxPixels) throw new Error("Input image exceeds pixel limit");
  image.resize({ width: wide, height: high, fit: "fill", kernel: kernels[options.interpolation] });
  if (width === 0 && height === 0) return;
  const cut = { width: width || wide, height: height || high };
  if (wide < cut.width || high < cut.height)
    throw new Error(`resized to ${wide} x ${high}, less than the ${cut.width} x ${cut.height} to cut`);
  image.extract({ left: Math.round((wide - cut.width) / 2), top: Math.round((high - cut.height) / 2), ...cut });
}

/** Only after the other steps is the size known. */
async function padded(sharp: SharpModule["default"], image: Sharp, padTo: number, background: object): Promise<Sharp> {
  const { data, info } = await image.raw().toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const right = (padTo - (width % padTo)) % padTo;
  const bottom = (padTo - (height % padTo)) % padTo;
  const raw = sharp(data, { raw: { width, height, channels } }).extend({ right, bottom, background });
  return channels === 1 ? raw.toColourspace("b-w") : raw;
}

function describeBytes(bytes: Uint8Array): string {
  const start = Buffer.from(bytes.subarray(0, 8))
    .toString("hex")
    .replace(/(..)(?=.)/g, "$1 ");
  return bytes.length === 0 ? "no bytes" : `${bytes.length} bytes that begin with ${start}`;
}

async function enter(): Promise<void> {
  if (busy >= lanes) await new Promise<void>((resolve) => waiting.push(resolve));
  else busy++;
}

/** Hands the lane to whoever waits longest. */
function leave(): void {
  const next = waiting.shift();
  if (next) next();
  else busy--;
}

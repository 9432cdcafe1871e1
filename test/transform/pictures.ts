// SPDX-License-Identifier: Apache-2.0
// Pictures whose pixels are known, in any format.
import sharp, { type Sharp } from "sharp";
import { seeded } from "../models/onnx.mjs";

export interface Pixels {
  width: number;
  height: number;
  channels: 1 | 3 | 4;
  data: Uint8Array;
}

/** Reproducible noise. */
export function noise(seed: number, width: number, height: number, channels: Pixels["channels"] = 3): Pixels {
  const data = Uint8Array.from(seeded(seed, width * height * channels, 127.9), (value) => Math.floor(value + 128));
  return { width, height, channels, data };
}

/** Vertical stripes of equal width, one colour each. */
export function stripes(width: number, height: number, ...colors: readonly (readonly number[])[]): Pixels {
  const data = new Uint8Array(width * height * 3);
  for (let at = 0; at < width * height; at++) {
    data.set(colors[Math.floor(((at % width) * colors.length) / width)] as readonly number[], at * 3);
  }
  return { width, height, channels: 3, data };
}

export function image({ data, width, height, channels }: Pixels): Sharp {
  return sharp(data, { raw: { width, height, channels } });
}

export const png = (pixels: Pixels): Promise<Buffer> => image(pixels).png().toBuffer();

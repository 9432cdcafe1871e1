// SPDX-License-Identifier: Apache-2.0
// Files that are not what they should be: a clear error each, nothing lost, and the next request works.
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { deflateSync } from "node:zlib";
import { Model, type Tensor } from "../../src/index.js";
import { seeded } from "../models/onnx.mjs";
import { identity } from "./models.js";
import { image, noise, png } from "./pictures.js";

let model: Model;
let good: Buffer;

before(async () => {
  model = await Model.load(identity("fp32", ["batch", 8, 8, 3]), {
    name: "m",
    preprocess: { x: { image: { maxPixels: 1_000_000 } } },
  });
  good = await png(noise(1, 8, 8));
});
after(() => model?.close());

function rejected(file: Uint8Array, code: string, message: RegExp): Promise<void> {
  return assert.rejects(model.predict({ x: file }), { code, message });
}

/** A PNG that says it has so many pixels and has one row of them. */
function pngOfSize(width: number, height: number): Buffer {
  const crcTable = Array.from({ length: 256 }, (_, n) => {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    return c >>> 0;
  });
  const chunk = (type: string, data: Buffer) => {
    const body = Buffer.concat([Buffer.from(type), data]);
    let crc = 0xffffffff;
    for (const byte of body) crc = (crcTable[(crc ^ byte) & 255] as number) ^ (crc >>> 8);
    const frame = Buffer.alloc(8);
    frame.writeUInt32BE(data.length, 0);
    frame.writeUInt32BE((crc ^ 0xffffffff) >>> 0, 4);
    return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2], 8); // 8 bits, RGB
  const signature = Buffer.from("89504e470d0a1a0a", "hex");
  return Buffer.concat([
    signature,
    chunk("IHDR", header),
    chunk("IDAT", deflateSync(Buffer.alloc(width * 3 + 1))),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

describe("a file is refused", () => {
  const what = /expected an image \(JPEG, PNG, WEBP, GIF, AVIF, TIFF\) for input 'x', got /;
  it("that is empty", () => rejected(new Uint8Array(0), "ERR_INVALID_INPUT", /got no bytes/));
  it("that is text", () =>
    rejected(
      Buffer.from("hello"),
      "ERR_INVALID_INPUT",
      new RegExp(`${what.source}5 bytes that begin with 68 65 6c 6c 6f`),
    ));
  it("that is SVG, which is a program", () =>
    rejected(Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), "ERR_INVALID_INPUT", what));
  it("that is PDF", () => rejected(Buffer.from("%PDF-1.7\n"), "ERR_INVALID_INPUT", what));

  it("that is cut short, wherever", async () => {
    for (const file of [
      good,
      await image(noise(2, 64, 64))
        .jpeg()
        .toBuffer(),
      await image(noise(2, 64, 64))
        .webp()
        .toBuffer(),
    ]) {
      for (const part of [0.1, 0.5, 0.9]) {
        const cut = file.subarray(0, Math.max(16, Math.floor(file.length * part)));
        await rejected(
          cut,
          "ERR_INVALID_INPUT",
          /cannot decode the (PNG|JPEG|WEBP) image of \d+ bytes for input 'x': ./,
        );
      }
    }
  });

  it("that has more pixels than allowed, before they are decoded", async () => {
    const bomb = pngOfSize(50_000, 50_000);
    assert.ok(bomb.length < 1000);
    const before = process.memoryUsage().rss;
    await rejected(bomb, "ERR_LIMIT_EXCEEDED", /expected an image of at most 1000000 pixels for input 'x', got more/);
    assert.ok(process.memoryUsage().rss - before < 64 * 2 ** 20);
  });

  it("that says it has pixels and has them not", () =>
    rejected(pngOfSize(900, 900), "ERR_INVALID_INPUT", /cannot decode the PNG/));

  it("that would become too large on the way", async () => {
    const strip = await Model.load(identity("fp32", ["batch", "h", "w", 3]), {
      preprocess: { x: { image: { resizeShorter: 1000, maxPixels: 1_000_000 } } },
    });
    await assert.rejects(strip.predict({ x: await png(noise(3, 400, 2)) }), { code: "ERR_LIMIT_EXCEEDED" });
    await strip.close();
  });

  it("in the second row, by that row", async () => {
    const message = /for input 'x' in row 1, got 3 bytes/;
    await assert.rejects(model.predict([{ x: good }, { x: Buffer.from("bad") }]), {
      code: "ERR_INVALID_INPUT",
      message,
    });
  });

  it("that is another row's number", async () => {
    const message = /^expected an image .* for input 'x' in row 1 at .*, got 0$/;
    await assert.rejects(model.predict([{ x: good }, { x: 0 }]), { code: "ERR_INVALID_INPUT", message });
  });
});

it("random damage ends in an answer or an error, never in anything else", async () => {
  const files = [
    good,
    await image(noise(4, 32, 32))
      .jpeg()
      .toBuffer(),
    await image(noise(4, 32, 32))
      .webp()
      .toBuffer(),
    await image(noise(4, 16, 16))
      .gif()
      .toBuffer(),
  ];
  const random = seeded(77, 400, 1);
  let next = 0;
  const roll = (below: number) => Math.floor(((random[next++ % random.length] as number) / 2 + 0.5) * below);
  for (let round = 0; round < 60; round++) {
    const file = Buffer.from(files[round % files.length] as Buffer);
    for (let hit = 0; hit < 3; hit++) file[roll(file.length)] = roll(256);
    await model.predict({ x: file }).catch((error: { code: string }) => {
      assert.match(error.code, /^ERR_(INVALID_INPUT|LIMIT_EXCEEDED)$/);
    });
  }
  const { y } = await model.predict<{ y: Tensor }>({ x: good });
  assert.deepEqual(Array.from(y.data as Float32Array), Array.from(noise(1, 8, 8).data));
});

it("a call that is aborted or late while its image is decoded is told so", async () => {
  const large = await image(noise(5, 900, 900))
    .png({ compressionLevel: 1 })
    .toBuffer();
  const controller = new AbortController();
  const call = model.predict({ x: large }, { signal: controller.signal });
  controller.abort();
  await assert.rejects(call, { code: "ERR_CANCELLED" });
  await assert.rejects(model.predict({ x: large }, { timeoutMs: 0.001 }), { code: "ERR_DEADLINE_EXCEEDED" });
});

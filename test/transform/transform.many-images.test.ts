// SPDX-License-Identifier: Apache-2.0
// Requests of many images, and many requests: an idle process serves all that fits a tensor, a busy one refuses whole requests.
import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Model, type Tensor } from "../../src/index.js";
import type { MediaReader } from "../../src/runtime/media-body.js";
import { createServer, loadRepository, type OrtServer } from "../../src/server/index.js";
import { makeRepository, removeRepository, serverDefaults } from "../server/real-server.js";
import { identity } from "./models.js";
import { noise, png } from "./pictures.js";

const path = identity("uint8", ["batch", 2, 2, 3]);
const preprocess = { x: { image: {} } };
const count = 1100;
let model: Model;
let media: MediaReader;
let server: OrtServer;
/** Different ones, so that a row that goes astray is seen. */
let pictures: Buffer[];
const pixelsOf = (row: number) => Array.from(noise(row % 7, 2, 2).data);

before(async () => {
  pictures = await Promise.all(Array.from({ length: 7 }, (_, seed) => png(noise(seed, 2, 2))));
  model = await Model.load(path, { preprocess });
  media = model.media as MediaReader;
  const root = makeRepository({});
  mkdirSync(join(root, "m", "1"), { recursive: true });
  copyFileSync(path, join(root, "m", "1", "model.onnx"));
  writeFileSync(join(root, "m", "config.yaml"), "preprocess: {x: {image: {}}}\n");
  server = createServer({ models: await loadRepository(root, { strict: true }), ...serverDefaults() });
  removeRepository(root);
  await server.listen();
});
after(async () => {
  await model?.close();
  await server?.close();
});

const picture = (row: number) => pictures[row % 7] as Buffer;
const fileOf = (row: number, file = picture(row)) => ({ input: "x", file, place: ` in row ${row}` });

test("of the faults in a request the first is told, and what comes after it is not decoded", async () => {
  let asked = 0;
  const wanted = () => {
    asked++;
    return true;
  };
  const wrong = (row: number) => fileOf(row, Buffer.from("wrong"));
  const files = [fileOf(0), fileOf(1), wrong(2), wrong(3), ...Array.from({ length: count }, (_, i) => fileOf(4 + i))];
  await assert.rejects(media.decode(files, wanted), { code: "ERR_INVALID_INPUT", message: /in row 2, got 5 bytes/ });
  assert.ok(asked < 20, `${asked} files`);
});

test("a request that nobody waits for is decoded no further", async () => {
  let asked = 0;
  const files = Array.from({ length: count }, (_, row) => fileOf(row));
  await assert.rejects(
    media.decode(files, () => ++asked < 10),
    { code: "ERR_CANCELLED" },
  );
  assert.ok(asked < 20, `${asked} files`);
});

test("more pixels than a tensor holds are refused before all of them are decoded", async () => {
  const any = await Model.load(identity("uint8", ["batch", "h", "w", 3]), { preprocess });
  const large = await png({ width: 4000, height: 4000, channels: 3, data: new Uint8Array(4000 * 4000 * 3) });
  let asked = 0;
  const files = Array.from({ length: 40 }, (_, row) => fileOf(row, large));
  const decoding = (any.media as MediaReader).decode(files, () => ++asked > 0);
  const message = "input 'x' has more than the 67108864 elements that are allowed";
  await assert.rejects(decoding, { code: "ERR_LIMIT_EXCEEDED", message });
  assert.ok(asked < 20, `${asked} files`);
  await any.close();
});

test("too many requests at once are refused whole, and the others are served", async () => {
  const one = (row: number) => model.predict<{ y: Tensor }>({ x: picture(row) });
  const served = Array.from({ length: 1024 }, (_, row) => one(row));
  const expected = { code: "ERR_QUEUE_FULL", message: "1024 requests wait for their images to be decoded already" };
  await assert.rejects(one(0), expected);
  await assert.rejects(model.predict([{ x: picture(0) }, { x: picture(1) }]), expected);
  for (const [row, { y }] of (await Promise.all(served)).entries()) assert.deepEqual([...y.data], pixelsOf(row));
  assert.deepEqual([...(await one(3)).y.data], pixelsOf(3));
});

test(`a request of ${count} images is served, each in its row`, async () => {
  const rows = Array.from({ length: count }, (_, row) => row);
  const expected = rows.flatMap(pixelsOf);
  const { y } = await model.predict<{ y: Tensor }>(rows.map((row) => ({ x: picture(row) })));
  assert.deepEqual([...y.data], expected);
  const instances = rows.map((row) => ({ x: { b64: picture(row).toString("base64") } }));
  const response = await fetch(`${server.url}/predict/m`, { method: "POST", body: JSON.stringify({ instances }) });
  const answer = (await response.json()) as { predictions: number[][][] };
  assert.equal(response.status, 200, JSON.stringify(answer).slice(0, 200));
  assert.deepEqual(answer.predictions.flat(3), expected);
});

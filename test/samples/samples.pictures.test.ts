// SPDX-License-Identifier: Apache-2.0
// Pictures of digits: what the tensor gives, whatever the size of the picture and however it comes.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { createServer, loadRepository, type OrtServer } from "../../src/server/index.js";
import { floats, reference } from "../reference.js";
import { argmax, heldOutDigits, pixelsPerDigit, samplesDirectory } from "./held-out-digits.js";

let server: OrtServer;
before(async () => {
  server = createServer({ models: await loadRepository(fileURLToPath(samplesDirectory), { strict: true }), port: 0 });
  await server.listen();
});
after(() => server?.close());

async function scores(body: Uint8Array | FormData): Promise<number[]> {
  const response = await fetch(`${server.url}/predict/digits`, { method: "POST", body: body as FormData });
  const { predictions } = (await response.json()) as { predictions: number[][] };
  return predictions[0] as number[];
}

test("what is no picture is refused", async () => {
  const response = await fetch(`${server.url}/predict/digits`, {
    method: "POST",
    body: "seven",
    headers: { "Content-Type": "image/png" },
  });
  assert.equal(response.status, 400);
  assert.match(
    ((await response.json()) as { error: string }).error,
    /expected an image .* for input 'image', got 5 bytes/,
  );
});

test("the sample picture is a seven, as a body and in a form", async () => {
  const picture = readFileSync(new URL("digits/seven.png", samplesDirectory));
  const form = new FormData();
  form.set("file", new Blob([new Uint8Array(picture)], { type: "image/png" }), "seven.png");
  assert.deepEqual(argmax(await scores(picture), 10), [7]);
  assert.deepEqual(await scores(form), await scores(picture));
});

test("held-out digits as PNG get the scores of their pixels, and enlarged ones their class", async () => {
  const { pixels, labels } = heldOutDigits();
  const path = fileURLToPath(new URL("digits/1/model.onnx", samplesDirectory));
  for (let at = 0; at < labels.length; at += 40) {
    const bytes = Uint8Array.from(pixels.subarray(at * pixelsPerDigit, (at + 1) * pixelsPerDigit), (x) =>
      Math.round(x * 255),
    );
    const { probabilities } = await reference(path, {
      image: floats(
        [1, 28, 28, 1],
        Float32Array.from(bytes, (x) => x / 255),
      ),
    });
    const expected = Array.from(probabilities?.data as Float32Array);
    const raw = () => sharp(bytes, { raw: { width: 28, height: 28, channels: 1 } });
    const got = await scores(await raw().png().toBuffer());
    assert.ok(
      expected.every((score, i) => Math.abs(score - (got[i] as number)) < 1e-5),
      `digit ${at}: ${got}`,
    );
    const larger = await scores(await raw().resize(112, 112, { kernel: "nearest" }).png().toBuffer());
    if (Math.max(...expected) > 0.9) assert.deepEqual(argmax(larger, 10), argmax(expected, 10), `digit ${at}`);
  }
});

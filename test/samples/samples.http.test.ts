// SPDX-License-Identifier: Apache-2.0
// The sample repository behind a real server: sample requests, the README's curl lines, and every held-out digit.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { createServer, loadRepository, type OrtServer } from "../../src/server/index.js";
import { floats, reference } from "../reference.js";
import { assertClose } from "./close.js";
import {
  argmax,
  type HeldOutDigits,
  heldOutDigits,
  pixelsPerDigit,
  readJson,
  samplesDirectory,
} from "./held-out-digits.js";

let server: OrtServer;
let heldOut: HeldOutDigits;
let expectedScores: Float32Array;

before(async () => {
  server = createServer({ models: await loadRepository(fileURLToPath(samplesDirectory), { strict: true }), port: 0 });
  await server.listen();
  heldOut = heldOutDigits();
  const image = floats([heldOut.labels.length, 28, 28, 1], heldOut.pixels);
  const path = fileURLToPath(new URL("digits/1/model.onnx", samplesDirectory));
  expectedScores = (await reference(path, { image })).probabilities?.data as Float32Array;
});
after(() => server?.close());

const text = (file: string) => readFileSync(new URL(file, samplesDirectory), "utf8");

async function post(path: string, body: string | Uint8Array, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${server.url}${path}`, { method: "POST", body, headers });
}

async function refusal(path: string, body: string): Promise<string> {
  const response = await post(path, body);
  assert.equal(response.status, 400);
  return ((await response.json()) as { error: string }).error;
}

/** Runs `task` for 0 to count - 1, `lanes` at a time. */
async function inLanes(count: number, lanes: number, task: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) await task(next++);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

/** The accuracy must hold, and every digit must be read as the reference reads it. */
function assertAccurate(scores: Float32Array): void {
  const guesses = argmax(scores, 10);
  assert.deepEqual(guesses, argmax(expectedScores, 10));
  assertClose(Array.from(scores), Array.from(expectedScores));
  const right = heldOut.labels.filter((label, at) => guesses[at] === label).length;
  assert.ok(right / heldOut.labels.length >= 0.98, `${right} of ${heldOut.labels.length} are right`);
}

test("a digit of the wrong shape is refused with the shape that was expected", async () => {
  const error = await refusal("/predict/digits", JSON.stringify({ instances: [new Array(784).fill(0)] }));
  assert.match(error, /image/);
  assert.match(error, /28/);
});

test("a flower without one of its features is refused by that feature's name", async () => {
  const error = await refusal("/predict/iris", '{"sepal_length": 5.1, "sepal_width": 3.5, "petal_length": 1.4}');
  assert.match(error, /petal_width/);
});

for (const name of ["digits", "iris"])
  test(`${name}: request.json gives reply.json`, async () => {
    const response = await post(`/predict/${name}`, text(`${name}/request.json`));
    assert.equal(response.status, 200);
    assertClose(await response.json(), readJson(new URL(`${name}/reply.json`, samplesDirectory)));
  });

test("iris: features in any order, and rows of arrays, give the same predictions", async () => {
  const request = readJson(new URL("iris/request.json", samplesDirectory)) as Record<string, number>;
  const expected = readJson(new URL("iris/reply.json", samplesDirectory));
  const turned = Object.fromEntries(Object.entries(request).reverse());
  assertClose(await (await post("/predict/iris", JSON.stringify(turned))).json(), expected);
  const rows = JSON.stringify({ instances: [Object.values(request)] });
  assertClose(await (await post("/predict/iris", rows)).json(), expected);
});

test("the curl lines of models/README.md work as they stand", async () => {
  const lines = [...text("README.md").matchAll(/curl -d (?:@models\/(\S+)|'([^']+)') http:\/\/[^/]+(\/\S+)/g)];
  assert.equal(lines.length, 3);
  for (const [, file, json, path] of lines) {
    const response = await post(path as string, file ? text(file) : (json as string));
    assert.equal(response.status, 200);
    const { predictions } = (await response.json()) as { predictions: unknown[] };
    assert.ok(predictions.length > 0);
  }
});

test("2,000 held-out digits, one JSON request each: at least 98 % right", async () => {
  const scores = new Float32Array(heldOut.labels.length * 10);
  await inLanes(heldOut.labels.length, 32, async (index) => {
    const pixels = heldOut.pixels.subarray(index * pixelsPerDigit, (index + 1) * pixelsPerDigit);
    const rows = Array.from({ length: 28 }, (_, row) =>
      Array.from(pixels.subarray(row * 28, row * 28 + 28), (v) => [v]),
    );
    const response = await post("/predict/digits", JSON.stringify({ instances: [rows] }));
    const { predictions } = (await response.json()) as { predictions: number[][] };
    scores.set(predictions[0] as number[], index * 10);
  });
  assertAccurate(scores);
});

test("2,000 held-out digits, binary tensors of 50: at least 98 % right", async () => {
  const rows = 50;
  const scores = new Float32Array(heldOut.labels.length * 10);
  await inLanes(heldOut.labels.length / rows, 8, async (index) => {
    const size = rows * pixelsPerDigit;
    const pixels = heldOut.pixels.slice(index * size, (index + 1) * size);
    const image = { name: "image", shape: [rows, 28, 28, 1], datatype: "FP32" };
    const header = JSON.stringify({
      inputs: [{ ...image, parameters: { binary_data_size: pixels.byteLength } }],
      parameters: { binary_data_output: true },
    });
    const response = await post(
      "/v2/models/digits/infer",
      Buffer.concat([Buffer.from(header), new Uint8Array(pixels.buffer)]),
      { "inference-header-content-length": String(header.length) },
    );
    assert.equal(response.status, 200);
    const reply = await response.arrayBuffer();
    scores.set(
      new Float32Array(reply.slice(Number(response.headers.get("inference-header-content-length")))),
      index * rows * 10,
    );
  });
  assertAccurate(scores);
});

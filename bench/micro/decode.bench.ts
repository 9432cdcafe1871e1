// SPDX-License-Identifier: Apache-2.0
// Claim: the core decodes a JSON tensor several times faster than JSON.parse and a copy into a typed array.
// This is the JavaScript side; bench/native/codec_bench.cc is the other.
import { reproducibleNumbers } from "../models/graph.js";
import { nestedText } from "../number-text.js";
import type { MicroResult } from "../results.js";
import { type Case, measure } from "./measure.js";

export function decodeBench(milliseconds: number): Promise<MicroResult[]> {
  const cases = [instances(4), instances(784), openInference(784), instances(150528), openInference(150528)];
  return measure("decode", cases, milliseconds);
}

function instances(width: number): Case {
  const body = Buffer.from(`{"instances":[${numbers(width)}]}`);
  const run = () => new Float32Array(JSON.parse(body.toString()).instances[0]);
  const small = width < 100;
  const [count, per] = small ? [1, "request"] : [width, "float"];
  return { name: `instances JSON, ${width} floats`, run, count, per };
}

function openInference(width: number): Case {
  const body = Buffer.from(`{"inputs":[{"name":"x","datatype":"FP32","shape":[1,${width}],"data":${numbers(width)}}]}`);
  const run = () => new Float32Array(JSON.parse(body.toString()).inputs[0].data);
  return { name: `Open Inference JSON, ${width} floats`, run, count: width, per: "float" };
}

function numbers(width: number): string {
  return nestedText(reproducibleNumbers(1, width), [width]);
}

// SPDX-License-Identifier: Apache-2.0
// Claim: an embedded predict costs little beside the run itself, and many at once cost less than one by one, because they
// share batches. Beside it: onnxruntime-node, which runs on the JavaScript thread.
import { InferenceSession, Tensor } from "onnxruntime-node";
import { Model } from "../../src/index.js";
import { reproducibleNumbers } from "../models/graph.js";
import { type BenchModel, prepareModel } from "../models/models.js";
import type { MicroResult } from "../results.js";
import { type Case, measure } from "./measure.js";

const atOnce = 64;

export async function runBench(milliseconds: number): Promise<MicroResult[]> {
  const results: MicroResult[] = [];
  for (const name of ["mlp_tiny", "mlp_mid"]) {
    const model = await prepareModel(name);
    if (model !== undefined) results.push(...(await runOne(model, milliseconds)));
  }
  return results;
}

async function runOne(model: BenchModel, milliseconds: number): Promise<MicroResult[]> {
  const row = reproducibleNumbers(
    7,
    model.rowShape.reduce((a, b) => a * b, 1),
  );
  const shape = [1, ...model.rowShape];
  const session = await InferenceSession.create(model.file, { intraOpNumThreads: 1 });
  const batching = await Model.load(model.file);
  const peer = () => session.run({ [model.input]: new Tensor("float32", row, shape) });
  const embedded = () => batching.predict({ [model.input]: row });
  const cases = [
    ...loads(`${model.name}, onnxruntime-node`, peer),
    ...loads(`${model.name}, ortserve embedded`, embedded),
  ];
  const results = await measure("run", cases, milliseconds);
  await batching.close();
  await session.release();
  return results;
}

function loads(name: string, call: () => Promise<unknown>): Case[] {
  const many = () => Promise.all(Array.from({ length: atOnce }, call));
  return [
    { name: `${name}, one in flight`, run: call, count: 1, per: "call" },
    { name: `${name}, ${atOnce} in flight`, run: many, count: atOnce, per: "call" },
  ];
}

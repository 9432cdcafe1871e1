// SPDX-License-Identifier: Apache-2.0
// Claim: one wire request costs the JavaScript thread a few microseconds: what src/server does for it, without the socket.
import { Model } from "../../src/index.js";
import { WireFormat } from "../../src/native/binding.js";
import { ModelPort, type ReplyHandler } from "../../src/runtime/model-port.js";
import { prepareModel } from "../models/models.js";
import type { MicroResult } from "../results.js";
import { buildRequest, workloads } from "../workloads.js";
import { type Case, measure } from "./measure.js";

const atOnce = 64;

export async function submitBench(milliseconds: number): Promise<MicroResult[]> {
  const results: MicroResult[] = [];
  for (const id of ["tiny-json", "mid-json"]) results.push(...(await submitOne(id, milliseconds)));
  return results;
}

async function submitOne(id: string, milliseconds: number): Promise<MicroResult[]> {
  const workload = workloads.find((each) => each.id === id);
  const bench = workload && (await prepareModel(workload.model));
  if (workload === undefined || bench === undefined) throw new Error(`there is no workload ${id}`);
  const body = new Uint8Array((await buildRequest(workload, bench)).body).buffer;
  const results: MicroResult[] = [];
  for (const inline of [true, false]) {
    const model = await Model.load(bench.file, inline ? { inlineMicros: 1000 } : { inlineMicros: 0 });
    const name = `${bench.name} JSON, ${inline ? "run on the JS thread" : `run on workers, ${atOnce} in flight`}`;
    results.push(...(await measure("submit", [submitCase(name, model, body, inline ? 1 : atOnce)], milliseconds)));
    await model.close();
  }
  return results;
}

function submitCase(name: string, model: Model, body: ArrayBuffer, inFlight: number): Case {
  const port = ModelPort.current();
  const submit = (handler: ReplyHandler) =>
    port.submit(model, WireFormat.predict, false, -1, body, 0, body.byteLength, 0, handler);
  const failing = (code: string, message: string) => {
    throw new Error(`${code}: ${message}`);
  };
  if (inFlight === 1) {
    const handler: ReplyHandler = { reply: () => {}, fail: failing };
    return { name, run: () => submit(handler), count: 1, per: "request" };
  }
  const run = () =>
    new Promise<void>((resolve) => {
      let missing = inFlight;
      const handler: ReplyHandler = { reply: () => void (--missing === 0 && resolve()), fail: failing };
      for (let i = 0; i < inFlight; i++) submit(handler);
    });
  return { name, run, count: inFlight, per: "request" };
}

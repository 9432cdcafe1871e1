// SPDX-License-Identifier: Apache-2.0
// A long run of calls, embedded and over the wire, small and large. Prints the growth in MB after a warm-up.
import { Model } from "../../../src/index.js";
import { ModelPort } from "../../../src/runtime/model-port.js";
import { modelPath } from "../../models/make.mjs";
import { residentMegabytes } from "./resident.js";

const tiny = await Model.load(modelPath("mlp_tiny"), { inlineMicros: 0 });
const wide = await Model.load(modelPath("wide_output"));
const port = ModelPort.current();
const bodies = ['{"instances": [[1,2,3,4]]}', '{"instances": [[1,2,3]]}', "{"].map(
  (text) => new TextEncoder().encode(text).buffer as ArrayBuffer,
);
const row = Float32Array.of(1, 2, 3, 4);

function wire(body: ArrayBuffer): Promise<void> {
  return new Promise((resolve) => {
    const done = () => resolve();
    port.submit(tiny, 0, false, -1, body, 0, body.byteLength, 0, { reply: done, fail: done });
  });
}

async function round(): Promise<void> {
  const calls: Promise<unknown>[] = [];
  for (let i = 0; i < 300; i++) {
    const body = bodies[i % bodies.length];
    if (body) calls.push(wire(body));
    calls.push(tiny.predict(row.slice(), { transfer: i % 2 === 0 }));
  }
  calls.push(wide.predict([[1], [2], [3]])); // 3 MB out
  await Promise.all(calls);
}

for (let i = 0; i < 60; i++) await round();
const before = await residentMegabytes();
for (let i = 0; i < 240; i++) await round();
console.log(JSON.stringify({ growth: (await residentMegabytes()) - before, requests: tiny.stats().requests }));

// SPDX-License-Identifier: Apache-2.0
// Resident memory stays bounded: in bursts, over many calls, over many loads, over many shapes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { runFile } from "../process/child.js";

async function measure<T>(program: string, ...args: string[]): Promise<T> {
  const { code, signal, stdout, stderr } = await runFile(new URL(`programs/${program}.ts`, import.meta.url), ...args);
  assert.deepEqual({ code, signal, stderr }, { code: 0, signal: null, stderr: "" });
  return JSON.parse(stdout) as T;
}

interface Burst {
  peak: number;
  after: number;
  outcomes: Record<string, number>;
}

for (const [kind, inlineMicros] of [
  ["run inline", "1000000"],
  ["queued", "0"],
] as const) {
  test(`a synchronous burst of 120,000 calls (${kind}): unread results are bounded, the rest is refused`, async () => {
    const { peak, outcomes } = await measure<Burst>("burst", inlineMicros);
    assert.deepEqual(Object.keys(outcomes).sort(), ["ERR_QUEUE_FULL", "ok"]);
    assert.ok((outcomes.ok ?? 0) >= 1000, JSON.stringify(outcomes));
    assert.ok(peak < 700, `${peak} MB`);
  });
}

test("150,000 requests, embedded and over the wire, leave no growth", async () => {
  const { growth, requests } = await measure<{ growth: number; requests: number }>("steady");
  assert.ok(requests >= 120_000, `${requests}`);
  assert.ok(growth < 25, `${growth} MB`);
});

test("100 loads of a 2.7 MB model leave no growth", async () => {
  const { growth } = await measure<{ growth: number }>("load-cycles", "closing");
  assert.ok(growth < 25, `${growth} MB`);
});

for (const path of ["bound", "fixed"]) {
  test(`100 loads of a model that runs on ${path} memory leave no growth`, async () => {
    const { growth } = await measure<{ growth: number }>("load-cycles", "closing", path);
    assert.ok(growth < 25, `${growth} MB`);
  });
}

test("100 models that nobody closed are collected with their sessions", async () => {
  const { growth } = await measure<{ growth: number }>("load-cycles", "collected");
  assert.ok(growth < 25, `${growth} MB`);
});

test("100 failed loads leave no growth", async () => {
  const { growth } = await measure<{ growth: number }>("load-cycles", "failing");
  assert.ok(growth < 25, `${growth} MB`);
});

test("100 replacements of a served model, and 20 failed ones, leave no growth", async () => {
  const { growth, failures } = await measure<{ growth: number; failures: number }>("swap-cycles");
  assert.equal(failures, 20);
  assert.ok(growth < 25, `${growth} MB`);
});

test("500 different shapes: memory plateaus", async () => {
  const { growth } = await measure<{ growth: number }>("shapes");
  assert.ok(growth < 25, `${growth} MB`);
});

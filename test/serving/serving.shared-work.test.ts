// SPDX-License-Identifier: Apache-2.0
// Work done once for all who ask for it at once: nobody gets what was found before they asked.
import assert from "node:assert/strict";
import { test } from "node:test";
import { SharedWork } from "../../src/serving/shared-work.js";

/** Runs that end when the test says so; each results in its number. */
function steps() {
  const ends: ((error?: Error) => void)[] = [];
  const work = () => {
    const number = ends.length;
    return new Promise<number>((resolve, reject) => ends.push((error) => (error ? reject(error) : resolve(number))));
  };
  return { ends, shared: new SharedWork(work) };
}

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test("who comes while a run is in progress shares the next, which begins when that ends", async () => {
  const { ends, shared } = steps();
  const first = shared.run();
  const later = [shared.run(), shared.run()];
  await turn();
  assert.equal(ends.length, 1);
  ends[0]?.();
  assert.equal(await first, 0);
  await turn();
  assert.equal(ends.length, 2);
  const last = shared.run();
  ends[1]?.();
  assert.deepEqual(await Promise.all(later), [1, 1]);
  await turn();
  ends[2]?.();
  assert.equal(await last, 2);
  const alone = shared.run();
  ends[3]?.();
  assert.equal(await alone, 3);
});

test("a run that fails fails those who share it, and no others", async () => {
  const { ends, shared } = steps();
  const first = shared.run();
  const later = shared.run();
  ends[0]?.(new Error("first"));
  await assert.rejects(first, /first/);
  await turn();
  ends[1]?.();
  assert.equal(await later, 1);
});

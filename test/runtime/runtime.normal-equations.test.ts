// SPDX-License-Identifier: Apache-2.0
// Least squares through the addon: what is refused, that calls keep their order, and that the answer is the definition's.
import assert from "node:assert/strict";
import { test } from "node:test";
import { NormalEquations } from "../../src/runtime/normal-equations.js";

/** Random numbers in [-1, 1), the same in every run. */
function noise(count: number, seed: number): Float32Array {
  let state = seed;
  return Float32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return state / 2 ** 31;
  });
}

/** Largest |gradient| of the sum that solve() minimises, relative to its parts: 0 at the solution, whatever found it. */
function gradient(
  x: Float32Array,
  y: Float32Array,
  anchor: Float32Array,
  ratio: number,
  weights: Float32Array,
): number {
  const outputs = 3;
  const width = anchor.length / outputs;
  const rows = y.length / outputs;
  const xAt = (row: number, i: number) => (i === width - 1 ? 1 : Number(x[row * (width - 1) + i]));
  let squares = 0;
  for (let row = 0; row < rows; row++) for (let i = 0; i < width; i++) squares += xAt(row, i) ** 2;
  const lambda = (ratio * squares) / width;
  let worst = 0;
  for (let j = 0; j < outputs; j++) {
    const of = weights.subarray(j * width, (j + 1) * width);
    const misses = Array.from({ length: rows }, (_, row) =>
      of.reduce((sum, weight, i) => sum + weight * xAt(row, i), -Number(y[row * outputs + j])),
    );
    for (let i = 0; i < width; i++) {
      const pull = lambda * (Number(of[i]) - Number(anchor[j * width + i]));
      worst = Math.max(worst, Math.abs(misses.reduce((sum, miss, row) => sum + miss * xAt(row, i), pull)));
    }
  }
  return worst / squares;
}

test("sizes out of range are refused", () => {
  const invalid = (message: RegExp) => ({ name: "OrtserveError", code: "ERR_INVALID_ARGUMENT", message });
  assert.throws(() => new NormalEquations(0, 1), invalid(/expected 1 to 8192 for dimension, got 0/));
  assert.throws(() => new NormalEquations(1.5, 1), invalid(/expected an integer .* for dimension, got 1.5/));
  assert.throws(() => new NormalEquations(4, 70000), invalid(/expected 1 to 65536 for outputs, got 70000/));
});

test("bad rows, anchors and ratios are refused, and change nothing", async () => {
  const equations = new NormalEquations(7, 3);
  const [x, y, anchor] = [noise(70, 1), noise(30, 2), noise(24, 3)] as const;
  const invalid = (message: RegExp) => ({ name: "OrtserveError", code: "ERR_INVALID_ARGUMENT", message });
  await assert.rejects(equations.solve(anchor, 1), invalid(/expected rows before solve/));
  await assert.rejects(equations.add(x, y.subarray(3)), invalid(/rows of 7 and 3 numbers .* got 70 and 27/));
  await assert.rejects(equations.add(x.subarray(1), y), invalid(/got 69 and 30/));
  await assert.rejects(equations.add([1] as unknown as Float32Array, y), invalid(/expected a Float32Array for x/));
  await assert.rejects(equations.add(new Float64Array(70) as unknown as Float32Array, y), invalid(/a Float32Array/));
  await assert.rejects(equations.add(x.with(9, Number.NaN), y), {
    code: "ERR_INVALID_INPUT",
    message: "expected finite numbers in x, got nan at row 1, column 2",
  });
  await equations.add(x, y);
  await assert.rejects(equations.solve(anchor.subarray(1), 1), invalid(/an anchor of 3 x 8 numbers .* got 23/));
  await assert.rejects(equations.solve(anchor, -1), invalid(/a finite ratio >= 0/));
  await assert.rejects(equations.solve(anchor, "1" as unknown as number), invalid(/expected a number for ratio/));
  assert.ok(gradient(x, y, anchor, 0.1, await equations.solve(anchor, 0.1)) < 1e-6);
  await equations.close();
  await assert.rejects(equations.add(x, y), invalid(/the equations are closed/));
});

test("too few rows are an error that names the remedy, which helps", async () => {
  const equations = new NormalEquations(20, 3);
  const [x, y, anchor] = [noise(100, 4), noise(15, 5), noise(63, 6)] as const;
  await equations.add(x, y);
  await assert.rejects(equations.solve(anchor, 0), {
    name: "OrtserveError",
    code: "ERR_SINGULAR",
    message: /not positive definite at column \d+ of 21: add rows, or raise the ratio/,
  });
  assert.ok(gradient(x, y, anchor, 1e-3, await equations.solve(anchor, 1e-3)) < 1e-6);
  await equations.close();
});

test("calls that nobody awaited run in their order", async () => {
  const equations = new NormalEquations(9, 3);
  const [x, y, anchor] = [noise(900, 7), noise(300, 8), noise(30, 9)] as const;
  const calls: Promise<unknown>[] = [];
  for (let row = 0; row < 100; row += 25) {
    calls.push(equations.add(x.subarray(row * 9, (row + 25) * 9), y.subarray(row * 3, (row + 25) * 3)));
  }
  const solved = equations.solve(anchor, 1e-2);
  calls.push(equations.close());
  assert.ok(gradient(x, y, anchor, 1e-2, await solved) < 1e-6);
  await Promise.all(calls);
});

test("rows beyond one piece are all added", async () => {
  const [rows, width] = [3000, 200];
  const equations = new NormalEquations(width, 3);
  const [x, y, anchor] = [noise(rows * width, 10), noise(rows * 3, 11), noise(3 * (width + 1), 12)] as const;
  await equations.add(x, y);
  assert.ok(gradient(x, y, anchor, 1e-3, await equations.solve(anchor, 1e-3)) < 1e-6);
  await equations.close();
});

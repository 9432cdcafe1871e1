// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";

/** Largest difference between scores that two builds of ONNX Runtime may give. */
const tolerance = 1e-5;

/** Deep equality of parsed JSON, but numbers may differ by 1e-5. `where` leads the message. */
export function assertClose(actual: unknown, expected: unknown, where = "reply"): void {
  if (typeof expected === "number") {
    assert.equal(typeof actual, "number", `${where}: expected ${expected}, got ${JSON.stringify(actual)}`);
    const distance = Math.abs((actual as number) - expected);
    assert.ok(distance <= tolerance, `${where}: expected ${expected}, got ${actual}`);
  } else if (typeof expected === "object" && expected !== null) {
    assert.ok(typeof actual === "object" && actual !== null, `${where}: expected an object, got ${actual}`);
    assert.equal(Array.isArray(actual), Array.isArray(expected), where);
    assert.deepEqual(Object.keys(actual).sort(), Object.keys(expected).sort(), where);
    for (const [key, value] of Object.entries(expected))
      assertClose((actual as Record<string, unknown>)[key], value, `${where}.${key}`);
  } else assert.deepEqual(actual, expected, where);
}

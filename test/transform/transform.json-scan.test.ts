// SPDX-License-Identifier: Apache-2.0
// Property: what JSON holds is found without reading it, whatever it looks like.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { hasStringValue, JsonScan, topLevelString } from "../../src/runtime/json-scan.js";

const spaces = fc.constantFrom(undefined, 1, "\t");
const written = fc
  .tuple(fc.jsonValue(), spaces)
  .map(([value, space]) => ({ value, text: JSON.stringify(value, null, space) }));

function stringsIn(value: unknown): boolean {
  if (typeof value === "string") return true;
  return typeof value === "object" && value !== null && Object.values(value).some(stringsIn);
}

test("a string that is a value is told from keys", () => {
  fc.assert(
    fc.property(written, ({ value, text }) => assert.equal(hasStringValue(Buffer.from(text)), stringsIn(value))),
  );
});

test("a value is gone past as a whole", () => {
  const pair = fc.tuple(written, written);
  fc.assert(
    fc.property(pair, ([first, second]) => {
      const scan = new JsonScan(`[${first.text} , ${second.text}]`);
      const found: string[] = [];
      scan.array(() => {
        scan.peek();
        const start = scan.at;
        scan.skip();
        found.push(scan.text.slice(start, scan.at));
      });
      assert.deepEqual(found, [first.text, second.text]);
    }),
  );
});

test("a string at the top is found behind whatever stands before it", () => {
  fc.assert(
    fc.property(written, fc.string(), ({ text }, id) => {
      assert.equal(topLevelString(`{"a": ${text}, "id": ${JSON.stringify(id)}}`, "id"), id);
    }),
  );
});

test("text that ends too early has no end to go past", () => {
  for (const text of ["[1,[2", '["a', '{"a":"b\\"', '["a","b"']) {
    assert.equal(topLevelString(`{"x":${text}`, "id"), "");
    assert.doesNotThrow(() => hasStringValue(Buffer.from(text)));
  }
});

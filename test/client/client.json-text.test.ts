// SPDX-License-Identifier: Apache-2.0
// JSON with bare NaN and exact 64-bit integers, both ways.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodeJson, parseJson } from "../../src/client/json-text.js";

/** Makes the reader that knows bare words and long integers read the text, rather than JSON.parse. */
const withCare = (text: string) => (parseJson(`[NaN,${text}]`) as unknown[])[1];

for (const text of [
  "",
  "[",
  "[1",
  "[1,]",
  "{",
  '{"a"}',
  '{"a":}',
  '{"a":1,}',
  '"a',
  '"a\\"',
  "01",
  "1.",
  "+1",
  "nul",
  "[1 2]",
  "1]",
  "{a:1}",
  "-NaN",
  "-",
  "'a'",
  '"\n"',
])
  test(`${JSON.stringify(text)} is refused`, () => {
    assert.throws(() => parseJson(text), SyntaxError);
    assert.throws(() => withCare(text), SyntaxError);
  });

test("a refusal says what was expected, where, and what came", () => {
  assert.throws(() => parseJson('{"a": NaN "b"}'), /expected ',' or '}' at position 10, got '"b"}'/);
});

test("what has no JSON form is refused", () => {
  const cycle: unknown[] = [];
  cycle.push(cycle);
  for (const value of [undefined, () => 1, Symbol("s"), new DataView(new ArrayBuffer(1)), cycle, [undefined]])
    assert.throws(() => encodeJson(value), TypeError);
});

test("any JSON value is read as JSON.parse reads it", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.integer({ min: 0, max: 2 }), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      fc.pre(!/(?<![.\d])\d{16}/.test(text)); // these become BigInt: see below
      assert.deepEqual(withCare(text), JSON.parse(text));
      assert.deepEqual(parseJson(encodeJson(value)), value);
    }),
  );
});

test("any string survives, whatever it looks like", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (value) => {
      assert.equal(withCare(JSON.stringify(value)), JSON.parse(JSON.stringify(value)));
    }),
  );
  for (const value of ["NaN", "-Infinity", "9007199254740993", '\\"', "\\\\", '{"a":NaN}', "\u2028"])
    assert.deepEqual(parseJson(encodeJson([value, Number.NaN])), [value, Number.NaN]);
});

test("bare words are numbers", () => {
  const values = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 5e-324, 1.7976931348623157e308];
  assert.equal(encodeJson(values), "[NaN,Infinity,-Infinity,-0,5e-324,1.7976931348623157e+308]");
  assert.deepEqual(parseJson(encodeJson(values)), values);
});

test("integers beyond 2^53 are exact, those below stay numbers", () => {
  const text =
    "[18446744073709551615,-9223372036854775808,9007199254740991,9007199254740992,1e300,12345678901234567.5e0]";
  assert.deepEqual(parseJson(text), [
    2n ** 64n - 1n,
    -(2n ** 63n),
    2 ** 53 - 1,
    2n ** 53n,
    1e300,
    Number("12345678901234567.5"),
  ]);
  assert.equal(encodeJson([2n ** 64n - 1n, -(2n ** 63n)]), "[18446744073709551615,-9223372036854775808]");
});

test("typed arrays are lists, undefined properties are left out", () => {
  const value = { a: Float32Array.of(0.5, Number.NaN), b: BigInt64Array.of(-1n), c: undefined, "d e": new Date(0) };
  assert.equal(encodeJson(value), '{"a":[0.5,NaN],"b":[-1],"d e":"1970-01-01T00:00:00.000Z"}');
});

test("a key named __proto__ is only a key", () => {
  const value = withCare('{"__proto__":{"x":1}}') as object;
  assert.equal(Object.getPrototypeOf(value), Object.prototype);
  assert.deepEqual(Object.keys(value), ["__proto__"]);
});

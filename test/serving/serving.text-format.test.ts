// SPDX-License-Identifier: Apache-2.0
// Protocol buffers' text format: faults by line and column, everything else as it was written.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { OrtserveError } from "../../src/errors.js";
import { parseTextFormat, type TextMessage, type TextValue } from "../../src/serving/triton/text-format.js";

for (const [what, text, message] of [
  ["no value", "name:", /line 1, column 6: expected a value, got the end of the file/],
  ["no colon", "name 3", /line 1, column 6: expected ':' or '\{', got '3'/],
  ["no name", "a: 1\n: 2", /line 2, column 1: expected a field's name, got ':'/],
  ["no end", "input {\n  name: 'x'\n", /line 3, column 1: expected a field's name or '\}', got the end of the file/],
  ["the wrong end", "input { dims: 1 >", /expected a field's name or '\}', got '>'/],
  ["no comma", "dims: [1 2]", /column 10: expected ',' or '\]', got '2'/],
  ["a comma at the end of a list", "dims: [1,]", /expected a value, got '\]'/],
  ["an open list", "dims: [1", /expected ',' or '\]', got the end of the file/],
  ["an open string", "name: 'a\n'", /line 1, column 7: expected a string that ends on its line/],
  ["a strange character", "name: @", /line 1, column 7: expected text format, got "@"/],
  ["a minus before a name", "dims: -x", /expected a number, got 'x'/],
  ["a message too deep", "a {".repeat(100), /at most 64 messages inside each other/],
  ["JSON", '{"name": "x"}', /column 1: expected a field's name, got '\{'/],
] as const) {
  test(`${what} is refused`, () => {
    assert.throws(
      () => parseTextFormat(text, "m/config.pbtxt"),
      (error: OrtserveError) => {
        assert.equal(error.code, "ERR_INVALID_CONFIG");
        assert.ok(error.message.startsWith("m/config.pbtxt: line "), error.message);
        assert.match(error.message, message);
        return true;
      },
    );
  });
}

type Plain = string | { [key: string]: Plain[] };
const plain = (message: TextMessage): { [key: string]: Plain[] } =>
  Object.fromEntries([...message].map(([key, values]) => [key, values.map(plainValue)]));
const plainValue = (value: TextValue): Plain => (value.kind === "message" ? plain(value.fields) : value.text);
const parse = (text: string) => plain(parseTextFormat(text, "t"));

test("every way to write a field is read", () => {
  const text = `
    # a comment
    name: "a" 'b'  # adjacent strings are one
    dims: [ 1, -2 ]; dims: 0x10,
    input { name: "x" } input: < name: "y" >
    input [ { name: "z" }, { } ]
    kind: KIND_CPU delay: 1.5e+3 rate: -inf ok: true
  `;
  assert.deepEqual(parse(text), {
    name: ["ab"],
    dims: ["1", "-2", "0x10"],
    input: [{ name: ["x"] }, { name: ["y"] }, { name: ["z"] }, {}],
    kind: ["KIND_CPU"],
    delay: ["1.5e+3"],
    rate: ["-inf"],
    ok: ["true"],
  });
  assert.deepEqual(parse(" # nothing\n"), {});
});

test("escapes in strings stand for their characters", () => {
  assert.deepEqual(parse(String.raw`s: "a\"b\\c\n\x41\101\u00e9\U0001F600\'"`), { s: ["a\"b\\c\nAAé😀'"] });
});

const identifier = fc.stringMatching(/^[a-z_][a-z0-9_]{0,8}$/);
const string = fc.string({ unit: "binary", maxLength: 12 });
const written = (text: string) =>
  `"${text.replace(/["\\\n\r]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`)}"`;
const message = fc.letrec<{ message: [string, Plain][]; value: Plain }>((tie) => ({
  message: fc.array(fc.tuple(identifier, tie("value")), { maxLength: 4 }),
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    string,
    tie("message").map((fields) => group(fields)),
  ),
})).message;

function group(fields: [string, Plain][]): { [key: string]: Plain[] } {
  const grouped: { [key: string]: Plain[] } = {};
  for (const [key, value] of fields) grouped[key] = [...(grouped[key] ?? []), value];
  return grouped;
}

function print(fields: { [key: string]: Plain[] }, end: string): string {
  return Object.entries(fields)
    .flatMap(([key, values]) =>
      values.map((value) =>
        typeof value === "string" ? `${key}: ${written(value)}${end}` : `${key} {${end}${print(value, end)}}${end}`,
      ),
    )
    .join("");
}

test("what is written is what is read", () => {
  fc.assert(
    fc.property(message, fc.constantFrom("\n", " ", "; ", " # note\n"), (fields, end) => {
      const grouped = group(fields.filter(([key]) => key !== "__proto__"));
      assert.deepEqual(parse(print(grouped, end === "; " ? " " : end)), grouped);
    }),
  );
});

test("whatever the bytes, the answer is a message or a fault with its place", () => {
  const pieces = fc.constantFrom(
    "{",
    "}",
    "<",
    ">",
    "[",
    "]",
    ":",
    ",",
    ";",
    "-",
    '"',
    "'",
    "\\",
    "#",
    "\n",
    "a",
    "9",
    ".",
    "é",
  );
  const text = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(pieces, { maxLength: 60 }).map((all) => all.join("")),
  );
  fc.assert(
    fc.property(text, (given) => {
      try {
        parseTextFormat(given, "t");
      } catch (error) {
        assert.ok(error instanceof OrtserveError && /^t: line \d+, column \d+: /.test(error.message), String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

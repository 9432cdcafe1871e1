// SPDX-License-Identifier: Apache-2.0
// Forms in multipart/form-data: those of Node's own encoder come back unchanged, broken ones are refused.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseMultipart } from "../../src/server/multipart.js";

const type = "multipart/form-data; boundary=B";
const part = (head: string, content = "x") => `--B\r\n${head}\r\n\r\n${content}\r\n`;
const named = 'Content-Disposition: form-data; name="a"';
const parse = (body: string, contentType = type) => parseMultipart(contentType, Buffer.from(body, "latin1"));

for (const [what, body, message, contentType] of [
  ["no boundary", "", /boundary=\.\.\./, "multipart/form-data"],
  ["a boundary that is too long", "", /1 to 70 characters/, `multipart/form-data; boundary=${"b".repeat(71)}`],
  ["an empty body", "", /expected '--B' at the start/],
  ["another boundary", "--C\r\n\r\n", /expected '--B' at the start/],
  ["a body that ends in a part", `--B\r\n${named}\r\n\r\nx`, /after part 1: the body is cut short/],
  ["a body that ends behind a part", `--B\r\n${named}\r\n\r\nx\r\n--B`, /a line break or '--'/],
  ["no end", part(named), /after part 1: the body is cut short/],
  ["text behind a boundary", `${part(named)}--Bx\r\n`, /a line break or '--'/],
  ["no headers", "--B\r\nx\r\n--B--", /headers of at most 8192 bytes in part 1/],
  ["headers that are too long", `${part(`${named}\r\nX: ${"x".repeat(9000)}`)}--B--`, /at most 8192 bytes in part 1/],
  ["a header that is none", `${part(`${named}\r\nx y`)}--B--`, /'Name: value'/],
  ["a header twice", `${part(`${named}\r\ncontent-disposition: form-data`)}--B--`, /one content-disposition/],
  ["no name", `${part("Content-Disposition: form-data")}--B--`, /name="\.\.\."' in part 1/],
  ["a filename only", `${part('Content-Disposition: form-data; filename="a"')}--B--`, /name="\.\.\."/],
  ["another disposition", `${part('Content-Disposition: attachment; name="a"')}--B--`, /form-data/],
  ["an encoding", `${part(`${named}\r\nContent-Transfer-Encoding: base64`)}--B--`, /got 'base64'/],
] as const) {
  test(`${what} is refused`, () => {
    assert.throws(() => parse(body, contentType), { code: "ERR_INVALID_JSON", message });
  });
}

test("more than 256 fields are refused", () => {
  assert.equal(parse(`${part(named).repeat(256)}--B--`).length, 256);
  assert.throws(() => parse(`${part(named).repeat(257)}--B--`), { code: "ERR_LIMIT_EXCEEDED" });
});

test("any bytes end in fields or in a refusal", () => {
  const tokens = fc.constantFrom("--B", "\r\n", "--", named, "\r\n\r\n", "x", ":", "Content-Type: a/b", "\0");
  fc.assert(
    fc.property(fc.array(tokens, { maxLength: 30 }), (words) => {
      try {
        for (const { content } of parse(words.join(""))) assert.ok(!content.includes("\r\n--B"));
      } catch (error) {
        assert.equal((error as { code: string }).code, "ERR_INVALID_JSON");
      }
    }),
    { numRuns: 2000 },
  );
});

test("forms come back as Node's encoder was given them", async () => {
  const text = fc.string({ unit: "grapheme", maxLength: 20 });
  const name = text.filter((value) => !/[\r\n]/.test(value)); // the encoder unifies line breaks
  const fields = fc.array(fc.record({ name, filename: name, bytes: fc.uint8Array({ maxLength: 100 }) }), {
    maxLength: 5,
  });
  const encode = async (list: { name: string; filename: string; bytes: Uint8Array }[]) => {
    const form = new FormData();
    for (const { name, filename, bytes } of list) form.append(name, new Blob([bytes], { type: "A/b; c=d" }), filename);
    const response = new Response(form);
    return { contentType: response.headers.get("content-type") ?? "", body: Buffer.from(await response.arrayBuffer()) };
  };
  await fc.assert(
    fc.asyncProperty(fields, async (list) => {
      if (list.length === 0) return;
      const { contentType, body } = await encode(list);
      const seen = parseMultipart(contentType, body);
      assert.deepEqual(
        seen.map(({ content, ...rest }) => ({ ...rest, bytes: [...content] })),
        list.map(({ name, filename, bytes }) => ({ name, filename, type: "a/b", bytes: [...bytes] })),
      );
    }),
    { numRuns: 300 },
  );
});

test("separators of lines that are none in HTTP belong to a name", () => {
  const [field] = parseMultipart(
    type,
    Buffer.from(`${part('Content-Disposition: form-data; name="a\u2028b\u0085"')}--B--`),
  );
  assert.equal(field?.name, "a\u2028b\u0085");
  assert.throws(() => parse(`${part(`${named}\nX: y`)}--B--`), { code: "ERR_INVALID_JSON" });
});

test("what looks like a parameter inside a name is none", () => {
  const fields = parse(
    '--B\r\nContent-Disposition: form-data; name="; filename="; filename="\\"\r\n\r\n1\r\n--B--\r\n',
    type,
  );
  assert.deepEqual(
    fields.map(({ name, filename }) => [name, filename]),
    [["; filename=", "\\"]],
  );
});

test("curl's and quoted forms are read", () => {
  const body = `--B\r\nContent-Disposition: form-data; name="a%22b"; filename="c"\r\nContent-Type: text/plain\r\n\r\n1\r\n--B\r\nCONTENT-DISPOSITION:form-data;name=""\r\n\r\n\r\n--B--\r\n`;
  const fields = parse(body, 'multipart/form-data; charset=utf-8; boundary="B"');
  assert.deepEqual(
    fields.map(({ name, type, filename, content }) => [name, type, filename, content.toString()]),
    [
      ['a"b', "text/plain", "c", "1"],
      ["", "", "", ""],
    ],
  );
});

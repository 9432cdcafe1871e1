// SPDX-License-Identifier: Apache-2.0
// One table of error codes, in three places: the core, TypeScript and the documentation.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { errorCodes } from "../../src/errors.js";
import { filesIn, read } from "./sources.js";

const codes = Object.keys(errorCodes);

/** kQueueFull -> ERR_QUEUE_FULL */
function publicName(enumerator: string): string {
  return `ERR${enumerator.slice(1).replace(/[A-Z]/g, (letter) => `_${letter}`)}`.toUpperCase();
}

/** Enumerators of `enum class Code`, kOk left out, in order. */
function nativeCodes(): string[] {
  const body = /enum class Code[^{]*\{([\s\S]*?)\};/.exec(read("native/core/status.h"))?.[1] ?? "";
  return [...body.matchAll(/^\s*(k[A-Za-z]+)/gm)].map((match) => match[1] as string).filter((name) => name !== "kOk");
}

describe("error codes", () => {
  it("of the core open the list of src/errors.ts, in the same order", () => {
    const native = nativeCodes().map(publicName);
    assert.ok(native.length > 10);
    assert.deepEqual(codes.slice(0, native.length), native);
  });

  it("are spelled in native/core/status.cc as they are in TypeScript", () => {
    const spelled = [...read("native/core/status.cc").matchAll(/"(ERR_[A-Z_]+)",/g)].map((match) => match[1]);
    assert.deepEqual(spelled, nativeCodes().map(publicName));
  });

  it("have a section each in docs/errors.md, and no other has one", () => {
    const sections = [...read("docs/errors.md").matchAll(/^### `(ERR_[A-Z_]+)`/gm)].map((match) => match[1]);
    assert.deepEqual(sections, codes);
  });

  it("are the only ones that the code names", () => {
    const named = filesIn(["src"], /\.ts$/).flatMap((path) =>
      [...read(path).matchAll(/\bERR_[A-Z_]+\b/g)].map((match) => match[0]).filter((code) => !codes.includes(code)),
    );
    // Node's own.
    assert.deepEqual(
      [...new Set(named)].filter((code) => code !== "ERR_DLOPEN_FAILED"),
      [],
    );
  });
});

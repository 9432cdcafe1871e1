// SPDX-License-Identifier: Apache-2.0
// Rules that every file keeps: size, licence line, no unfinished business.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { filesIn, read } from "./sources.js";

const mostLines = 400;
const sourceFolders = ["native", "src", "scripts", "bin", "bench", "test"];
const sources = filesIn(sourceFolders, /\.(cc|h|ts|mjs|py)$/);
const texts = new Map(sources.map((path) => [path, read(path)]));

// Put together here, so that this file does not contain them.
const unfinished = new RegExp(`\\b(${["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"].join("|")})\\b`);
const drawers = /(^|\/)(utils?|helpers?|common|misc)(\.|\/)/;

function offenders(isBad: (path: string, text: string) => boolean): string[] {
  return [...texts].filter(([path, text]) => isBad(path, text)).map(([path]) => path);
}

describe("source files", () => {
  it("are found", () => assert.ok(sources.length > 100, `${sources.length} files`));

  it(`have at most ${mostLines} lines`, () => {
    assert.deepEqual(
      offenders((_path, text) => text.split("\n").length - 1 > mostLines),
      [],
    );
  });

  it("begin with the licence line", () => {
    const licence = /^(#!.*\n)?(\/\/|#) SPDX-License-Identifier: Apache-2\.0\n/;
    assert.deepEqual(
      offenders((_path, text) => !licence.test(text)),
      [],
    );
  });

  it("carry no unfinished business", () => {
    assert.deepEqual(
      offenders((_path, text) => unfinished.test(text)),
      [],
    );
  });

  it("are not named after a drawer", () => {
    assert.deepEqual(
      offenders((path) => drawers.test(path)),
      [],
    );
  });

  it("use #pragma once in C++ headers", () => {
    assert.deepEqual(
      offenders((path, text) => path.endsWith(".h") && !text.includes("#pragma once")),
      [],
    );
  });
});

describe("test files", () => {
  it("are named area/area.behaviour.test.ts", () => {
    const named = /^test\/([a-z-]+)\/(?:[a-z-]+\/)?\1\.[a-z0-9-]+(\.[a-z0-9-]+)*\.test\.ts$/;
    assert.deepEqual(
      filesIn(["test"], /\.test\.ts$/).filter((path) => !named.test(path)),
      [],
    );
  });

  it("do not sleep", () => {
    // A pause that is itself what is tested, such as a slow sender's, says so on its line.
    const sleeps = /^(?!.*not a wait).*(\bsetTimeout\(\s*(resolve|done)\b|\bsleep\(|timers\/promises)/m;
    const tests = filesIn(["test"], /\.ts$/).filter((path) => !path.startsWith("test/layering/"));
    assert.deepEqual(
      tests.filter((path) => sleeps.test(read(path))),
      [],
    );
  });
});

// SPDX-License-Identifier: Apache-2.0
// Documentation names only what exists: files, scripts, flags and configuration keys.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it } from "node:test";
import { modelConfigSchema } from "../../src/serving/model-config.js";
import { filesIn, read, root } from "../layering/sources.js";

const pages = [...filesIn(["docs", "models"], /\.md$/), ...["README.md", "CONTRIBUTING.md", "CHANGELOG.md"]];
const ourFolders = /^(?:native|src|scripts|bin|bench|test|docs|models|cmake|\.ci)\/[\w./-]*\w/;

describe("documentation", () => {
  for (const page of pages) {
    it(`${page} links to files that exist`, () => {
      const links = [...read(page).matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map((match) => match[1] as string);
      assert.deepEqual(
        links.filter((link) => !existsSync(join(root, dirname(page), link))),
        [],
      );
    });

    it(`${page} names paths that exist`, () => {
      const named = [...read(page).matchAll(/`([^`\n]+)`/g)].map((match) => ourFolders.exec(match[1] as string)?.[0]);
      const missing = named.filter(
        (path) => path !== undefined && !/[A-Z]{4}|third_party/.test(path) && !existsSync(join(root, path)),
      );
      assert.deepEqual(missing, []);
    });

    it(`${page} names npm scripts that exist`, () => {
      const { scripts } = JSON.parse(read("package.json"));
      const named = [...read(page).matchAll(/npm run ([\w:]+)/g)].map((match) => match[1] as string);
      assert.deepEqual(
        named.filter((script) => !(script in scripts)),
        [],
      );
    });
  }

  it("has every key of config.yaml in docs/configuration.md, and no other", () => {
    const table = read("docs/configuration.md").split("## Model repository")[1]?.split("## Environment")[0] ?? "";
    const rows = [...table.matchAll(/^\| `([\w.]+)`/gm)].map((match) => (match[1] as string).split(".")[0]);
    assert.deepEqual([...new Set(rows)].sort(), Object.keys(modelConfigSchema.shape).sort());
  });

  for (const command of ["serve", "inspect", "quantize", "prune"])
    it(`has every flag of \`ortserve ${command}\` in docs/configuration.md, and no other`, () => {
      const source = read(`src/cli/${command}.ts`);
      const flags = [...source.matchAll(/(?:\.(?:requiredO|o)ption|new Option)\(\s*"(?:-\w, )?(--[\w-]+)/g)].map(
        (m) => m[1],
      );
      const sections = read("docs/configuration.md").split(/^##+ /m);
      const table = sections.find((text) => text.startsWith(`\`ortserve ${command}\``)) ?? "";
      const rows = [...table.matchAll(/^\| (?:`-\w`, )?`(--[\w-]+)/gm)].map((match) => match[1]);
      assert.ok(flags.length > 2);
      assert.deepEqual([...rows].sort(), [...flags].sort());
    });
});

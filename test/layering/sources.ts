// SPDX-License-Identifier: Apache-2.0
// The checkout's own files and what each of them includes or imports, for the tests of its structure.
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../../", import.meta.url));

const notOurs = /(^|\/)(node_modules|third_party|generated|results|\.venv|\.build)(\/|$)/;

/** Paths from the root, with "/", of the files below `folders` whose names match; sorted. */
export function filesIn(folders: readonly string[], pattern: RegExp): string[] {
  return folders
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && pattern.test(entry.name))
        .map((entry) => posix.normalize(join(entry.parentPath, entry.name).slice(root.length).replaceAll("\\", "/"))),
    )
    .filter((path) => !notOurs.test(path))
    .sort();
}

export function read(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

/** Targets of `#include` lines, with their brackets or quotes: `<vector>`, `"core/tensor.h"`. */
export function includesOf(text: string): string[] {
  return [...text.matchAll(/^[ \t]*#[ \t]*include[ \t]*(<[^>]+>|"[^"]+")/gm)].map((match) => match[1] as string);
}

export interface ImportEdge {
  /** As written. */
  readonly specifier: string;
  /** Path from the root for a relative import, with .ts; undefined for a package. */
  readonly path: string | undefined;
  /** `import type`, or every name marked as a type: gone at run time. */
  readonly typeOnly: boolean;
}

const importPattern = /\b(?:import|export)\s+(type\s+)?([^"';]*?)\s*from\s*"([^"]+)"|\bimport\s*\(?\s*"([^"]+)"/g;

/** Static and dynamic imports, and re-exports, of a TypeScript file. */
export function importsOf(path: string, text: string): ImportEdge[] {
  const code = text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, "");
  return [...code.matchAll(importPattern)].map(([, typeKeyword, names = "", from, bare]) => {
    const specifier = (from ?? bare) as string;
    const relative = specifier.startsWith(".");
    const target = relative ? posix.join(dirname(path), specifier).replace(/\.js$/, ".ts") : undefined;
    const named = /^\{([\s\S]*)\}$/.exec(names)?.[1]?.split(",") ?? [];
    const marked = named.map((name) => name.trim()).filter((name) => name !== "");
    const allTypes = marked.length > 0 && marked.every((name) => name.startsWith("type "));
    return { specifier, path: target, typeOnly: typeKeyword !== undefined || allTypes };
  });
}

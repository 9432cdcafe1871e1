// SPDX-License-Identifier: Apache-2.0
// Who may use whom. A line of code that breaks the arrows of docs/architecture.md fails here, with its file.
import assert from "node:assert/strict";
import { builtinModules } from "node:module";
import { describe, it } from "node:test";
import { filesIn, type ImportEdge, importsOf, includesOf, read } from "./sources.js";

/** C++ folder -> what its files may include besides the standard library. A trailing "/" means everything below. */
const includeRules: Record<string, { own: string[]; foreign: RegExp }> = {
  "native/core": { own: ["core/"], foreign: /^(simdjson|xxhash)\.h$/ },
  "native/engine": { own: ["core/", "engine/"], foreign: /^onnxruntime_\w+\.h$/ },
  "native/addon": { own: ["core/", "engine/", "addon/"], foreign: /^node_api\.h$/ },
};

/** The operating system's and the processor's own: no layer is above or below it. */
const systemHeader =
  /^(immintrin|intrin|cpuid|windows|unistd|fcntl|malloc|dlfcn|sched|pthread(\/\w+)?|(sys|netinet|linux)\/\w+|mach(-o)?\/\w+)\.h$/;

/** TypeScript layer -> layers it may use at run time. Types may also come from any layer further down. */
const importRules: Record<string, string[]> = {
  cli: ["server", "serving", "optimize", "runtime", "telemetry", "errors", "version"],
  server: ["serving", "runtime", "native/binding", "native/stats", "telemetry", "errors", "version"],
  serving: ["runtime", "telemetry", "errors"],
  optimize: ["runtime", "errors", "version"],
  runtime: ["native", "errors"],
  native: ["errors"],
  telemetry: ["errors"],
  // Runs in browsers too, so it stands alone.
  client: [],
  errors: [],
  version: [],
  index: ["runtime", "serving/shared-cache/shared-cache", "errors", "version"],
};
const downwards = ["cli", "server", "serving", "runtime", "native"];

/** Packages that only one layer may know. Everything else in the table of dependencies is free below its layer. */
const packageOwners: Record<string, string[]> = {
  "uWebSockets.js": ["server"],
  pino: ["telemetry"],
  zod: ["serving", "server"],
  yaml: ["serving"],
  ioredis: ["serving"],
  commander: ["cli"],
  sharp: ["runtime"],
};

function mayInclude(folder: string, include: string): boolean {
  const rule = includeRules[folder] as (typeof includeRules)[string];
  const name = include.slice(1, -1);
  if (include.startsWith('"')) return rule.own.some((part) => name.startsWith(part));
  return !name.includes(".h") || rule.foreign.test(name) || systemHeader.test(name);
}

/** "server" of src/server/reply.ts; "errors" of src/errors.ts. */
function layerOf(path: string): string {
  return path.split("/")[1]?.replace(/\.ts$/, "") ?? "";
}

function mayImport(path: string, edge: ImportEdge): boolean {
  const layer = layerOf(path);
  if (edge.path === undefined) {
    const name = edge.specifier;
    if (name.startsWith("node:")) return layer !== "client"; // the client is for browsers too
    return !builtinModules.includes(name) && (packageOwners[name]?.includes(layer) ?? false);
  }
  if (!edge.path.startsWith("src/")) return false;
  const target = layerOf(edge.path);
  if (target === layer) return true;
  const allowed = importRules[layer] ?? [];
  const exact = edge.path.replace(/^src\/|\.ts$/g, "");
  if (allowed.includes(target) || allowed.includes(exact)) return true;
  return edge.typeOnly && downwards.indexOf(target) > downwards.indexOf(layer) && downwards.includes(layer);
}

describe("the arrows", () => {
  it("refuses an edge that goes up, and one that is not in the table", () => {
    const edge = (specifier: string, from: string) =>
      importsOf(from, `import { x } from "${specifier}";`)[0] as ImportEdge;
    assert.equal(mayImport("src/runtime/model.ts", edge("../server/server.js", "src/runtime/model.ts")), false);
    assert.equal(mayImport("src/serving/a.ts", edge("uWebSockets.js", "src/serving/a.ts")), false);
    assert.equal(mayImport("src/serving/a.ts", edge("fs", "src/serving/a.ts")), false);
    assert.equal(mayImport("src/client/a.ts", edge("node:buffer", "src/client/a.ts")), false);
    assert.equal(mayImport("src/client/a.ts", edge("../errors.js", "src/client/a.ts")), false);
    assert.equal(mayInclude("native/core", '"engine/engine.h"'), false);
    assert.equal(mayInclude("native/core", "<node_api.h>"), false);
    assert.equal(mayInclude("native/engine", "<node_api.h>"), false);
    assert.equal(mayInclude("native/addon", "<onnxruntime_cxx_api.h>"), false);
  });

  for (const folder of Object.keys(includeRules)) {
    it(`holds for the includes of ${folder}`, () => {
      const files = filesIn([folder], /\.(cc|h)$/);
      assert.ok(files.length > 0, `no file in ${folder}`);
      const broken = files.flatMap((path) =>
        includesOf(read(path))
          .filter((include) => !mayInclude(folder, include))
          .map((include) => `${path} includes ${include}`),
      );
      assert.deepEqual(broken, []);
    });
  }

  it("holds for the imports of src", () => {
    const broken = filesIn(["src"], /\.ts$/).flatMap((path) =>
      importsOf(path, read(path))
        .filter((edge) => !mayImport(path, edge))
        .map((edge) => `${path} imports ${edge.typeOnly ? "types of " : ""}${edge.specifier}`),
    );
    assert.deepEqual(broken, []);
  });

  it("lets one file load the addon", () => {
    const loaders = filesIn(["src"], /\.ts$/).filter((path) => /\.node\b[`"']/.test(read(path)));
    assert.deepEqual(loaders, ["src/native/load.ts"]);
  });
});

// SPDX-License-Identifier: Apache-2.0
// The client in a browser: it compiles with a browser's types alone, and runs in a page of another origin than the server's.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { root } from "../layering/sources.js";
import { findBrowser, runInBrowser } from "./browser.js";
import { startTestServer } from "./test-server.js";

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "ortserve-client-dist-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** The checkout's own compiler settings, less Node's types. */
before(async () => {
  const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");
  const types = ["--types", "", "--lib", "ES2023,DOM"];
  const strict = ["--strict", "--exactOptionalPropertyTypes", "--noUncheckedIndexedAccess", "--erasableSyntaxOnly"];
  const modules = ["--target", "ES2022", "--module", "NodeNext", "--moduleResolution", "NodeNext", "--declaration"];
  const source = join(root, "src/client/index.ts");
  const args = [tsc, "--ignoreConfig", ...types, ...strict, ...modules, "--outDir", join(folder, "client"), source];
  await run(process.execPath, args, { cwd: folder }).catch((error) => assert.fail(error.stdout));
});

test("what is published names no package and nothing of Node", () => {
  const files = readdirSync(join(folder, "client"));
  assert.ok(files.includes("index.js") && files.includes("index.d.ts"));
  for (const name of files) {
    const text = readFileSync(join(folder, "client", name), "utf8");
    const imports = [...text.matchAll(/(?:from|import\()\s*"([^"]+)"/g)].map((match) => match[1]);
    assert.deepEqual(
      imports.filter((path) => !path?.startsWith("./")),
      [],
      name,
    );
    assert.doesNotMatch(text, /reference types|\b(Buffer|process|setImmediate|require)\b[.(]/, name);
  }
});

const browser = findBrowser();
test("a page predicts over HTTP and WebSocket", { skip: browser ? false : "no Chromium on this machine" }, async () => {
  const server = await startTestServer(["mlp_tiny", "ident_string", "ident_uint8"], { cors: ["*"] });
  try {
    const source = pageModule.replace("SERVER", server.url);
    const seen = (await runInBrowser(browser as string, source, folder)) as Record<string, unknown>;
    assert.deepEqual(seen.viaSocket, seen.viaHttp);
    assert.equal((seen.viaHttp as number[]).length, 6);
    assert.deepEqual(seen.predicted, [(seen.viaHttp as number[]).slice(0, 3), (seen.viaHttp as number[]).slice(3)]);
    assert.deepEqual(seen.strings, ["naïve", "🦀"]);
    assert.deepEqual(seen.pixels, [1, 2, 3, 255]);
    const [code, status, message, hasRequestId] = seen.refusal as unknown[];
    assert.deepEqual([code, status, hasRequestId], ["refused", 404, true]);
    assert.match(String(message), /'nope' is not found/);
    assert.deepEqual(seen.wrongSocket, ["refused", 404]);
    assert.equal(seen.aborted, "aborted");
  } finally {
    await server.close();
  }
});

const pageModule = `
  import { InferenceClient } from "/client/index.js";
  const client = new InferenceClient("SERVER");
  const x = Float32Array.of(1, 2, 3, 4, 4, 3, 2, 1);
  const { outputs } = await client.infer("mlp_tiny", { x });
  const session = await client.connect("mlp_tiny");
  const [first, second] = await Promise.all([session.infer({ x: x.slice(0, 4) }), session.infer({ x: x.slice(4) })]);
  await session.close();
  const { predictions } = await client.predict("mlp_tiny", { instances: [x.slice(0, 4), x.slice(4)] });
  const echo = async (model, INPUT0) => [...(await client.infer(model, { INPUT0 })).outputs.OUTPUT0.data];
  const error = await client.infer("nope", { x }).catch((reason) => reason);
  const failed = await client.connect("nope").catch((reason) => reason);
  const aborted = await client.infer("mlp_tiny", { x }, { signal: AbortSignal.abort() }).catch((reason) => reason);
  export default {
    viaHttp: [...outputs.y.data],
    viaSocket: [...first.outputs.y.data, ...second.outputs.y.data],
    predicted: predictions.map((row) => [...Float32Array.from(row)]),
    strings: await echo("ident_string", ["naïve", "🦀"]),
    pixels: await echo("ident_uint8", new ImageData(Uint8ClampedArray.of(1, 2, 3, 255), 1, 1).data),
    refusal: [error.code, error.status, error.message, error.requestId !== undefined],
    wrongSocket: [failed.code, failed.status],
    aborted: aborted.code,
  };
`;

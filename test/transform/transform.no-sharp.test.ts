// SPDX-License-Identifier: Apache-2.0
// sharp is optional: without it a model that takes images says so when it is loaded, and nothing else is amiss.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { it } from "node:test";
import { pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { identity } from "./models.js";

const index = new URL("../../src/index.ts", import.meta.url).href;

it("a load that needs it is refused, others are not", async () => {
  const folder = mkdtempSync(join(tmpdir(), "ortserve-no-sharp-"));
  try {
    const hooks = `export async function resolve(specifier, context, next) {
      if (specifier === "sharp") throw new Error("Cannot find package 'sharp'");
      return next(specifier, context);
    }`;
    const hide = join(folder, "hide.mjs");
    writeFileSync(
      hide,
      `import { register } from "node:module"; register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hooks)}`)});`,
    );
    const program = join(folder, "program.mjs");
    writeFileSync(
      program,
      `import { Model } from ${JSON.stringify(index)};
       const path = ${JSON.stringify(identity("fp32", ["batch", 2, 2, 3]))};
       const refusal = await Model.load(path, { preprocess: { x: { image: {} } } }).catch(({ code, message }) => ({ code, message }));
       const plain = await Model.load(path);
       const { y } = await plain.predict(new Float32Array(12));
       await plain.close();
       console.log(JSON.stringify({ refusal, shape: y.shape }));`,
    );
    const args = ["--import", "tsx", "--import", pathToFileURL(hide).href, program];
    const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: new URL("../..", import.meta.url) });
    assert.deepEqual(JSON.parse(stdout), {
      refusal: {
        code: "ERR_UNSUPPORTED",
        message: "images need the package 'sharp' (npm install sharp): Cannot find package 'sharp'",
      },
      shape: [1, 2, 2, 3],
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

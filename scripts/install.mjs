// SPDX-License-Identifier: Apache-2.0
// Runs when the published package is installed: keeps the prebuilt addon where it loads, else builds one from source.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { BuildError, ensureBuilt } from "./build.mjs";
import { say } from "./progress.mjs";
import { isCheckout, prebuiltPath } from "./stale.mjs";

function whyPrebuiltDoesNotServe() {
  const platform = `${process.platform}-${process.arch}`;
  if (!existsSync(prebuiltPath)) return `this package has no prebuilt addon for ${platform}`;
  try {
    createRequire(import.meta.url)(prebuiltPath);
    return undefined;
  } catch (error) {
    return `the prebuilt addon for ${platform} does not load here: ${error.message}`;
  }
}

async function install() {
  const reason = whyPrebuiltDoesNotServe();
  if (reason === undefined) return;
  say(`${reason}; building it from source`);
  await ensureBuilt();
}

// In a checkout `npm start` and its siblings build: `npm ci` alone should stay quick.
if (!isCheckout) {
  try {
    await install();
  } catch (error) {
    if (!(error instanceof BuildError)) throw error;
    process.stderr.write(`ortserve: ${error.message}\n`);
    process.exitCode = 1;
  }
}

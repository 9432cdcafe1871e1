// SPDX-License-Identifier: Apache-2.0
// Runs before `npm pack` and `npm publish`: the tarball gets compiled JavaScript, the addon of this platform, and all
// C++ sources for the others.
import { rmSync } from "node:fs";
import { join } from "node:path";
import { BuildError, ensureBuilt, keepPrebuilt } from "./build.mjs";
import { root } from "./stale.mjs";
import { vendor } from "./vendor.mjs";

try {
  // From nothing, so that no output of a source that has gone is published.
  rmSync(join(root, "dist"), { recursive: true, force: true });
  await ensureBuilt();
  keepPrebuilt();
  vendor();
} catch (error) {
  if (!(error instanceof BuildError)) throw error;
  process.stderr.write(`ortserve: ${error.message}\n`);
  process.exitCode = 1;
}

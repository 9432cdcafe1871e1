// SPDX-License-Identifier: Apache-2.0
// The package's version, from package.json: one folder up from here, in the sources as in the build.
import { createRequire } from "node:module";

export const version: string = createRequire(import.meta.url)("../package.json").version;

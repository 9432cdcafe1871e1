// SPDX-License-Identifier: Apache-2.0
// Writes schema/config.schema.json, by which editors check and complete a model's config.yaml, from the schema that the server
// itself checks it with:  node --import tsx scripts/config-schema.mjs
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { configJsonSchema } from "../src/serving/config-json-schema.ts";
import { root } from "./stale.mjs";

mkdirSync(join(root, "schema"), { recursive: true });
writeFileSync(join(root, "schema/config.schema.json"), `${JSON.stringify(configJsonSchema(), null, 2)}\n`);

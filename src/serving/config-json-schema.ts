// SPDX-License-Identifier: Apache-2.0
// The schema of `config.yaml` for editors and other programs.
import { z } from "zod";
import { modelConfigSchema } from "./model-config.js";
import { describeOptions } from "./provider-options.js";

/** JSON Schema, draft 2020-12, of what may be written; defaults are told in words. */
export function configJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(modelConfigSchema, {
    io: "input",
    unrepresentable: "any",
    override: describeOptions,
  });
  return {
    ...schema,
    title: "ortserve model configuration",
    description: "config.yaml of a model; every key is optional.",
  };
}

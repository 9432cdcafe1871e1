// SPDX-License-Identifier: Apache-2.0
// What a load request may not set: each option of the core that takes text is known either to touch files or not to.
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseOverrideConfig } from "../../src/serving/config-files.js";
import { fileOptions } from "../../src/serving/file-options.js";
import { read } from "../layering/sources.js";

/** Options of text that touch no file. */
const harmless = [
  "ep.context_node_name_prefix",
  "optimization.disable_specified_optimizers",
  "session.intra_op_thread_affinities",
  "session.layer_assignment_settings",
  "session.log_id",
  "session.max_shape_override",
  "session.name_based_layer_assignment",
  "trt_op_types_to_exclude",
  "trt_preview_features",
  "trt_profile_max_shapes",
  "trt_profile_min_shapes",
  "trt_profile_opt_shapes",
  "trt_tactic_sources",
];

test("every option of text is told apart", () => {
  const sources = ["native/engine/session_options.cc", "native/engine/provider_options.cc"].map(read).join("\n");
  const entries = [...sources.matchAll(/^ {4}\{"([a-z][^"]*)", kText,([^}]*)\}/gm)];
  const texts = entries.filter(([, , rest]) => !rest?.includes("kManaged")).map(([, key]) => key as string);
  assert.ok(texts.length > 20);
  for (const key of texts) assert.notEqual(fileOptions.has(key), harmless.includes(key), key);
  for (const key of fileOptions) assert.ok(sources.includes(`{"${key}", k`), key);
});

test("an option that touches files is refused in a load request, whoever it goes to, and others are not", () => {
  for (const key of fileOptions) {
    const isTensorrt = key.startsWith("trt_");
    const options = { [key]: /enable$|^trt_dump|prepacked/.test(key) ? "1" : "x" };
    const config = isTensorrt ? { providers: [{ name: "tensorrt", options }] } : { session_options: options };
    const where = isTensorrt ? `providers.0.options.${key}` : `session_options.${key}`;
    assert.throws(() => parseOverrideConfig(JSON.stringify(config), "request"), {
      code: "ERR_INVALID_CONFIG",
      message: `request: '${where}': this option has ONNX Runtime use files, or may, and can be set only in the model's directory`,
    });
  }
  const allowed = { session_options: { "session.log_id": "mine", "session.graph_optimization_level": "enable_basic" } };
  assert.deepEqual(parseOverrideConfig(JSON.stringify(allowed), "request").config, allowed);
});

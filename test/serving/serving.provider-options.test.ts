// SPDX-License-Identifier: Apache-2.0
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { docsPath, docsText, tablePath, tableText } from "../../scripts/provider-options.mjs";
import { nativeBinding } from "../../src/native/load.js";
import { parseConfig } from "../../src/serving/config-check.js";
import { configJsonSchema } from "../../src/serving/config-json-schema.js";
import { modelConfigSchema, providersOf } from "../../src/serving/model-config.js";
import { providerOptionTable } from "../../src/serving/provider-option-table.js";
import { root } from "../layering/sources.js";

function parse(providers: string) {
  return providersOf(parseConfig(modelConfigSchema, `providers: ${providers}`, "config.yaml"));
}

function refused(providers: string, message: string | RegExp) {
  assert.throws(() => parse(providers), { code: "ERR_INVALID_CONFIG", message });
}

describe("options of execution providers in config.yaml", () => {
  it("are refused when misspelt, with the nearest name of that provider", () => {
    refused(
      "[{name: cuda, options: {devise_id: 1}}]",
      "config.yaml: unknown key 'providers.0.options.devise_id', did you mean 'device_id'?",
    );
    refused(
      "[cpu, {name: tensorrt, options: {trt_fp16_enabled: true}}]",
      "config.yaml: unknown key 'providers.1.options.trt_fp16_enabled', did you mean 'trt_fp16_enable'?",
    );
    refused("[{name: cuda, options: {constructor: 1}}]", /unknown key 'providers.0.options.constructor'/);
    refused("[{name: cpu, options: {use_arena: 1}}]", /unknown key 'providers.0.options.use_arena'/);
    refused("[{name: cuda, options: {user_compute_stream: 1}}]", /unknown key/); // an address
  });

  it("are refused with a value of another kind or out of range", () => {
    refused(
      "[{name: cuda, options: {device_id: -1}}]",
      "config.yaml: 'providers.0.options.device_id': expected an integer from 0 to 1023, got -1",
    );
    refused("[{name: cuda, options: {device_id: 1.5}}]", /expected an integer from 0 to 1023, got 1.5/);
    refused("[{name: cuda, options: {gpu_mem_limit: '2g'}}]", /expected an integer of at least 1, got "2g"/);
    refused("[{name: cuda, options: {use_tf32: 2}}]", /'providers.0.options.use_tf32': expected true or false, got 2/);
    refused(
      "[{name: tensorrt, options: {trt_builder_optimization_level: 6}}]",
      /expected an integer from 0 to 5, got 6/,
    );
    refused("[{name: cuda, options: {cudnn_conv_algo_search: FAST}}]", /cudnn_conv_algo_search'.*"FAST"/);
  });

  it("are refused with a provider that does not exist", () => {
    refused("[{name: rocm}]", /'providers.0.name': expected one of tensorrt, cuda, cpu, got "rocm"/);
  });

  it("reach the load as ONNX Runtime's text", () => {
    const [cuda, cpu] = parse(
      "[{name: cuda, options: {device_id: 1, use_tf32: false, gpu_mem_limit: '1024', x-new: 3}}, cpu]",
    );
    assert.deepEqual(cuda, {
      name: "cuda",
      options: { device_id: "1", use_tf32: "false", gpu_mem_limit: "1024", "x-new": "3" },
      required: false,
    });
    assert.deepEqual(cpu, { name: "cpu", options: {}, required: false });
  });

  it("are one table: the addon's, which the configuration and the documentation follow", () => {
    const options = nativeBinding().providerOptions();
    const settable = options.filter((option) => option.settable);
    assert.ok(settable.length > 50);
    assert.ok(options.every(({ doc }) => doc.length > 5));
    const remedy = "run node --import tsx scripts/provider-options.mjs, then npm run lint:fix";
    const rules = settable.map(({ provider, key, kind, doc, choices, min, max }) => [
      `${provider}.${key}`,
      {
        kind,
        ...(choices && { of: choices.split("|") }),
        ...(min !== undefined && { min }),
        ...(max !== undefined && { max }),
        doc,
      },
    ]);
    const known = Object.entries(providerOptionTable).flatMap(([provider, table]) =>
      Object.entries(table).map(([key, rule]) => [`${provider}.${key}`, rule]),
    );
    assert.deepEqual(known, rules, remedy);
    const docs = readFileSync(join(root, docsPath), "utf8");
    assert.equal(docsText(docs, options), docs, remedy);
    assert.match(tableText(options), /use_tf32: \{"kind":"boolean"/);
    assert.match(readFileSync(join(root, tablePath), "utf8"), /do not edit/);
  });

  it("are in the schema for editors, which closes them but for x- keys", () => {
    const text = JSON.stringify(configJsonSchema());
    assert.match(text, /"trt_timing_cache_enable"/);
    assert.match(text, /"patternProperties":\{"\^x-"/);
  });
});

// SPDX-License-Identifier: Apache-2.0
// The published JSON schema of config.yaml: current, and of one mind with the server.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { parse } from "yaml";
import { configJsonSchema } from "../../src/serving/config-json-schema.js";
import { modelConfigSchema } from "../../src/serving/model-config.js";

const published = JSON.parse(readFileSync(new URL("../../schema/config.schema.json", import.meta.url), "utf8"));

test("schema/config.schema.json is what the sources make", () => {
  assert.deepEqual(published, configJsonSchema(), "run: node --import tsx scripts/config-schema.mjs");
});

test("every key is described", () => {
  const { properties } = published as { properties: Record<string, { description?: string }> };
  assert.deepEqual(Object.keys(properties), Object.keys(modelConfigSchema.shape));
  for (const [key, { description }] of Object.entries(properties)) assert.match(description ?? "", /^\S.*\.$/, key);
});

const validate = new Ajv2020({ strict: false }).compile(published);

for (const yaml of [
  "max_batch_row: 4",
  "max_batch_rows: many",
  "queue: {max_row: 4}",
  "versions: {latest: 0}",
  "version_labels: {v1: 1}",
  "default_version: latest",
  "warmup: {requests: [7]}",
  "",
  "versions: all",
  "versions: [1, 3]\nversion_labels: {stable: 1}\ndefault_version: 3",
  "features: [a, b]\nmax_delay_ms: auto\nqueue: {max_rows: 9, on_timeout: delay}\npriority: {levels: 3, default: 2}",
  "providers: [tensorrt, {name: cuda, options: {device_id: 1}}, cpu]\ncache: {ttl_ms: 5}\nmodel_file: net.onnx",
  "warmup: {count: 2, requests: [a.json, {instances: [[1]]}]}",
]) {
  test(`an editor and the server agree about ${JSON.stringify(yaml)}`, () => {
    const value = parse(yaml) ?? {};
    assert.equal(validate(value), modelConfigSchema.safeParse(value).success, JSON.stringify(validate.errors));
  });
}

// SPDX-License-Identifier: Apache-2.0
// What the OpenAPI document says of models with `preprocess`: tensors, and what tensors are made of.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createServer, loadRepository, type OrtServer } from "../../src/server/index.js";
import { bytesNetwork, identity, imageAndRow } from "../transform/models.js";
import { noise, png } from "../transform/pictures.js";
import { examplesOf, OpenApi } from "./open-api.js";

const root = mkdtempSync(join(tmpdir(), "ortserve-openapi-media-"));
let server: OrtServer;
let api: OpenApi;

function addModel(name: string, path: string, config: string): void {
  mkdirSync(join(root, name, "1"), { recursive: true });
  symlinkSync(path, join(root, name, "1", "model.onnx"));
  writeFileSync(join(root, name, "config.yaml"), config);
}

before(async () => {
  addModel("picture", identity("fp32", ["batch", 4, 4, 3]), "preprocess: {x: {image: {}}}\n");
  addModel(
    "mixed",
    imageAndRow(),
    "preprocess: {image: {image: {}}, row: {columns: [a, {name: b, one_hot: [x, y]}]}}\n",
  );
  addModel("people", identity("fp32", ["batch", 2]), "preprocess: {x: {columns: [age, {name: income, default: 7}]}}\n");
  const labels = "labels: [a, b, c, d]\npostprocess: {scores: {top_k: 2, labels: true, name: classes}}\n";
  addModel("bytes", bytesNetwork(), `preprocess: {image: {image: {}}}\n${labels}`);
  server = createServer({ models: await loadRepository(root, { strict: true }), port: 0 });
  await server.listen();
  api = await OpenApi.of(`${server.url}/openapi.json`);
});
after(async () => {
  await server?.close();
  rmSync(root, { recursive: true, force: true });
});

const models = ["picture", "mixed", "people", "bytes"];

async function answered(path: string, body: string | Buffer, type = "application/json") {
  const operation = api.operation("post", path);
  const response = await fetch(server.url + path, {
    method: "POST",
    body: body as string,
    headers: { "content-type": type },
  });
  assert.equal(response.status, 200, `${path}: ${await response.clone().text()}`);
  await api.check(operation, response);
  return operation;
}

test("examples are answered as documented", async () => {
  for (const model of models) {
    for (const path of [
      `/predict/${model}`,
      `/v2/models/${model}/infer`,
      `/v1/models/${model}:predict`,
      `/predictions/${model}`,
    ]) {
      const examples = examplesOf(api.operation("post", path));
      assert.ok(examples.length > 0, path);
      for (const [, example] of examples) await answered(path, JSON.stringify(example));
    }
  }
});

test("files and named values fit the schema, and are answered as documented", async () => {
  const file = await png(noise(1, 4, 4));
  const b64 = file.toString("base64");
  const pixels = Array.from({ length: 4 }, () => Array.from({ length: 4 }, () => [1, 2, 3]));
  for (const [path, body] of [
    ["/predict/picture", { instances: [b64, b64] }],
    ["/predict/picture", { instances: [{ b64 }] }],
    ["/predict/picture", { instances: [pixels] }],
    ["/predict/people", { instances: [{ age: 3 }, { age: 4, income: 5 }] }],
    ["/predict/people", { age: 3 }],
    ["/predict/mixed", { instances: [{ image: b64, a: 1, b: "x" }] }],
    ["/v1/models/picture:predict", { instances: [{ b64 }] }],
  ] as const) {
    const operation = await answered(path, JSON.stringify(body));
    const schema = operation.requestBody?.content["application/json"]?.schema ?? {};
    assert.equal(api.faults(schema, body), "", `${path}: ${JSON.stringify(body).slice(0, 80)}`);
  }
  const operation = await answered("/predict/picture", file, "image/png");
  assert.deepEqual(Object.keys(operation.requestBody?.content ?? {}), ["application/json", "image/*"]);
});

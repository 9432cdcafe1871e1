// SPDX-License-Identifier: Apache-2.0
// The OpenAPI document is valid, complete and true: what it documents is called, and answers as documented.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { createServer, loadRepository, type OrtServer } from "../../src/server/index.js";
import { pathParameters } from "../../src/server/openapi/route-doc.js";
import { allRoutes } from "../../src/server/route-tables.js";
import { root } from "../layering/sources.js";
import { LiveServer } from "./live-server.js";
import { examplesOf, OpenApi } from "./open-api.js";
import { layoutOf, startRealServer } from "./real-server.js";

const kinds = [
  "simple",
  "two_inputs_mixed",
  "optional_input",
  "zipmap",
  "seq_tensor",
  "fixed_batch",
  "not_batched",
  "patches",
];
const types = ["ident_string", "ident_bool", "ident_uint8", "ident_int64", "ident_fp16", "scalar_fp32"];

let server: OrtServer;
let samples: OrtServer;
let api: OpenApi;
before(async () => {
  const features = { versions: { 1: "mlp_tiny", 2: "mlp_tiny" }, config: "features: [a, b, c, d]\n" };
  const odd = { versions: { 1: "mlp_tiny" }, config: "name: naïve:1\n" };
  server = await startRealServer({ ...layoutOf(...kinds, ...types), features, odd });
  samples = createServer({ models: await loadRepository(`${root}models`), port: 0 });
  await samples.listen();
  api = await OpenApi.of(`${server.url}/openapi.json`);
});
after(() => Promise.all([server?.close(), samples?.close()]));

async function send(path: string, body: unknown, method = "POST"): Promise<Response> {
  return fetch(server.url + path, { method, body: typeof body === "string" ? body : JSON.stringify(body) });
}

test("there is no document of a model that is not there", async () => {
  const response = await fetch(`${server.url}/v2/models/nope/openapi.json`);
  assert.equal(response.status, 404);
  await api.check(api.operation("get", "/v2/models/{model}/openapi.json"), response);
});

describe("every route", () => {
  const { queries, commands, inferences } = allRoutes;
  const every = [...queries, ...commands, ...inferences];

  test("is documented, or is another spelling of one that is", () => {
    const documented = new Set(Object.keys(api.document.paths));
    for (const { pattern, doc } of every) {
      const docs = Array.isArray(doc) ? doc : [doc];
      assert.ok(docs.length > 0, pattern);
      for (const one of docs) {
        const path = one.aliasOf ?? one.path ?? pattern.replace(/:(\w+)/g, "{$1}");
        assert.ok(documented.has(path), `${pattern} should be ${path}`);
      }
    }
  });

  test("says what the parameters of its path are", () => {
    const names = Object.keys(api.document.paths).flatMap((path) =>
      [...path.matchAll(/\{(\w+)\}/g)].map((one) => one[1]),
    );
    assert.deepEqual([...new Set(names)].sort(), Object.keys(pathParameters).sort());
  });

  test("has an id, a summary and a known tag of its own", () => {
    const tags = new Set(api.document.tags.map(({ name }) => name));
    const all = Object.values(api.document.paths).flatMap((item) => Object.values(item));
    assert.equal(new Set(all.map(({ operationId }) => operationId)).size, all.length);
    for (const operation of all) {
      assert.match(operation.summary, /^[A-Z].*[^.]$/, operation.operationId);
      assert.ok(tags.has(operation.tags[0] as string), operation.operationId);
    }
  });
});

for (const path of ["/openapi.json", "/v2/models/features/openapi.json"]) {
  test(`${path} is valid OpenAPI 3.1`, async () => {
    const validator = new Validator();
    const result = await validator.validate((await (await fetch(server.url + path)).json()) as Record<string, unknown>);
    assert.deepEqual(result.errors ?? [], []);
    assert.deepEqual([result.valid, validator.version], [true, "3.1"]);
  });
}

test("a model's own document has its paths and no other", async () => {
  const { document } = await OpenApi.of(`${server.url}/v2/models/features/openapi.json`);
  const paths = Object.keys(document.paths);
  assert.ok(paths.includes("/predict/features") && paths.includes("/v2/models/features/infer"), paths.join());
  assert.deepEqual(
    paths.filter((path) => !path.includes("features")),
    [],
  );
});

test("every GET route answers as documented", async () => {
  const operations = api.operations("get");
  assert.ok(operations.length > 10);
  for (const { path, operation } of operations) {
    const response = await fetch(server.url + path, { redirect: "manual" });
    assert.equal(response.status, 200, `${path}: ${response.status}`);
    await api.check(operation, response);
  }
});

for (const method of ["post", "put"]) {
  test(`every example of a ${method.toUpperCase()} route fits its schema and is answered as documented`, async () => {
    for (const { path, operation } of api.operations(method)) {
      for (const [name, example] of examplesOf(operation)) {
        const media = operation.requestBody?.content["application/json"];
        assert.equal(api.faults(media?.schema ?? {}, example), "", `${path}: ${name}`);
        const response = await send(path, example, method.toUpperCase());
        const text = await response.clone().text();
        if (path === "/predict")
          assert.equal(response.status, 404); // several models, none of them the default
        else assert.equal(response.status, 200, `${path}: ${name}: ${text}`);
        await api.check(operation, response);
      }
    }
  });
}

test("every model has examples for /predict; those that JSON can carry have one for the other protocol", () => {
  for (const model of [...kinds, ...types, "features", "naïve:1"]) {
    const path = encodeURIComponent(model);
    const names = examplesOf(api.operation("post", `/predict/${path}`)).map(([name]) => name);
    assert.deepEqual(names, model === "features" ? ["rows", "columns", "features"] : ["rows", "columns"], model);
    const count = examplesOf(api.operation("post", `/v2/models/${path}/infer`)).length;
    assert.equal(count, ["ident_fp16", "zipmap", "seq_tensor"].includes(model) ? 0 : 1, model);
  }
});

test("wrong requests are refused as documented", async () => {
  for (const { path, operation } of api.operations("post")) {
    if (!operation.requestBody || /repository|logging|trace/.test(path)) continue;
    for (const body of ["{", "", '{"instances":[{"no":1}]}']) await api.check(operation, await send(path, body));
  }
});

test("a model's schema has its shapes, its datatypes and its names", () => {
  const schemaOf = (path: string) => api.operation("post", path).requestBody?.content["application/json"]?.schema ?? {};
  const fits = (path: string, value: unknown) => api.faults(schemaOf(path), value) === "";
  assert.ok(
    fits("/predict/features", {
      instances: [
        [1, 2, 3, 4],
        [1, 2, 3, 4],
      ],
    }),
  );
  assert.ok(fits("/predict/features", { instances: [{ a: 1, b: 2, c: 3, d: 4 }] }));
  assert.ok(fits("/predict/features", { a: 1, b: 2, c: 3, d: 4 }));
  for (const bad of [
    { instances: [[1, 2, 3]] },
    { instances: [["a", 2, 3, 4]] },
    { a: 1, b: 2, c: 3 },
    { instances: [] },
  ]) {
    assert.ok(!fits("/predict/features", bad), JSON.stringify(bad));
  }
  assert.ok(fits("/predict/ident_uint8", { inputs: [255] }));
  assert.ok(!fits("/predict/ident_uint8", { inputs: [256] }) && !fits("/predict/ident_uint8", { inputs: [1.5] }));
  const infer = (shape: number[], data: unknown[]) => ({ inputs: [{ name: "x", datatype: "FP32", shape, data }] });
  assert.ok(fits("/v2/models/features/infer", infer([1, 4], [1, 2, 3, 4])));
  assert.ok(!fits("/v2/models/features/infer", infer([1, 3], [1, 2, 3])));
});

test("the document follows what is loaded", async () => {
  const live = await LiveServer.start(layoutOf("simple", "mlp_tiny"));
  const described = async () => {
    const all = await Promise.all([1, 2].map(() => OpenApi.of(`${live.server.url}/openapi.json`)));
    return all.map(({ document }) => ["simple", "mlp_tiny"].filter((name) => document.paths[`/predict/${name}`]));
  };
  const both = ["simple", "mlp_tiny"];
  assert.deepEqual(await described(), [both, both]);
  await live.unload("simple");
  assert.deepEqual(await described(), [["mlp_tiny"], ["mlp_tiny"]]);
  await live.load("simple");
  assert.deepEqual(await described(), [both, both]);
  await live.close();
});

test("the bundled samples' examples are answered", async () => {
  const own = await OpenApi.of(`${samples.url}/openapi.json`);
  const called: string[] = [];
  for (const { path, operation } of own.operations("post")) {
    for (const [, example] of examplesOf(operation)) {
      if (path === "/predict") continue;
      const response = await fetch(samples.url + path, { method: "POST", body: JSON.stringify(example) });
      assert.equal(response.status, 200, path);
      await own.check(operation, response);
      called.push(path);
    }
  }
  for (const path of ["/predict/digits", "/predict/iris", "/v2/models/digits/infer"])
    assert.ok(called.includes(path), path);
});

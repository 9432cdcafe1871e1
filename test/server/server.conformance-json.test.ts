// SPDX-License-Identifier: Apache-2.0
// The Open Inference Protocol: inference with JSON tensors.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { OrtServer } from "../../src/server/index.js";
import { both, infer as inferOn, input, row, startConformanceServer, sums, zeros } from "./conformance.js";
import type { Json } from "./open-inference-body.js";

let server: OrtServer;

before(async () => {
  server = await startConformanceServer();
});
after(() => server.close());

const infer = (body: Json, headers: Record<string, string> = {}, model = "simple") =>
  inferOn(server, body, headers, model);
const numbers = (data: string[]) => data.map(Number);

test("flat data gives flat data, with the id", async () => {
  const { status, json, headers } = await infer({ id: "42", ...both });
  assert.equal(status, 200);
  assert.equal(headers.get("inference-header-content-length"), null);
  assert.equal(headers.get("content-type"), "application/json");
  assert.deepEqual([json.id, json.model_name, json.model_version], ["42", "simple", "1"]);
  const [sum, difference] = json.outputs;
  assert.deepEqual([sum.name, sum.datatype, sum.shape, numbers(sum.data)], ["OUTPUT0", "INT32", [1, 16], sums]);
  assert.deepEqual([difference.name, numbers(difference.data)], ["OUTPUT1", zeros]);
  assert.equal(sum.parameters, undefined);
});

test("nested data gives the same", async () => {
  const { json } = await infer({ inputs: [input("INPUT0", { data: [row] }), input("INPUT1", { data: [row] })] });
  assert.deepEqual(numbers(json.outputs[0].data), sums);
});

for (const request of [both, { id: "", ...both }]) {
  test(`no id comes back for ${"id" in request ? "an empty one" : "none"}`, async () => {
    assert.equal("id" in (await infer(request)).json, false);
  });
}

test("unknown keys and parameters are ignored", async () => {
  const parameters = { sequence_id: "a", priority: 1, timeout: 1_000_000, my: 1.5 };
  assert.equal((await infer({ model_name: "simple", ...both, parameters })).status, 200);
});

test("an inference header that covers all of the body changes nothing", async () => {
  const text = JSON.stringify(both);
  const { json } = await infer(text, { "Inference-Header-Content-Length": String(text.length) });
  assert.deepEqual(numbers(json.outputs[0].data), sums);
});

test("chosen outputs come back in the order asked for", async () => {
  const { json } = await infer({ ...both, outputs: [{ name: "OUTPUT1" }, { name: "OUTPUT0" }] });
  assert.deepEqual(
    json.outputs.map(({ name }: Json) => name),
    ["OUTPUT1", "OUTPUT0"],
  );
  const one = await infer({ ...both, outputs: [{ name: "OUTPUT1", parameters: { binary_data: false } }] });
  assert.deepEqual(numbers(one.json.outputs[0].data), zeros);
});

for (const [type, data] of [
  ["FP32", ["NaN", "Infinity", "-Infinity"]],
  ["FP64", ["NaN", "Infinity", "-Infinity", "0.1"]],
  ["UINT64", ["18446744073709551615"]],
  ["INT64", ["9007199254740993", "-9223372036854775808"]],
  ["BOOL", ["true", "false"]],
  ["INT8", ["-128", "127"]],
  ["FP32", []],
] as const) {
  test(`${type} [${data}] comes back digit by digit`, async () => {
    const body = `{"inputs":[{"name":"INPUT0","shape":[${data.length}],"datatype":"${type}","data":[${data}]}]}`;
    const { json } = await infer(body, {}, `ident_${type.toLowerCase()}`);
    assert.deepEqual(json.outputs[0].data, data);
  });
}

test("BYTES of every kind of text come back", async () => {
  const data = ["", "a\u0000b", "grüße 🙂", '"quoted" \\ and\nlines'];
  const body = JSON.stringify({ inputs: [{ name: "INPUT0", shape: [4], datatype: "BYTES", data }] });
  const response = await fetch(`${server.url}/v2/models/ident_string/infer`, { method: "POST", body });
  assert.deepEqual(((await response.json()) as Json).outputs[0].data, data);
});

// SPDX-License-Identifier: Apache-2.0
// The Open Inference Protocol: parameters, classification, generate, times.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { OrtServer } from "../../src/server/index.js";
import { both, infer as inferOn, row, sums } from "./conformance.js";
import type { Json } from "./open-inference-body.js";
import { startRealServer } from "./real-server.js";
import { SocketClient } from "./socket-client.js";

let server: OrtServer;

before(async () => {
  server = await startRealServer({
    simple: { versions: { 1: "simple" }, config: "max_request_rows: 8\nlabels: [a, b, c]\n" },
    ident_fp32: { versions: { 1: "ident_fp32" }, config: "batching: whole\n" },
    labelled: { versions: { 1: "ident_fp32" }, config: "batching: whole\nlabels: [no, yes, maybe, never]\n" },
    ident_bool: { versions: { 1: "ident_bool" }, config: "batching: whole\n" },
    ident_string: { versions: { 1: "ident_string" }, config: "batching: whole\n" },
    rowsum: { versions: { 1: "rowsum", 2: "rowsum" } },
  });
});
after(() => server.close());

const infer = (body: Json, model = "simple") => inferOn(server, body, {}, model);
const post = async (path: string, body: Json) => {
  const response = await fetch(server.url + path, { method: "POST", body: JSON.stringify(body) });
  return { status: response.status, headers: response.headers, json: (await response.json()) as Json };
};

for (const [parameters, message] of [
  [{ triton_x: 1 }, /parameter keys starting with 'triton_' are reserved/],
  [{ a: [1] }, /parameter 'a' has invalid type/],
  [{ a: { b: 1 } }, /parameter 'a' has invalid type/],
  [{ a: null }, /parameter 'a' has invalid type/],
  [[1], /expected an object/],
  [{ sequence_id: 1.5 }, /Unable to parse 'sequence_id'/],
  [{ sequence_start: 1 }, /Unable to parse 'sequence_start'/],
  [{ priority: -1 }, /Unable to parse 'priority'/],
  [{ timeout: "soon" }, /Unable to parse 'timeout'/],
  [{ binary_data_output: 1 }, /Unable to parse 'binary_data_output'/],
] as [Json, RegExp][]) {
  test(`the parameters ${JSON.stringify(parameters)} are refused`, async () => {
    const { status, json } = await infer({ ...both, parameters });
    assert.equal(status, 400);
    assert.match(json.error, message);
  });
}

test("sequences, priorities, timeouts and parameters of one's own are accepted", async () => {
  const parameters = { sequence_id: "a", sequence_start: true, priority: 1, timeout: 1_000_000, my: 1.5, text: "x" };
  assert.equal((await infer({ ...both, parameters })).status, 200);
  assert.equal((await infer({ ...both, parameters: { sequence_id: 7, sequence_end: true } })).status, 200);
});

const scores = { name: "INPUT0", shape: [4], datatype: "FP32", data: [1.1, 3.3, 0.5, 2.4] };
const classes = (count: Json, more: Json = {}) => [{ name: "OUTPUT0", parameters: { classification: count, ...more } }];
const classify = (model: string, inputs: Json, outputs: Json) => post(`/v2/models/${model}/infer`, { inputs, outputs });

test("classification of what has no order is refused", async () => {
  for (const [model, datatype, data] of [
    ["ident_bool", "BOOL", [true]],
    ["ident_string", "BYTES", ["a"]],
  ] as const) {
    const input = { name: "INPUT0", shape: [1], datatype, data };
    const { status, json } = await classify(model, [input], classes(1));
    assert.equal(status, 400);
    assert.match(json.error, new RegExp(`class result not available for output due to unsupported type '${datatype}'`));
  }
});

test("classification gives the best values with their index, and with labels", async () => {
  const plain = await classify("ident_fp32", [scores], classes(2));
  const [output] = plain.json.outputs;
  assert.deepEqual([output.datatype, output.shape], ["BYTES", [2]]);
  assert.deepEqual(output.data, ["3.300000:1", "2.400000:3"]);
  const named = await classify("labelled", [scores], classes(2));
  assert.deepEqual(named.json.outputs[0].data, ["3.300000:1:yes", "2.400000:3:never"]);
  const all = await classify("ident_fp32", [scores], classes(99));
  assert.deepEqual(all.json.outputs[0].shape, [4]);
});

test("classification of a batched model ranks each row, beside outputs that come as they are", async () => {
  const data = [...row, ...[...row].reverse()];
  const inputs = ["INPUT0", "INPUT1"].map((name) => ({ name, shape: [2, 16], datatype: "INT32", data }));
  const outputs = [...classes(1), { name: "OUTPUT1" }];
  const { json } = await classify("simple", inputs, outputs);
  assert.deepEqual(
    [json.outputs[0].shape, json.outputs[0].data],
    [
      [2, 1],
      ["30:15", "30:0"],
    ],
  );
  assert.deepEqual(json.outputs[1].shape, [2, 16]);
});

test("generate takes scalars and lists without a batch and gives the same", async () => {
  const one = await post("/v2/models/rowsum/generate", { id: "7", x: [1, 2, 3, 4], parameters: { any: 1 } });
  assert.equal(one.headers.get("content-type"), "application/json");
  assert.equal(one.json.sum, 10);
  assert.deepEqual([one.json.model_name, one.json.model_version, one.json.id], ["rowsum", "2", "7"]);
  const lists = await post("/v2/models/simple/versions/1/generate", { INPUT0: row, INPUT1: row });
  assert.deepEqual(lists.json.OUTPUT0, sums);
  assert.equal("id" in lists.json, false);
  assert.equal((await post("/v2/models/ident_string/generate", { INPUT0: "text" })).json.OUTPUT0, "text");
});

for (const [body, message] of [
  [{}, /missing input 'INPUT0'/],
  [{ INPUT0: row }, /missing input 'INPUT1'/],
  [{ INPUT0: [1], INPUT1: row }, /expected 16 elements for input 'INPUT0' \[1,16\], got 1/],
  [{ INPUT0: row, INPUT1: row, other: [1] }, /parameter 'other' has invalid type/],
  [[], /object/],
] as [Json, RegExp][]) {
  test(`generate refuses ${JSON.stringify(body).slice(0, 60)}`, async () => {
    const { status, json } = await post("/v2/models/simple/generate", body);
    assert.equal(status, 400);
    assert.match(json.error, message);
  });
}

test("generate answers 404 for an unknown model, 405 for a query", async () => {
  assert.equal((await post("/v2/models/nope/generate", {})).status, 404);
  assert.equal((await fetch(`${server.url}/v2/models/simple/generate`)).status, 405);
});

function assertTimes(times: Json): void {
  assert.deepEqual(Object.keys(times), ["batch_size", "queue_us", "compute_us"]);
  assert.equal(times.batch_size, 1);
  assert.ok(Number.isInteger(times.queue_us) && Number.isInteger(times.compute_us) && times.compute_us >= 0);
}

test("a request may ask for its times in the body, over every route", async () => {
  const parameters = { timing: true };
  assertTimes((await infer({ ...both, parameters })).json.parameters);
  assertTimes((await post("/predict/rowsum", { instances: [[1, 2, 3, 4]], parameters })).json.timing);
  assertTimes((await post("/v2/models/rowsum/generate", { x: [1, 2, 3, 4], parameters })).json.parameters);
  assert.equal("parameters" in (await infer(both)).json, false);
});

test("a WebSocket message may ask for its times", async () => {
  const socket = await SocketClient.open(server.url, "/predict/rowsum");
  socket.socket.send(JSON.stringify({ id: "1", instances: [[1, 2, 3, 4]], parameters: { timing: true } }));
  assertTimes((await socket.json()).timing);
  socket.socket.close();
});

test("x-timing asks for them in headers", async () => {
  const ask = (headers: Record<string, string>) =>
    fetch(`${server.url}/v2/models/simple/infer`, { method: "POST", body: JSON.stringify(both), headers });
  const told = (await ask({ "x-timing": "1" })).headers;
  assert.match(told.get("server-timing") ?? "", /^queue;dur=[\d.]+, run;dur=[\d.]+$/);
  assert.equal(told.get("x-batch-size"), "1");
  for (const headers of [{}, { "x-timing": "0" }]) {
    const silent = (await ask(headers)).headers;
    assert.deepEqual([silent.get("server-timing"), silent.get("x-batch-size")], [null, null]);
  }
});

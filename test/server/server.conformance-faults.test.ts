// SPDX-License-Identifier: Apache-2.0
// The Open Inference Protocol: requests that are refused, with a status, a reason and a connection that lives on.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { bufferStats } from "../../src/runtime/engine.js";
import type { OrtServer } from "../../src/server/index.js";
import { blob, both, infer as inferOn, input, row, startConformanceServer } from "./conformance.js";
import { type Answer, binaryBody, type Json } from "./open-inference-body.js";

let server: OrtServer;

before(async () => {
  server = await startConformanceServer();
});
after(() => server.close());

const infer = (body: Json, headers: Record<string, string> = {}, model = "simple") =>
  inferOn(server, body, headers, model);
const bytes64 = Int32Array.from(row);

function assertRefused(answer: Answer, message: RegExp): void {
  assert.equal(answer.status, 400, JSON.stringify(answer.json));
  assert.equal(answer.headers.get("content-type"), "application/json");
  assert.match(answer.json.error, message);
}

for (const [what, body, message] of [
  ["not JSON", "{", /./],
  ["an empty body", "", /./],
  ["an array", [], /./],
  ["no inputs", {}, /inputs/],
  ["unknown output", { ...both, outputs: [{ name: "NOPE" }] }, /NOPE/],
  ["duplicate output", { ...both, outputs: [{ name: "OUTPUT0" }, { name: "OUTPUT0" }] }, /OUTPUT0/],
  ["too few elements", { inputs: [input("INPUT0", { data: row.slice(1) }), input("INPUT1")] }, /INPUT0/],
  ["too many elements", { inputs: [input("INPUT0", { data: [...row, 1] }), input("INPUT1")] }, /INPUT0/],
  [
    "a wrong dim",
    { inputs: [input("INPUT0", { shape: [1, 15], data: row.slice(1) }), input("INPUT1")] },
    /\[1,\s*15\]/,
  ],
  ["a missing dim", { inputs: [input("INPUT0", { shape: [16] }), input("INPUT1")] }, /\[16\]/],
  [
    "batches that differ",
    { inputs: [input("INPUT0", { shape: [2, 16], data: [...row, ...row] }), input("INPUT1")] },
    /INPUT/,
  ],
  ["a missing input", { inputs: [input("INPUT0")] }, /INPUT1/],
  ["an unknown input", { inputs: [...both.inputs, input("INPUT2")] }, /INPUT2/],
  ["a duplicate input", { inputs: [input("INPUT0"), input("INPUT0")] }, /INPUT0/],
  ["another datatype", { inputs: [input("INPUT0", { datatype: "FP32" }), input("INPUT1")] }, /FP32/],
  ["an unknown datatype", { inputs: [input("INPUT0", { datatype: "FLOAT" }), input("INPUT1")] }, /FLOAT|datatype/],
  [
    "both data and a blob",
    { inputs: [input("INPUT0", { parameters: { binary_data_size: 64 } }), input("INPUT1")] },
    /INPUT0|only one/,
  ],
  ["neither data nor a blob", { inputs: [input("INPUT0", { data: undefined }), input("INPUT1")] }, /INPUT0|no field/],
  ["a negative dim", { inputs: [input("INPUT0", { shape: [2, -5] }), input("INPUT1")] }, /shape/],
  ["a dim that is text", { inputs: [input("INPUT0", { shape: ["1", 16] }), input("INPUT1")] }, /shape/],
  [
    "more elements than fit in 64 bits",
    { inputs: [input("INPUT0", { shape: [16, 2 ** 60 + 1024] }), input("INPUT1")] },
    /./,
  ],
  ["9 rows where 8 are allowed", nineRows(), /9/],
] as [string, Json, RegExp][]) {
  test(`${what} is refused`, async () => assertRefused(await infer(body), message));
}

for (const [what, headers, body] of [
  ["beyond the body", { "Inference-Header-Content-Length": "100000" }, JSON.stringify(both)],
  ["0 for a model of two inputs", { "Inference-Header-Content-Length": "0" }, Buffer.alloc(128)],
  ["absent before blobs", {}, binaryBody({ inputs: [blob("INPUT0"), blob("INPUT1")] }, bytes64, bytes64).body],
] as [string, Record<string, string>, Json][]) {
  test(`an inference header ${what} is refused`, async () => assertRefused(await infer(body, headers), /./));
}

for (const [what, sizes, extra] of [
  ["more than there is", [64, 128], 0],
  ["less than there is", [64, 64], 8],
  ["less than the shape needs", [60, 64], -4],
] as const) {
  test(`blobs that are declared as ${what} are refused, and the connection lives on`, async () => {
    const inputs = sizes.map((size, i) => blob(`INPUT${i}`, { parameters: { binary_data_size: size } }));
    const { body, headers } = binaryBody({ inputs }, Buffer.alloc(128 + extra));
    assertRefused(await infer(body, headers), /./);
    assert.equal((await infer(both)).status, 200);
  });
}

test("a blob of 60 bytes where 64 belong names both", async () => {
  const inputs = [blob("INPUT0", { parameters: { binary_data_size: 60 } }), blob("INPUT1")];
  const { body, headers } = binaryBody({ inputs }, Buffer.alloc(60), bytes64);
  assertRefused(await infer(body, headers), /input byte size mismatch for input 'INPUT0'.*Expected 64, got 60/);
});

test("a shape beyond 64 bits is refused before anything is allocated", async () => {
  const before = bufferStats().peakLiveBytes;
  const inputs = [input("INPUT0", { shape: "SHAPE" }), input("INPUT1")];
  const body = JSON.stringify({ inputs }).replace('"SHAPE"', "[16,1152921504606846978]");
  assertRefused(await infer(body), /total element count to exceed maximum size/);
  assert.ok(bufferStats().peakLiveBytes - before < 1 << 20);
});

test("JSON nested 120 deep is refused, 50 deep is flattened", async () => {
  const nested = (depth: number) => `${"[".repeat(depth)}1${"]".repeat(depth)}`;
  const body = (depth: number) =>
    `{"inputs":[{"name":"INPUT0","shape":[1],"datatype":"FP32","data":${nested(depth)}}]}`;
  assertRefused(await infer(body(120), {}, "ident_fp32"), /./);
  assert.deepEqual((await infer(body(50), {}, "ident_fp32")).json.outputs[0].data, ["1"]);
});

for (const [type, data] of [
  ["INT8", "[300]"],
  ["UINT8", "[-1]"],
  ["INT32", "[1.5]"],
  ["BOOL", "[1,0]"],
  ["FP32", "[null]"],
  ["FP32", '["1"]'],
  ["INT64", "[9223372036854775808]"],
  ["FP16", "[1]"],
  ["BF16", "[1]"],
] as const) {
  test(`${data} is refused as ${type}`, async () => {
    const shape = `[${JSON.parse(data).length}]`;
    const body = `{"inputs":[{"name":"INPUT0","shape":${shape},"datatype":"${type}","data":${data}}]}`;
    assertRefused(await infer(body, {}, `ident_${type.toLowerCase()}`), /INPUT0|FP16|BF16/);
  });
}

test("a half-precision output is refused as JSON", async () => {
  const inputs = [{ name: "INPUT0", shape: [1], datatype: "FP16", parameters: { binary_data_size: 2 } }];
  const { body, headers } = binaryBody({ inputs }, Uint16Array.of(0x3c00));
  assertRefused(await infer(body, headers, "ident_fp16"), /FP16/);
});

for (const [what, content, shape] of [
  ["a prefix longer than the rest", [9, 0, 0, 0, 97], [1]],
  ["a cut prefix", [1, 0, 0], [1]],
  ["fewer elements than the shape", [1, 0, 0, 0, 97], [2]],
  ["more elements than the shape", [1, 0, 0, 0, 97, 1, 0, 0, 0, 98], [1]],
] as const) {
  test(`BYTES with ${what} is refused`, async () => {
    const inputs = [{ name: "INPUT0", shape, datatype: "BYTES", parameters: { binary_data_size: content.length } }];
    const { body, headers } = binaryBody({ inputs }, Uint8Array.from(content));
    assertRefused(await infer(body, headers, "ident_string"), /./);
  });
}

function nineRows(): Json {
  const nine = (name: string) => input(name, { shape: [9, 16], data: Array(9).fill(row).flat() });
  return { inputs: [nine("INPUT0"), nine("INPUT1")] };
}

// SPDX-License-Identifier: Apache-2.0
// The Open Inference Protocol against real models. Faults first, then metadata, JSON, binary tensors, datatypes.
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { OrtServer } from "../../src/server/index.js";
import { type Answer, binaryBody, type Json, readAnswer } from "./open-inference-body.js";
import { type Layout, startRealServer } from "./real-server.js";

const types = [
  "bool",
  "uint8",
  "uint16",
  "uint32",
  "uint64",
  "int8",
  "int16",
  "int32",
  "int64",
  "fp16",
  "bf16",
  "fp32",
  "fp64",
];
let server: OrtServer;

before(async () => {
  server = await startRealServer({
    ...notBatched(...types.map((type) => `ident_${type}`), "ident_string"),
    simple: { versions: { 1: "simple" }, config: "max_request_rows: 8\n" },
  });
});
after(() => server.close());

const row = Array.from({ length: 16 }, (_, i) => i);
const input = (name: string, rest: Json = {}) => ({ name, shape: [1, 16], datatype: "INT32", data: row, ...rest });
const both = { inputs: [input("INPUT0"), input("INPUT1")] };
const blob = (name: string, rest: Json = {}) => {
  const { data: _, ...kept } = input(name, { parameters: { binary_data_size: 64 }, ...rest });
  return kept;
};
const bytes64 = Int32Array.from(row);

async function infer(body: Json, headers: Record<string, string> = {}, model = "simple"): Promise<Answer> {
  const raw = typeof body === "string" || ArrayBuffer.isView(body) ? body : JSON.stringify(body);
  const init = { method: "POST", body: raw as string, headers };
  return readAnswer(await fetch(`${server.url}/v2/models/${model}/infer`, init), parseNumbersAsText);
}

/** Keeps NaN, Infinity and 64-bit integers: every bare number in `data` becomes its own text. */
function parseNumbersAsText(text: string): Json {
  return JSON.parse(
    text.replace(/"data":\[([^\]"]*)\]/g, (_, list: string) => {
      const items = list.split(",").filter((item) => item !== "");
      return `"data":${JSON.stringify(items)}`;
    }),
  );
}

function assertRefused(answer: Answer, message: RegExp): void {
  assert.equal(answer.status, 400, JSON.stringify(answer.json));
  assert.equal(answer.headers.get("content-type"), "application/json");
  assert.match(answer.json.error, message);
}

const numbers = (data: string[]) => data.map(Number);
const sums = row.map((value) => 2 * value);
const zeros = row.map(() => 0);

describe("faults", () => {
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
});

describe("metadata", () => {
  const get = async (path: string) => {
    const response = await fetch(`${server.url}${path}`);
    assert.equal(response.headers.get("content-type"), "application/json");
    return { status: response.status, json: (await response.json()) as Json };
  };

  for (const path of ["/v2", "/v2/"]) {
    test(`${path} names the server and what it can do`, async () => {
      const { json } = await get(path);
      assert.equal(json.name, "ortserve");
      assert.match(json.version, /^\d+\.\d+\.\d+/);
      for (const extension of ["binary_tensor_data", "statistics"]) assert.ok(json.extensions.includes(extension));
    });
  }

  test("live and ready say so in JSON", async () => {
    assert.deepEqual(await get("/v2/health/live"), { status: 200, json: { live: true } });
    assert.deepEqual(await get("/v2/health/ready"), { status: 200, json: { live: true, ready: true } });
    assert.deepEqual((await get("/v2/models/simple/ready")).json, { name: "simple", ready: true });
  });

  test("a batched model has a leading -1, versions are strings", async () => {
    const { json } = await get("/v2/models/simple");
    assert.deepEqual(json.inputs[0], { name: "INPUT0", datatype: "INT32", shape: [-1, 16] });
    assert.deepEqual(json.versions, ["1"]);
    assert.equal((await get("/v2/models/simple/versions/1")).status, 200);
  });

  test("dims are those of the graph, nothing is added", async () => {
    const { json } = await get("/v2/models/ident_fp32");
    assert.deepEqual(json.inputs, [{ name: "INPUT0", datatype: "FP32", shape: [-1] }]);
  });

  test("query strings are ignored, names are percent-decoded", async () => {
    assert.equal((await get("/v2/models/simple?x=1")).status, 200);
    assert.equal((await get("/v2/models/%73imple")).json.name, "simple");
  });
});

describe("JSON", () => {
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
});

describe("binary tensors", () => {
  const blobs = { inputs: [blob("INPUT0"), blob("INPUT1")] };

  test("blobs in give blobs out, in the order of the outputs", async () => {
    const { body, headers } = binaryBody({ ...blobs, parameters: { binary_data_output: true } }, bytes64, bytes64);
    const answer = await infer(body, headers);
    assert.equal(answer.headers.get("content-type"), "application/octet-stream");
    assert.deepEqual(answer.blobs.OUTPUT0, Buffer.from(Int32Array.from(sums).buffer));
    assert.deepEqual(answer.blobs.OUTPUT1, Buffer.from(Int32Array.from(zeros).buffer));
  });

  test("JSON and blobs may be mixed among inputs and outputs", async () => {
    const outputs = [
      { name: "OUTPUT0", parameters: { binary_data: true } },
      { name: "OUTPUT1", parameters: { binary_data: false } },
    ];
    const { body, headers } = binaryBody({ inputs: [input("INPUT0"), blob("INPUT1")], outputs }, bytes64);
    const answer = await infer(body, headers);
    assert.equal(answer.blobs.OUTPUT0?.length, 64);
    assert.deepEqual(numbers(answer.json.outputs[1].data), zeros);
  });

  test("binary_data_output holds for outputs that are not listed", async () => {
    const parameters = { binary_data_output: true };
    const outputs = [{ name: "OUTPUT0", parameters: { binary_data: false } }, { name: "OUTPUT1" }];
    assert.deepEqual((await infer({ ...both, parameters, outputs })).blobs, {});
    assert.equal(Object.keys((await infer({ ...both, parameters, outputs: [] })).blobs).length, 2);
    assert.equal(Object.keys((await infer({ ...both, parameters })).blobs).length, 2);
  });

  test("a chunked body with a lower-case header is the same request", async () => {
    const { body, headers } = binaryBody(blobs, bytes64, bytes64);
    const stream = new ReadableStream({
      start(controller) {
        for (let at = 0; at < body.length; at += 50) controller.enqueue(body.subarray(at, at + 50));
        controller.close();
      },
    });
    const lower = { "inference-header-content-length": headers["Inference-Header-Content-Length"] as string };
    const init = { method: "POST", body: stream, duplex: "half", headers: lower } as RequestInit;
    const answer = await readAnswer(await fetch(`${server.url}/v2/models/simple/infer`, init));
    assert.deepEqual(answer.json.outputs[0].data, sums);
  });

  const samples: Record<string, ArrayBufferView> = {
    BOOL: Uint8Array.of(1, 0, 1),
    UINT8: Uint8Array.of(0, 255),
    UINT16: Uint16Array.of(1, 65535),
    UINT32: Uint32Array.of(1, 4294967295),
    UINT64: BigUint64Array.of(18446744073709551615n),
    INT8: Int8Array.of(-128, 127),
    INT16: Int16Array.of(-32768, 5),
    INT32: Int32Array.of(-1, 2147483647),
    INT64: BigInt64Array.of(-9223372036854775808n, 3n),
    FP16: Uint16Array.of(0x3c00, 0x7e01, 0x8000),
    BF16: Uint16Array.of(0x3fc0),
    FP32: Float32Array.of(Number.NaN, -0, 1e-45),
    FP64: Float64Array.of(0.1, Number.NEGATIVE_INFINITY),
    BYTES: Uint8Array.of(2, 0, 0, 0, 97, 98, 1, 0, 0, 0, 99),
  };
  const elements = (type: string, view: ArrayBufferView) => (type === "BYTES" ? 2 : (view as Uint8Array).length);

  for (const [type, view] of Object.entries(samples)) {
    test(`${type} comes back bit by bit, wherever the JSON ends`, async () => {
      const model = `ident_${type === "BYTES" ? "string" : type.toLowerCase()}`;
      const sent = Buffer.from(view.buffer, view.byteOffset, view.byteLength);
      const tensor = { name: "INPUT0", shape: [elements(type, view)], datatype: type };
      for (let padding = 0; padding < 8; padding++) {
        const inputs = [{ ...tensor, parameters: { binary_data_size: sent.length } }];
        const request = { id: "x".repeat(padding), inputs, parameters: { binary_data_output: true } };
        const { body, headers } = binaryBody(request, view);
        assert.deepEqual((await infer(body, headers, model)).blobs.OUTPUT0, sent);
      }
    });
  }

  test("an empty tensor has no blob and no inference header", async () => {
    const inputs = [{ name: "INPUT0", shape: [0], datatype: "FP32", parameters: { binary_data_size: 0 } }];
    const { body, headers } = binaryBody({ inputs, parameters: { binary_data_output: true } });
    const answer = await infer(body, headers, "ident_fp32");
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get("inference-header-content-length"), null);
    assert.equal(answer.headers.get("content-type"), "application/json");
  });

  test("a raw body is the only input, and its shape follows from its size", async () => {
    const floats = Float32Array.from({ length: 8 }, (_, i) => i / 3);
    const raw = new Uint8Array(floats.buffer);
    const answer = await infer(raw, { "Inference-Header-Content-Length": "0" }, "ident_fp32");
    assert.deepEqual(answer.json.outputs[0].shape, [8]);
    assert.deepEqual(answer.blobs.OUTPUT0, Buffer.from(raw));
  });
});

describe("statistics", () => {
  const stats = async () =>
    ((await (await fetch(`${server.url}/v2/models/simple/stats`)).json()) as Json).model_stats[0];

  test("count requests and rows, in nanoseconds, with every key that clients read", async () => {
    const before = await stats();
    const two = (name: string) => input(name, { shape: [2, 16], data: [...row, ...row] });
    for (let i = 0; i < 5; i++) await infer({ inputs: [two("INPUT0"), two("INPUT1")] });
    const now = await stats();
    assert.equal(now.inference_count - before.inference_count, 10);
    assert.equal(now.inference_stats.success.count - before.inference_stats.success.count, 5);
    assert.equal(now.inference_stats.queue.count - before.inference_stats.queue.count, 5);
    assert.ok(now.last_inference > 1.6e12);
    assert.match(now.version, /^\d+$/);
    for (const key of "success fail queue compute_input compute_infer compute_output cache_hit cache_miss".split(" ")) {
      const { count, ns } = now.inference_stats[key];
      assert.ok(Number.isInteger(count) && Number.isInteger(ns) && count >= 0 && ns >= 0, key);
    }
  });

  test("of all models list all models", async () => {
    const { model_stats } = (await (await fetch(`${server.url}/v2/models/stats`)).json()) as Json;
    assert.equal(model_stats.length, types.length + 2);
  });
});

/** The protocol's cases take these models' only dim as a size, not as a number of rows. */
function notBatched(...names: string[]): Layout {
  return Object.fromEntries(names.map((name) => [name, { versions: { 1: name }, config: "batching: off\n" }]));
}

function nineRows(): Json {
  const nine = (name: string) => input(name, { shape: [9, 16], data: Array(9).fill(row).flat() });
  return { inputs: [nine("INPUT0"), nine("INPUT1")] };
}

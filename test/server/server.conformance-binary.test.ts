// SPDX-License-Identifier: Apache-2.0
// The Open Inference Protocol: inference with binary tensors, of every datatype.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { OrtServer } from "../../src/server/index.js";
import { blob, both, infer as inferOn, input, row, startConformanceServer, sums, zeros } from "./conformance.js";
import { binaryBody, type Json, readAnswer } from "./open-inference-body.js";

let server: OrtServer;

before(async () => {
  server = await startConformanceServer();
});
after(() => server.close());

const infer = (body: Json, headers: Record<string, string> = {}, model = "simple") =>
  inferOn(server, body, headers, model);
const numbers = (data: string[]) => data.map(Number);
const bytes64 = Int32Array.from(row);

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

const strings = (...elements: string[]) =>
  Buffer.concat(
    elements.flatMap((element) => {
      const bytes = Buffer.from(element);
      const length = Buffer.alloc(4);
      length.writeUInt32LE(bytes.length);
      return [length, bytes];
    }),
  );

async function inferStrings(blobOf: Buffer, count: number, binary: boolean) {
  const inputs = [
    { name: "INPUT0", shape: [count], datatype: "BYTES", parameters: { binary_data_size: blobOf.length } },
  ];
  const { body, headers } = binaryBody({ inputs, parameters: { binary_data_output: binary } }, blobOf);
  const init = { method: "POST", body: body as unknown as string, headers };
  return readAnswer(await fetch(`${server.url}/v2/models/ident_string/infer`, init));
}

test("strings come as a blob and as JSON", async () => {
  const sent = strings("ab", "c");
  assert.equal(sent.length, 11);
  assert.deepEqual((await inferStrings(sent, 2, true)).blobs.OUTPUT0, sent);
  assert.deepEqual((await inferStrings(sent, 2, false)).json.outputs[0].data, ["ab", "c"]);
});

test("empty, zero and multibyte strings come back as a blob", async () => {
  const sent = strings("", "a\u0000b", "grüße 🙂");
  assert.deepEqual((await inferStrings(sent, 3, true)).blobs.OUTPUT0, sent);
});

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

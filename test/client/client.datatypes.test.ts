// SPDX-License-Identifier: Apache-2.0
// Every datatype there and back, bit by bit: as blobs and as JSON, over HTTP and over a WebSocket.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { WebSocket } from "ws";
import { type BytesTensor, InferenceClient, type Inputs, type Tensor } from "../../src/client/index.js";
import type { OrtServer } from "../../src/server/index.js";
import { startTestServer } from "./test-server.js";

const { NaN: nan, POSITIVE_INFINITY: infinity } = Number;

/** Extremes, signed zeros, subnormals, NaNs with payloads. */
const samples = {
  BOOL: Uint8Array.of(0, 1, 1),
  UINT8: Uint8Array.of(0, 255),
  UINT16: Uint16Array.of(0, 65535),
  UINT32: Uint32Array.of(0, 2 ** 32 - 1),
  UINT64: BigUint64Array.of(0n, 2n ** 64n - 1n),
  INT8: Int8Array.of(-128, 127),
  INT16: Int16Array.of(-32768, 32767),
  INT32: Int32Array.of(-(2 ** 31), 2 ** 31 - 1),
  INT64: BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n, 2n ** 53n + 1n),
  FP16: Uint16Array.of(0x8000, 0x0001, 0x7c00, 0x7e01),
  BF16: Uint16Array.of(0x8000, 0x0001, 0x7f80, 0x7fc1),
  FP32: Float32Array.of(-0, 1e-45, 3.4028234e38, nan, infinity, -infinity, 0.1, 1e20),
  FP64: Float64Array.of(-0, 5e-324, 1.7976931348623157e308, nan, infinity, -infinity, 0.1, 1e20),
};
const withoutJson = ["FP16", "BF16"];
const strings = ["", "a", "naïve", "模型", "🦀", "x".repeat(70_000), "tab\tnull\0end", "\ufeffmark", "NaN"];

let server: OrtServer;
let client: InferenceClient;

before(async () => {
  const names = [...Object.keys(samples), "string"].map((name) => `ident_${name.toLowerCase()}`);
  server = await startTestServer([...names, "scalar_fp32", "ident2d_fp32"]);
  client = new InferenceClient(server.url, { WebSocket });
});
after(() => server?.close());

type Options = { binary?: boolean; rawBytes?: boolean };

/** The same request on both transports. */
async function onBoth(model: string, inputs: Inputs, options: Options): Promise<(Tensor | BytesTensor)[]> {
  const session = await client.connect(model);
  const replies = [await client.infer(model, inputs, options), await session.infer(inputs, options)];
  await session.close();
  return replies.map(({ outputs }) => outputs.OUTPUT0 ?? assert.fail());
}

const bits = (view: ArrayBufferView) => Buffer.from(view.buffer, view.byteOffset, view.byteLength);

for (const [datatype, data] of Object.entries(samples)) {
  for (const binary of withoutJson.includes(datatype) ? [true] : [true, false])
    test(`${datatype} ${binary ? "as blobs" : "in JSON"}`, async () => {
      for (const output of await onBoth(`ident_${datatype.toLowerCase()}`, { INPUT0: data }, { binary })) {
        assert.equal(output.datatype, datatype);
        assert.deepEqual(output.shape, [data.length]);
        assert.equal(output.data.constructor, data.constructor);
        assert.deepEqual(bits(output.data as Uint8Array), bits(data));
      }
    });
}

for (const binary of [true, false])
  test(`BYTES as strings ${binary ? "as blobs" : "in JSON"}`, async () => {
    for (const output of await onBoth("ident_string", { INPUT0: strings }, { binary }))
      assert.deepEqual(output, { datatype: "BYTES", shape: [strings.length], data: strings });
  });

test("BYTES as bytes that are no text", async () => {
  const INPUT0 = [Uint8Array.of(0xff, 0, 0xfe), new Uint8Array(0), new TextEncoder().encode("text")];
  for (const output of await onBoth("ident_string", { INPUT0 }, { rawBytes: true }))
    assert.deepEqual(output.data, INPUT0);
});

test("no elements, and a scalar", async () => {
  const INPUT0 = { data: new Float32Array(0), shape: [3, 0] };
  for (const binary of [true, false]) {
    for (const output of await onBoth("ident2d_fp32", { INPUT0 }, { binary }))
      assert.deepEqual(output, { datatype: "FP32", shape: [3, 0], data: new Float32Array(0) });
    for (const output of await onBoth("scalar_fp32", { INPUT0: 42 }, { binary }))
      assert.deepEqual(output, { datatype: "FP32", shape: [], data: Float32Array.of(42) });
  }
});

test("a view into the middle of a buffer sends only what it shows", async () => {
  const data = new Float32Array(Float32Array.of(1, 2, 3, 4).buffer, 4, 2);
  for (const output of await onBoth("ident_fp32", { INPUT0: data }, {}))
    assert.deepEqual(output.data, Float32Array.of(2, 3));
});

test("four megabytes each way, many at a time on one session", async () => {
  const session = await client.connect("ident2d_fp32", { maxInFlight: 3 });
  const data = Float32Array.from({ length: 2 ** 20 }, (_, i) => i / 3);
  const INPUT0 = { data, shape: [4, 2 ** 18] };
  const replies = await Promise.all([
    ...Array.from({ length: 5 }, () => session.infer({ INPUT0 })),
    client.infer("ident2d_fp32", { INPUT0 }),
  ]);
  for (const { outputs } of replies) assert.deepEqual(bits(outputs.OUTPUT0?.data as Float32Array), bits(data));
  await session.close();
});

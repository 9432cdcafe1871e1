// SPDX-License-Identifier: Apache-2.0
// The codec of both transports: bytes in and out, without a server.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type RawReply, readReply, splitMessage, splitReply } from "../../src/client/decode-reply.js";
import { encodeRequest, joinRequest, requestMessage } from "../../src/client/encode-request.js";
import { InferenceError, type Tensor } from "../../src/client/index.js";
import type { WireTensor } from "../../src/client/input-values.js";

const utf8 = new TextEncoder();
const isMalformed = (pattern: RegExp) => (error: unknown) =>
  error instanceof InferenceError && error.code === "malformed-reply" && pattern.test(error.message);

const fp32 = { name: "y", datatype: "FP32", shape: [2] };
const asBlob = (size: number) => ({ parameters: { binary_data_size: size } });

function reply(output: unknown, blob = new Uint8Array(0), rest: object = {}): RawReply {
  const json = utf8.encode(JSON.stringify({ model_name: "m", outputs: [output], ...rest }));
  return splitReply(joinRequest({ json, blobs: [blob] }), json.byteLength);
}

for (const [name, body, jsonSize, message] of [
  ["no JSON", "<html>", 6, /expected JSON: /],
  ["an array", "[1]", 3, /expected a JSON object, got \[1\]/],
  ["bytes that are not UTF-8", Uint8Array.of(0x22, 0xff, 0x22), 3, /UTF-8/],
  ["a JSON length beyond the body", "{}", 3, /expected a JSON length of 0 to 2 bytes, got 3/],
  ["a JSON length that is none", "{}", Number.NaN, /got NaN/],
] as const)
  test(`${name} as a reply is refused`, () => {
    const bytes = typeof body === "string" ? utf8.encode(body) : body;
    assert.throws(() => splitReply(bytes, jsonSize), isMalformed(message));
  });

for (const message of [new ArrayBuffer(3), Uint8Array.of(9, 0, 0, 0, 0x7b, 0x7d).buffer])
  test(`a binary message of ${message.byteLength} bytes that is cut off is refused`, () => {
    assert.throws(() => splitMessage(message), isMalformed(/JSON length/));
  });

for (const [name, output, blob, message] of [
  ["no object", 1, [], /expected a name/],
  ["no name", { ...fp32, name: 1 }, [], /expected a name/],
  ["an unknown datatype", { ...fp32, datatype: "FP128" }, [], /expected a datatype for output 'y', got FP128/],
  ["a negative length", { ...fp32, shape: [-1] }, [], /expected the shape of output 'y', got -1/],
  ["a huge shape", { ...fp32, shape: [2 ** 40, 2 ** 40] }, [], /expected the shape/],
  ["neither data nor blob", fp32, [], /expected 2 elements as the data of output 'y'/],
  ["too little data", { ...fp32, data: [1] }, [], /expected 2 elements/],
  ["data of another type", { ...fp32, data: ["a", "b"] }, [], /of another type/],
  ["a blob size that is none", { ...fp32, ...asBlob(-1) }, [], /binary_data_size for output 'y', got -1/],
  ["a blob that is cut off", { ...fp32, ...asBlob(8) }, [1, 2, 3], /expected 8 bytes for output 'y', got 3/],
  [
    "a blob of another size than the shape's",
    { ...fp32, ...asBlob(4) },
    [1, 2, 3, 4],
    /expected 8 bytes for FP32 \[2\]/,
  ],
  ["bytes after the last blob", { ...fp32, ...asBlob(8) }, new Array(9).fill(0), /got 1 more bytes/],
  ["a string that is cut off", { ...fp32, datatype: "BYTES", ...asBlob(5) }, [2, 0, 0, 0, 97], /is cut off/],
  ["a length that is cut off", { ...fp32, datatype: "BYTES", ...asBlob(3) }, [1, 0, 0], /is cut off/],
  ["too few strings", { ...fp32, datatype: "BYTES", ...asBlob(5) }, [1, 0, 0, 0, 97], /expected 2 elements .* got 1/],
  [
    "a string that is not UTF-8",
    { ...fp32, shape: [1], datatype: "BYTES", ...asBlob(5) },
    [1, 0, 0, 0, 255],
    /rawBytes/,
  ],
] as const)
  test(`an output with ${name} is refused`, () => {
    assert.throws(() => readReply(reply(output, Uint8Array.from(blob)), false), isMalformed(message));
  });

for (const rest of [{ model_name: 1 }, { model_version: 1 }, { id: 1 }, { parameters: [] }, { outputs: {} }])
  test(`a reply with ${JSON.stringify(rest)} is refused`, () => {
    assert.throws(() => readReply(reply(fp32, undefined, rest), false), isMalformed(/expected/));
  });

test("data that is nested without end is refused", () => {
  const data = "[".repeat(50_000) + "]".repeat(50_000);
  const json = `{"model_name":"m","outputs":[{"name":"y","datatype":"FP32","shape":[0],"data":${data}}]}`;
  assert.throws(() => readReply(splitMessage(json), false), isMalformed(/nested at most 100 deep/));
  assert.throws(() => readReply(splitMessage(json.replace('"m"', '"NaN"')), false), isMalformed(/expected JSON/));
});

test("whatever bytes come, they are a reply or a malformed one", () => {
  const whole = requestMessage(encodeRequest([input], {}, 0)) as Uint8Array;
  const read = (bytes: Uint8Array) => {
    try {
      return readReply(splitMessage(bytes.slice().buffer as ArrayBuffer), false);
    } catch (error) {
      assert.ok(error instanceof InferenceError && error.code === "malformed-reply", String(error));
      return undefined;
    }
  };
  const y = { name: "y", datatype: "BYTES", shape: [2] };
  const json = utf8.encode(JSON.stringify({ model_name: "m", outputs: [{ ...y, ...asBlob(10) }] }));
  const blobs = [Uint8Array.of(1, 0, 0, 0, 97, 1, 0, 0, 0, 98)];
  const good = requestMessage({ json, blobs }) as Uint8Array;
  assert.deepEqual(read(good)?.outputs.y?.data, ["a", "b"]);
  assert.equal(read(whole), undefined);
  const change = fc.tuple(fc.nat(good.length - 1), fc.integer({ min: 0, max: 255 }));
  fc.assert(
    fc.property(fc.array(change, { maxLength: 4 }), fc.nat(good.length), (changes, length) => {
      const bytes = good.slice();
      for (const [at, value] of changes) bytes[at] = value;
      read(bytes);
      read(bytes.subarray(0, length));
    }),
  );
  fc.assert(fc.property(fc.uint8Array(), (bytes) => void read(bytes)));
});

test("blobs are read in the order of the outputs, wherever they begin, into memory of their own", () => {
  const outputs = [
    { name: "a", datatype: "UINT8", shape: [1], ...asBlob(1) },
    { name: "j", datatype: "INT64", shape: [2, 1], data: [[1], [-2]] },
    { name: "b", datatype: "FP64", shape: [1], ...asBlob(8) },
  ];
  for (let padding = 0; padding < 8; padding++) {
    const blob = new Uint8Array([7, ...new Uint8Array(Float64Array.of(0.1).buffer)]);
    const { outputs: read } = readReply(reply(outputs[0], blob, { outputs, id: "x".repeat(padding) }), false);
    assert.deepEqual(read.b?.data, Float64Array.of(0.1));
    assert.deepEqual([read.a?.data, read.j?.data], [Uint8Array.of(7), BigInt64Array.of(1n, -2n)]);
    assert.equal((read as { b: Tensor<"FP64"> }).b.data.buffer.byteLength, 8);
  }
});

test("floats written as long whole numbers, and as bare words, are floats", () => {
  const json =
    '{"model_name":"m","outputs":[{"name":"y","datatype":"FP64","shape":[3],"data":[100000000000000000000,NaN,-Infinity]}]}';
  assert.deepEqual(
    readReply(splitMessage(json), false).outputs.y?.data,
    Float64Array.of(1e20, Number.NaN, Number.NEGATIVE_INFINITY),
  );
});

test("strings keep a leading byte order mark, raw bytes keep everything", () => {
  const output = { name: "y", datatype: "BYTES", shape: [1], ...asBlob(8) };
  const blob = Uint8Array.of(4, 0, 0, 0, 0xef, 0xbb, 0xbf, 97);
  assert.deepEqual(readReply(reply(output, blob), false).outputs.y?.data, ["\ufeffa"]);
  assert.deepEqual(readReply(reply(output, blob), true).outputs.y?.data, [blob.slice(4)]);
});

const input: WireTensor = { name: "x", datatype: "INT16", shape: [2], data: Int16Array.of(1, -1) };

test("a request is the JSON of the protocol and its blobs", () => {
  const text: WireTensor = { name: "t", datatype: "BYTES", shape: [2], data: ["é", Uint8Array.of(255)] };
  const { json, blobs } = encodeRequest(
    [input, text],
    { id: "7", outputs: ["y", { name: "z", parameters: { classification: 2 } }] },
    1.5,
  );
  assert.deepEqual(JSON.parse(new TextDecoder().decode(json)), {
    id: "7",
    parameters: { timeout: 1500 },
    inputs: [
      { name: "x", datatype: "INT16", shape: [2], parameters: { binary_data_size: 4 } },
      { name: "t", datatype: "BYTES", shape: [2], parameters: { binary_data_size: 11 } },
    ],
    outputs: [
      { name: "y", parameters: { binary_data: true } },
      { name: "z", parameters: { binary_data: true, classification: 2 } },
    ],
  });
  assert.deepEqual(blobs, [Uint8Array.of(1, 0, 255, 255), Uint8Array.of(2, 0, 0, 0, 0xc3, 0xa9, 1, 0, 0, 0, 255)]);
});

test("without a list of outputs all are asked for as blobs, and the caller's parameters win", () => {
  const { json } = encodeRequest([input], { outputs: [], parameters: { timeout: 5, priority: 2n ** 60n } }, 1);
  assert.match(
    new TextDecoder().decode(json),
    /^{"parameters":{"binary_data_output":true,"timeout":5,"priority":1152921504606846976}/,
  );
});

test("a message is framed by the length of its JSON, or text when there is no blob", () => {
  const request = encodeRequest([input], {}, 0);
  const message = requestMessage(request) as Uint8Array;
  assert.equal(new DataView(message.buffer).getUint32(0, true), request.json.byteLength);
  assert.deepEqual(message.subarray(4 + request.json.byteLength), Uint8Array.of(1, 0, 255, 255));
  assert.match(requestMessage(encodeRequest([input], { binary: false }, 0)) as string, /"data":\[1,-1\]/);
});

test("what has no JSON form is refused when binary is off", () => {
  for (const tensor of [
    { name: "x", datatype: "FP16", shape: [1], data: Uint16Array.of(0) },
    { name: "x", datatype: "BYTES", shape: [1], data: [Uint8Array.of(255)] },
  ] as const)
    assert.throws(() => encodeRequest([tensor], { binary: false }, 0), /has no JSON form: leave 'binary' on/);
});

test("a parameter that has no JSON form is refused", () => {
  const parameters = { bad: (() => 1) as unknown as string };
  const array = { bad: [undefined] as unknown as string };
  assert.doesNotThrow(() => encodeRequest([input], { parameters }, 0)); // left out, as JSON does
  assert.throws(() => encodeRequest([input], { parameters: array }, 0), /the request's parameters: /);
});

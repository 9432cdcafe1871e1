// SPDX-License-Identifier: Apache-2.0
// The Open Inference Protocol: gzip and deflate of requests and replies.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { brotliCompressSync, deflateRawSync, deflateSync, gunzipSync, gzipSync, inflateSync } from "node:zlib";
import { bufferStats } from "../../src/runtime/engine.js";
import type { OrtServer } from "../../src/server/index.js";
import { blob, both, row, startConformanceServer, sums } from "./conformance.js";
import { binaryBody, type Json, splitBlobs } from "./open-inference-body.js";
import { RawClient, type RawResponse } from "./raw-http.js";

const bodyLimit = 4 << 20;
const infer = "/v2/models/simple/infer";
let server: OrtServer;
let client: RawClient;

before(async () => {
  server = await startConformanceServer({ bodyLimit });
  client = new RawClient(server.port);
});
after(async () => {
  client.destroy();
  await server.close();
});

const text = (json: Json) => Buffer.from(JSON.stringify(json));
const bytes64 = Int32Array.from(row);
const blobs = binaryBody(
  { inputs: [blob("INPUT0"), blob("INPUT1")], parameters: { binary_data_output: true } },
  bytes64,
  bytes64,
);

async function post(body: Uint8Array | string, headers: Record<string, string> = {}, path = infer) {
  await client.request("POST", path, body, headers);
  return client.response();
}

/** A refusal may end its connection; the next request then takes a new one. */
async function refusal(body: Uint8Array, headers: Record<string, string>, status: number): Promise<RawResponse> {
  const own = new RawClient(server.port);
  await own.request("POST", infer, body, headers);
  const response = await own.response();
  own.destroy();
  assert.equal(response.status, status);
  assert.equal(response.headers["content-type"], "application/json");
  assert.equal(response.headers["content-encoding"], undefined);
  assert.match(JSON.parse(response.body.toString()).error, /./);
  return response;
}

for (const encoding of ["br", "zstd", "gzip, deflate"]) {
  test(`Content-Encoding '${encoding}' is refused, and the reply names those that are not`, async () => {
    const { headers } = await refusal(brotliCompressSync(text(both)), { "Content-Encoding": encoding }, 501);
    assert.equal(headers["accept-encoding"], "gzip, deflate");
  });
}

for (const [what, body] of [
  ["not compressed at all", text(both)],
  ["cut short", gzipSync(text(both)).subarray(0, 40)],
  ["empty", Buffer.alloc(0)],
  ["raw deflate without its zlib header", deflateRawSync(text(both))],
  ["damaged", damaged()],
] as const) {
  test(`a compressed body that is ${what} is refused`, async () => {
    await refusal(body, { "Content-Encoding": "gzip" }, 400);
    assert.equal((await post(text(both))).status, 200);
  });
}

test("a body that inflates beyond the limit is refused while it inflates, in bounded memory", async () => {
  const bomb = gzipSync(Buffer.alloc(256 << 20)); // 256 MiB in 250 KiB
  const { headers } = binaryBody({});
  for (const extra of [{}, headers]) {
    const before = bufferStats();
    const { body } = await refusal(bomb, { "Content-Encoding": "gzip", ...extra }, 400);
    assert.match(body.toString(), /Decompressed data size exceeds the maximum allowed value of 4194304 bytes/);
    const grown = bufferStats().peakLiveBytes - before.peakLiveBytes;
    assert.ok(grown <= 4 * bodyLimit, `${grown} bytes`); // growing, it is there twice
  }
  assert.equal((await post(text(both))).status, 200);
});

test("a compressed body that never gives a byte is bounded, too", async () => {
  const endless = Buffer.alloc(bodyLimit + 1000, "x"); // the file name in the header of a gzip stream
  Buffer.from([0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3]).copy(endless);
  await refusal(endless, { "Content-Encoding": "gzip" }, 413);
});

test("compressed bodies are for inference only", async () => {
  const { status } = await post(gzipSync("{}"), { "Content-Encoding": "gzip" }, "/v2/logging");
  assert.equal(status, 501);
});

for (const [encoding, format, compressed] of [
  ["gzip", "gzip", gzipSync],
  ["x-gzip", "gzip", gzipSync],
  ["deflate", "zlib", deflateSync],
  ["gzip", "zlib", deflateSync],
  ["identity", "plain", (bytes: Uint8Array) => Buffer.from(bytes)],
] as const) {
  test(`a ${format} body called ${encoding} is the same request, its inference header counts inflated bytes`, async () => {
    const { body, headers } = await post(compressed(blobs.body), { ...blobs.headers, "Content-Encoding": encoding });
    const size = Number(headers["inference-header-content-length"]);
    const reply = splitBlobs(JSON.parse(body.subarray(0, size).toString()), body.subarray(size));
    assert.deepEqual(reply.OUTPUT0, Buffer.from(Int32Array.from(sums).buffer));
    const rows = compressed(text({ inputs: { INPUT0: [row], INPUT1: [row] } }));
    const predict = await post(rows, { "Content-Encoding": encoding }, "/predict/simple");
    assert.deepEqual(JSON.parse(predict.body.toString()).predictions[0].OUTPUT0, sums);
  });
}

test("a compressed body may come in pieces, and large", async () => {
  const many = { shape: [8, 16], data: Array(8).fill(row).flat() };
  const inputs = both.inputs.map((one: Json) => ({ ...one, ...many }));
  const body = gzipSync(text({ note: "x".repeat(200_000), inputs }), { level: 0 });
  const head = `POST ${infer} HTTP/1.1\r\nHost: test\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n`;
  await client.send(head);
  for (let at = 0; at < body.length; at += 50_000) {
    const piece = body.subarray(at, at + 50_000);
    await client.send(`${piece.length.toString(16)}\r\n`, piece, "\r\n");
  }
  await client.send("0\r\n\r\n");
  const response = await client.response();
  assert.deepEqual(JSON.parse(response.body.toString()).outputs[0].data, Array(8).fill(sums).flat());
});

const inflate = { gzip: gunzipSync, deflate: inflateSync } as const;

for (const [accepted, coding] of [
  ["gzip", "gzip"],
  ["deflate", "deflate"],
  ["gzip, deflate", "gzip"],
  ["deflate, gzip", "deflate"],
  ["gzip;q=0.1, deflate", "deflate"],
  ["gzip; q=0.5, deflate; q=0.4, br", "gzip"],
  ["GZIP", "gzip"],
  ["br", undefined],
  ["*", undefined],
  ["", undefined],
  ["gzip;q=0", undefined],
  ["gzip;q=x", undefined],
  ["identity, gzip", undefined],
  ["identity;q=0.5, gzip;q=0.9", "gzip"],
] as const) {
  test(`Accept-Encoding '${accepted}' gives ${coding ?? "a plain reply"}`, async () => {
    const plain = await post(blobs.body, blobs.headers);
    const { headers, body } = await post(blobs.body, { ...blobs.headers, "Accept-Encoding": accepted });
    assert.equal(headers["content-encoding"], coding);
    assert.equal(headers["content-length"], String(body.length));
    assert.equal(headers["inference-header-content-length"], plain.headers["inference-header-content-length"]);
    if (coding === "deflate") assert.equal(body[0], 0x78);
    assert.deepEqual(coding ? inflate[coding](body) : body, plain.body);
  });
}

test("large replies, and those of /predict, are compressed like small ones", async () => {
  const data = Array.from({ length: 50_000 }, (_, i) => i);
  const inputs = [{ name: "INPUT0", shape: [data.length], datatype: "FP32", data }];
  const accept = { "Accept-Encoding": "gzip" };
  const large = await post(text({ inputs }), accept, "/v2/models/ident_fp32/infer");
  assert.equal(large.headers["content-encoding"], "gzip");
  assert.deepEqual(JSON.parse(gunzipSync(large.body).toString()).outputs[0].data, data);
  const body = text({ inputs: { INPUT0: Array(8).fill(row), INPUT1: Array(8).fill(row) } });
  const predict = await post(body, accept, "/predict/simple");
  assert.deepEqual(JSON.parse(gunzipSync(predict.body).toString()).predictions[7].OUTPUT0, sums);
});

test("a reply that is small is sent as it is", async () => {
  const one = { inputs: [{ name: "INPUT0", shape: [1], datatype: "FP32", data: [1] }] };
  const small = await post(text(one), { "Accept-Encoding": "gzip" }, "/v2/models/ident_fp32/infer");
  assert.equal(small.headers["content-encoding"], undefined);
});

test("metadata, statistics and errors are never compressed", async () => {
  const headers = { "Accept-Encoding": "gzip" };
  for (const path of ["/v2", "/v2/models/stats", "/v2/models/simple", "/v2/models/simple/config"]) {
    await client.request("GET", path, "", headers);
    const response = await client.response();
    assert.equal(response.headers["content-encoding"], undefined);
    JSON.parse(response.body.toString());
  }
  const failing = await post(text({ id: "x".repeat(500), inputs: [] }), headers);
  assert.equal(failing.status, 400);
  assert.equal(failing.headers["content-encoding"], undefined);
  JSON.parse(failing.body.toString());
});

test("a client that leaves while its reply is compressed, or its body inflated, costs nothing", async () => {
  const data = Array.from({ length: 100_000 }, (_, i) => i);
  const body = gzipSync(text({ inputs: [{ name: "INPUT0", shape: [data.length], datatype: "FP32", data }] }));
  for (let i = 0; i < 8; i++) {
    const leaving = new RawClient(server.port);
    const path = "/v2/models/ident_fp32/infer";
    await leaving.request("POST", path, body, { "Content-Encoding": "gzip", "Accept-Encoding": "gzip" });
    leaving.destroy();
  }
  while (server.inFlight > 0) await new Promise((resolve) => setImmediate(resolve));
  assert.equal((await post(text(both))).status, 200);
});

function damaged(): Buffer {
  const bytes = gzipSync(text(both));
  bytes.fill(0xff, 20, 40);
  return bytes;
}

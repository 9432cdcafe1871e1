// SPDX-License-Identifier: Apache-2.0
// Property: whatever mixture of shapes, sizes, formats and transports runs at once, each caller gets its own rows.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import fc from "fast-check";
import type { OrtServer } from "../../src/server/index.js";
import { binaryBody, readAnswer, splitBlobs } from "./open-inference-body.js";
import { layoutOf, startRealServer } from "./real-server.js";
import { SocketClient } from "./socket-client.js";

let server: OrtServer;
const sockets: SocketClient[] = [];

before(async () => {
  server = await startRealServer(layoutOf("ident2d_fp32", "rowsum", "simple"));
  for (let i = 0; i < 3; i++) sockets.push(await SocketClient.open(server.url, "/v2/models/ident2d_fp32/infer"));
});
after(async () => {
  for (const { socket } of sockets) socket.terminate();
  await server.close();
});

interface Call {
  transport: "json" | "binary" | "socketText" | "socketBinary" | "rowsum";
  rows: number;
  columns: number;
  seed: number;
}

const call = fc.record<Call>({
  transport: fc.constantFrom("json", "binary", "socketText", "socketBinary", "rowsum"),
  rows: fc.integer({ min: 1, max: 9 }),
  columns: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constant(700)), // 9 x 700 numbers pass 64 KiB of JSON
  seed: fc.integer({ min: 0, max: 2 ** 20 }),
});

/** Numbers that no other call of the same run is likely to hold. */
function dataOf({ rows, columns, seed }: Call): number[] {
  return Array.from({ length: rows * columns }, (_, i) => Math.fround(seed + i / 8));
}

function tensorOf({ rows, columns }: Call, name: string) {
  return { name, shape: [rows, columns], datatype: "FP32" };
}

const blobOf = (data: number[]) => Float32Array.from(data);
const bytesOf = (data: number[]) => Buffer.from(blobOf(data).buffer);

async function post(model: string, body: string | Buffer, headers: Record<string, string> = {}) {
  return readAnswer(await fetch(`${server.url}/v2/models/${model}/infer`, { method: "POST", body, headers }));
}

const run = {
  async json(one: Call, data: number[]) {
    const answer = await post("ident2d_fp32", JSON.stringify({ inputs: [{ ...tensorOf(one, "INPUT0"), data }] }));
    assert.deepEqual(answer.json.outputs[0].data.map(Math.fround), data);
  },
  async binary(one: Call, data: number[]) {
    const inputs = [{ ...tensorOf(one, "INPUT0"), parameters: { binary_data_size: data.length * 4 } }];
    const { body, headers } = binaryBody({ inputs, parameters: { binary_data_output: true } }, blobOf(data));
    assert.deepEqual((await post("ident2d_fp32", body, headers)).blobs.OUTPUT0, bytesOf(data));
  },
  async rowsum(one: Call, data: number[]) {
    const answer = await post("rowsum", JSON.stringify({ inputs: [{ ...tensorOf(one, "x"), data }] }));
    const sums: number[] = answer.json.outputs[0].data;
    assert.equal(sums.length, one.rows);
    for (const [row, sum] of sums.entries()) {
      const expected = data
        .slice(row * one.columns, (row + 1) * one.columns)
        .reduce((total, value) => total + value, 0);
      assert.ok(Math.abs(sum - expected) <= Math.abs(expected) * 1e-5, `row ${row}: expected ${expected}, got ${sum}`);
    }
  },
};

/** Sends all calls of one socket before it reads anything, then matches the answers by id. */
async function runOnSocket(client: SocketClient, calls: Map<string, Call>): Promise<void> {
  for (const [id, one] of calls) sendOn(client, id, one);
  const waiting = new Map(calls);
  while (waiting.size > 0) {
    const { data: message, isBinary } = await client.frame();
    const jsonSize = isBinary ? message.readUInt32LE(0) : message.length;
    const start = isBinary ? 4 : 0;
    const json = JSON.parse(message.subarray(start, start + jsonSize).toString());
    const one = waiting.get(json.id) ?? assert.fail(`an answer for ${json.id}, which nobody waits for`);
    waiting.delete(json.id);
    const expected = dataOf(one);
    if (isBinary) assert.deepEqual(splitBlobs(json, message.subarray(start + jsonSize)).OUTPUT0, bytesOf(expected));
    else assert.deepEqual(json.outputs?.[0].data.map(Math.fround), expected);
  }
}

function sendOn({ socket }: SocketClient, id: string, one: Call): void {
  const data = dataOf(one);
  const tensor = tensorOf(one, "INPUT0");
  if (one.transport === "socketText") {
    socket.send(JSON.stringify({ id, inputs: [{ ...tensor, data }] }));
    return;
  }
  const inputs = [{ ...tensor, parameters: { binary_data_size: data.length * 4 } }];
  const { body, headers } = binaryBody({ id, inputs, parameters: { binary_data_output: true } }, blobOf(data));
  const size = Buffer.alloc(4);
  size.writeUInt32LE(Number(headers["Inference-Header-Content-Length"]));
  socket.send(Buffer.concat([size, body]));
}

test("concurrent calls of every kind each get their own rows", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(call, { minLength: 1, maxLength: 60 }), async (calls) => {
      const bySocket = sockets.map(() => new Map<string, Call>());
      const running: Promise<void>[] = [];
      for (const [i, one] of calls.entries()) {
        if (one.transport === "socketText" || one.transport === "socketBinary") {
          bySocket[i % sockets.length]?.set(`call-${i}`, one);
        } else running.push(run[one.transport](one, dataOf(one)));
      }
      for (const [i, client] of sockets.entries()) running.push(runOnSocket(client, bySocket[i] as Map<string, Call>));
      await Promise.all(running);
    }),
    { numRuns: 40 },
  );
});

test("300 requests in flight on one socket come back with their ids", async () => {
  const calls = new Map<string, Call>();
  for (let i = 0; i < 300; i++) {
    const transport = i % 2 ? "socketText" : "socketBinary";
    calls.set(`n${i}`, { transport, rows: 1 + (i % 4), columns: 1 + (i % 7), seed: i * 1000 });
  }
  await runOnSocket(sockets[0] as SocketClient, calls);
});

test("64 requests over 16 connections each get their own answer", async () => {
  const lanes = Array.from({ length: 16 }, async (_, lane) => {
    for (let i = 0; i < 4; i++) {
      const data = Array.from({ length: 16 }, (_, at) => lane * 1000 + i * 100 + at);
      const tensor = { shape: [1, 16], datatype: "INT32", data };
      const inputs = ["INPUT0", "INPUT1"].map((name) => ({ name, ...tensor }));
      const { json } = await post("simple", JSON.stringify({ id: `${lane}-${i}`, inputs }));
      assert.equal(json.id, `${lane}-${i}`);
      assert.deepEqual(
        json.outputs[0].data,
        data.map((value) => 2 * value),
      );
    }
  });
  await Promise.all(lanes);
});

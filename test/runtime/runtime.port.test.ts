// SPDX-License-Identifier: Apache-2.0
// The wire face of the core, as the server uses it: bodies in, replies or failures out, tickets.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import type { ErrorCode, OrtserveError } from "../../src/index.js";
import { Model } from "../../src/index.js";
import { nativeBinding } from "../../src/native/load.js";
import { ModelPort } from "../../src/runtime/model-port.js";
import { modelPath } from "../models/make.mjs";

interface Answer {
  text: string;
  bytes: Uint8Array;
  jsonSize: number;
  owned: boolean;
  rows: number;
}
class Refusal extends Error {
  readonly code: ErrorCode;
  readonly id: string;

  constructor(code: ErrorCode, message: string, id: string) {
    super(message);
    this.code = code;
    this.id = id;
  }
}

const predict = 0;
const openInference = 1;
const tfServing = 2;
const port = ModelPort.current();
const encode = (text: string) => new TextEncoder().encode(text);

/** Submits a whole body. `inline`: whether the answer came before submit() returned. */
function send(
  model: Model,
  body: Uint8Array | string,
  { format = predict, framed = false, jsonSize = -1, timeoutMicros = 0 } = {},
): Promise<Answer> & { ticket: number } {
  const bytes = typeof body === "string" ? encode(body) : body;
  let ticket = 0;
  const answer = new Promise<Answer>((resolve, reject) => {
    ticket = port.submit(
      model,
      format as 0 | 1 | 2,
      framed,
      jsonSize,
      bytes.buffer as ArrayBuffer,
      bytes.byteOffset,
      bytes.byteLength,
      timeoutMicros,
      {
        reply(view, size, timing, owned) {
          const copy = view.slice();
          resolve({ text: Buffer.from(copy).toString(), bytes: copy, jsonSize: size, owned, rows: timing.rows });
        },
        fail(code, message, id) {
          reject(new Refusal(code, message, id));
        },
      },
    );
  });
  return Object.assign(answer, { ticket });
}

/** An Open Inference body of one FP32 tensor as a blob. */
function binaryBody(name: string, shape: number[], data: Float32Array): { body: Uint8Array; jsonSize: number } {
  const parameters = { binary_data_size: data.byteLength };
  const json = encode(
    JSON.stringify({
      id: "7",
      inputs: [{ name, datatype: "FP32", shape, parameters }],
      parameters: { binary_data_output: true },
    }),
  );
  const body = new Uint8Array(json.length + data.byteLength);
  body.set(json);
  body.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), json.length);
  return { body, jsonSize: json.length };
}

const inline = await Model.load(modelPath("mlp_tiny"), { inlineMicros: 1_000_000 });
const queued = await Model.load(modelPath("mlp_tiny"), { inlineMicros: 0 });
const ident = await Model.load(modelPath("ident2d_fp32"));
after(() => Promise.all([inline.close(), queued.close(), ident.close()]));
const models = { inline, queued };

for (const [kind, model] of Object.entries(models)) {
  test(`${kind}: a body that is no JSON, and one that does not fit, are refused with the request's id`, async () => {
    await assert.rejects(send(model, '{"instances": [[1,'), { code: "ERR_INVALID_JSON" });
    await assert.rejects(send(model, ""), { code: "ERR_INVALID_JSON" });
    await assert.rejects(send(model, '{"id": "żółw", "instances": [[1]]}'), (error: Refusal) => {
      assert.equal(error.code, "ERR_INVALID_INPUT");
      assert.equal(error.id, "żółw");
      assert.equal(error.message, "expected FP32 [-1,4] for input 'x', got FP32 [1,1]");
      return true;
    });
  });

  test(`${kind}: JSON in, JSON out`, async () => {
    const { text, jsonSize, rows } = await send(model, '{"instances": [[1,2,3,4],[1,2,3,4]]}');
    const { predictions } = JSON.parse(text) as { predictions: number[][] };
    assert.equal(predictions.length, 2);
    assert.deepEqual(predictions[0], predictions[1]);
    assert.equal(jsonSize, 0);
    assert.equal(rows, 2);
  });
}

test("what one request asks for does not reach the next, which may take over its memory", async () => {
  const plain = '{"instances": [[1,2,3,4]]}';
  const input = { name: "x", datatype: "FP32", shape: [1, 4], data: [1, 2, 3, 4] };
  const { body, jsonSize } = binaryBody("x", [1, 4], new Float32Array([4, 3, 2, 1]));
  const expected = (await send(queued, plain)).text;
  for (let round = 0; round < 3; round++) {
    const others = [
      send(inline, JSON.stringify({ id: "a", parameters: { timeout: 1e6, priority: 1 }, inputs: [[1, 2, 3, 4]] })),
      send(inline, JSON.stringify({ id: "b", outputs: ["y"], instances: [[4, 3, 2, 1]] })),
      send(inline, body, { format: openInference, jsonSize, framed: true }),
      send(
        inline,
        JSON.stringify({ id: "c", inputs: [input], outputs: [{ name: "y", parameters: { classification: 2 } }] }),
        {
          format: openInference,
        },
      ),
      send(inline, '{"id": "d", "instances": [[1]]}'),
      send(inline, "{"),
    ];
    const ends = await Promise.allSettled(others);
    assert.deepEqual(
      ends.map(({ status }) => status === "fulfilled"),
      [true, true, true, true, false, false],
    );
    const replies = await Promise.all(Array.from({ length: 8 }, () => send(inline, plain)));
    for (const { text, jsonSize: size } of replies) assert.deepEqual([text, size], [expected, 0]);
    await assert.rejects(send(inline, "{"), { code: "ERR_INVALID_JSON", id: "" });
  }
});

test("arguments of the wrong kind are refused and leave no ticket", async () => {
  const native = nativeBinding();
  assert.throws(
    () =>
      native.openPort(
        () => {},
        () => {},
      ),
    /open already/,
  );
  const before = port.inFlight;
  const bytes = encode("{}").buffer as ArrayBuffer;
  const reply = { reply() {}, fail() {} };
  const submit = (...args: unknown[]) => (port.submit as (...args: unknown[]) => number).call(port, ...args);
  const wrong: [unknown[], RegExp][] = [
    [[{ native: {} }, 0, false, -1, bytes, 0, 2, 0, reply], /expected a model of this thread/],
    [[{ native: { handle: 1e6 } }, 0, false, -1, bytes, 0, 2, 0, reply], /expected a model of this thread/],
    [[{ native: { handle: inline.native } }, 0, false, -1, bytes, 0, 2, 0, reply], /expected a model of this thread/],
    [[inline, 4, false, -1, bytes, 0, 2, 0, reply], /expected an integer from 0 to 31 for flags, got 32/],
    [[inline, 0, false, -2, bytes, 0, 2, 0, reply], /for jsonSize/],
    [[inline, 0, false, -1, encode("{}"), 0, 2, 0, reply], /expected an ArrayBuffer for body/],
    [[inline, 0, false, -1, bytes, 1, 2, 0, reply], /expected an integer from 0 to 1 for length, got 2/],
    [[inline, 0, false, -1, bytes, -1, 2, 0, reply], /for offset/],
    [[inline, 0, false, -1, bytes, 0, 2, Number.NaN, reply], /for timeoutMicros/],
  ];
  for (const [args, message] of wrong) assert.throws(() => submit(...args), message);
  structuredClone(bytes, { transfer: [bytes] });
  assert.throws(() => submit(inline, 0, false, -1, bytes, 0, 0, 0, reply), /got a detached one/);
  assert.equal(port.inFlight, before);
  port.cancel(0);
  port.cancel(0xffffffff);
  await send(inline, '{"instances": [[1,2,3,4]]}');
});

test("a cheap model answers in the turn that asks; otherwise there is a ticket", async () => {
  const now = send(inline, '{"instances": [[1,2,3,4]]}');
  assert.ok(now.ticket < 0);
  let answered = false;
  void now.then(() => {
    answered = true;
  });
  await new Promise((resolve) => setImmediate(resolve)); // it was put in line behind the one that ends the turn
  assert.ok(answered);
  const later = send(queued, '{"instances": [[1,2,3,4]]}');
  assert.ok(later.ticket > 0);
  assert.equal((await now).text, (await later).text);
});

test("answering from inside an answer works, thousands deep in turns", async () => {
  let left = 5000;
  await new Promise<void>((resolve, reject) => {
    const body = encode('{"instances": [[1,2,3,4]]}').buffer as ArrayBuffer;
    const next = () => {
      if (left-- === 0) return resolve();
      const again = left % 50 === 0 ? () => setImmediate(next) : next;
      port.submit(left % 3 === 0 ? queued : inline, 0, false, -1, body, 0, body.byteLength, 0, {
        reply: again,
        fail: reject,
      });
    };
    next();
  });
});

test("replies of a burst keep to their requests", async () => {
  const calls = Array.from({ length: 3000 }, async (_, i) => {
    const body = JSON.stringify({ id: `r${i}`, inputs: { INPUT0: [[i, i + 1]] } });
    const reply = JSON.parse((await send(ident, body)).text) as { id: string; predictions: unknown };
    assert.equal(reply.id, `r${i}`);
    assert.deepEqual(reply.predictions, [[i, i + 1]]);
  });
  await Promise.all(calls);
});

test("large JSON is decoded elsewhere, and a large reply has its own memory", async () => {
  const row = Array.from({ length: 60_000 }, (_, i) => i / 8);
  const { text, owned } = await send(ident, JSON.stringify({ instances: [row] }));
  assert.equal(owned, true);
  assert.deepEqual((JSON.parse(text) as { predictions: number[][] }).predictions[0], row);
});

test("replies of every size around the slab's limits arrive whole", async () => {
  for (const count of [1, 1000, 10_000, 30_000, 65_530, 65_536, 70_000, 300_000]) {
    const data = Float32Array.from({ length: count }, (_, i) => i % 1000);
    const { body, jsonSize } = binaryBody("INPUT0", [1, count], data);
    const { bytes, jsonSize: replySize } = await send(ident, body, { format: openInference, jsonSize });
    assert.deepEqual(new Float32Array(bytes.slice(replySize).buffer), data);
  }
});

test("a binary body is copied once in and once out, however it arrives", async () => {
  const data = Float32Array.from({ length: 50_000 }, (_, i) => i);
  const { body, jsonSize } = binaryBody("INPUT0", [1, 50_000], data);
  const before = ident.stats().copiedBytes;
  await send(ident, body, { format: openInference, jsonSize });
  const whole = ident.stats().copiedBytes;
  assert.deepEqual({ in: whole.in - before.in, out: whole.out - before.out }, { in: 200_000, out: 200_000 });
  await sendInPieces(ident, body, { jsonSize, piece: 4096 });
  const pieces = ident.stats().copiedBytes;
  assert.deepEqual({ in: pieces.in - whole.in, out: pieces.out - whole.out }, { in: 200_000, out: 200_000 });
});

function sendInPieces(
  model: Model,
  bytes: Uint8Array,
  { jsonSize = -1, piece = 1, expected = bytes.length } = {},
): Promise<string> {
  const body = port.openBody(expected, jsonSize, 1 << 24);
  for (let at = 0; at < bytes.length; at += piece) {
    assert.equal(body.append(bytes.slice(at, at + piece).buffer as ArrayBuffer), undefined);
  }
  return new Promise((resolve, reject) => {
    body.submit(model, jsonSize < 0 ? predict : openInference, false, jsonSize, 0, {
      reply: (view) => resolve(Buffer.from(view).toString()),
      fail: (code, message) => reject(new Refusal(code, message, "")),
    });
  });
}

test("a body that comes over and over is neither decoded nor encoded again", async () => {
  const model = await Model.load(modelPath("mlp_tiny"), { cache: true });
  const { body, jsonSize } = binaryBody("x", [1, 4], Float32Array.of(1, 2, 3, 4));
  const options = { format: openInference, jsonSize };
  const miss = await send(model, body, options);
  for (let i = 0; i < 2; i++) assert.equal((await send(model, body, options)).owned, false, "encoded into a slab");
  const before = model.stats();
  const kept = await send(model, body, options);
  const again = await send(model, body, options);
  assert.ok(kept.owned && again.owned);
  assert.deepEqual([again.bytes, again.jsonSize, again.rows], [miss.bytes, miss.jsonSize, 1]);
  const now = model.stats();
  assert.equal(now.cache.hits, before.cache.hits + 2);
  assert.deepEqual(now.copiedBytes, before.copiedBytes);
  await model.close();
  await assert.rejects(send(model, body, options), { code: "ERR_MODEL_CLOSED" });
});

test("a cached result that has no reply is refused each time, whatever was kept before", async () => {
  const good = await Model.load(modelPath("mlp_tiny"), { cache: true });
  const ungiven = await Model.load(modelPath("not_batched"), { cache: true });
  const json = (value: number) => `{"instances": [[${value}, 2, 3, 4]]}`;
  for (let i = 0; i < 2000; i++) {
    for (let times = 0; times < 3; times++) await send(good, json(i));
  }
  for (let i = 0; i < 20; i++) {
    for (let times = 0; times < 5; times++) {
      const answer = send(ungiven, json(i), { format: tfServing });
      await assert.rejects(answer, { code: "ERR_INVALID_INPUT" });
    }
  }
  assert.ok(ungiven.stats().cache.hits > 0, "they came from the cache");
  await Promise.all([good.close(), ungiven.close()]);
});

test("a body in pieces equals a body in one", async () => {
  const json = encode('{"instances": [[1,2,3,4]]}');
  const whole = (await send(queued, json)).text;
  for (const expected of [0, json.length]) assert.equal(await sendInPieces(queued, json, { expected }), whole);
});

test("a body in pieces is bounded, and can be thrown away", () => {
  assert.throws(() => port.openBody(2000, -1, 1000), { code: "ERR_LIMIT_EXCEEDED" });
  const body = port.openBody(0, -1, 1000);
  assert.equal(body.append(new ArrayBuffer(600)), undefined);
  assert.equal(body.append(new ArrayBuffer(600)), "ERR_LIMIT_EXCEEDED");
  body.discard();
  assert.throws(() => body.append(new ArrayBuffer(1)), /expected the handle of an open body/);
});

test("a cancelled ticket is answered with ERR_CANCELLED, unless it ran already", async () => {
  const model = await Model.load(modelPath("slow"), { instances: 1, batching: "off" });
  const body = '{"inputs": {"x": [[1,2,3,4]], "iterations": [[200]]}}';
  const calls = Array.from({ length: 8 }, () => send(model, body));
  for (const call of calls.slice(1)) port.cancel(call.ticket);
  const codes = await Promise.all(
    calls.map((call) =>
      call.then(
        () => "OK",
        (error: Refusal) => error.code,
      ),
    ),
  );
  assert.deepEqual(codes.slice(1), Array(7).fill("ERR_CANCELLED"));
  assert.equal(codes[0], "OK");
  for (const call of calls) port.cancel(call.ticket); // stale: ignored
  assert.match((await send(model, body)).text, /predictions/);
  await model.close();
});

test("close waits for bodies that are still being decoded", async () => {
  const model = await Model.load(modelPath("ident2d_fp32"));
  const row = Array.from({ length: 50_000 }, (_, i) => i);
  const calls = Array.from({ length: 4 }, () => send(model, JSON.stringify({ instances: [row] })));
  await model.close();
  for (const call of calls) assert.match((await call).text, /49999/);
  await assert.rejects(send(model, '{"instances": [[1]]}'), { code: "ERR_MODEL_CLOSED" });
});

test("a passed deadline is refused", async () => {
  const model = await Model.load(modelPath("slow_fixed"));
  await assert.rejects(send(model, '{"instances": [[1,2,3,4]]}', { timeoutMicros: 1 }), (error: OrtserveError) => {
    assert.equal(error.code, "ERR_DEADLINE_EXCEEDED");
    return true;
  });
  await model.close();
});

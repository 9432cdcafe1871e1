// SPDX-License-Identifier: Apache-2.0
// Sound: 16-bit PCM, bare and in WAV files.
import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { Model, type ModelOptions, type Tensor } from "../../src/index.js";
import { identity } from "./models.js";

const open: Model[] = [];
after(() => Promise.all(open.map((model) => model.close())));

type Sound = Extract<NonNullable<ModelOptions["preprocess"]>[string], { audio: unknown }>["audio"];

async function load(
  audio: Sound,
  dims: readonly (number | string)[] = ["batch", "samples"],
  type = "fp32",
): Promise<Model> {
  const model = await Model.load(identity(type, dims), { preprocess: { x: { audio } } });
  open.push(model);
  return model;
}

interface WavOptions {
  rate?: number;
  channels?: number;
  format?: number;
  bits?: number;
  said?: number;
}

function wav(
  samples: readonly number[],
  { rate = 16_000, channels = 1, format = 1, bits = 16, said }: WavOptions = {},
): Buffer {
  const data = Buffer.from(Int16Array.from(samples).buffer);
  const head = Buffer.alloc(54);
  head.write("RIFF", 0);
  head.writeUInt32LE(46 + data.length, 4);
  head.write("WAVEfmt ", 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(format, 20);
  head.writeUInt16LE(channels, 22);
  head.writeUInt32LE(rate, 24);
  head.writeUInt16LE(bits, 34);
  head.write("note", 36); // a chunk that is skipped, of odd length
  head.writeUInt32LE(1, 40);
  head.write("data", 46);
  head.writeUInt32LE(said ?? data.length, 50);
  return Buffer.concat([head, data]);
}

const samples = [0, 16384, -32768, 32767];
const floats = samples.map((value) => Math.fround(value / 32768));

describe("sound is refused", () => {
  const cases: [string, Uint8Array, RegExp][] = [
    ["without samples", new Uint8Array(0), /expected 16-bit PCM samples of 1 channel for input 'x', got 0 bytes/],
    ["with half a sample", new Uint8Array(3), /got 3 bytes/],
    ["at another rate", wav(samples, { rate: 44_100 }), /expected 16000 samples per second for input 'x', got 44100/],
    [
      "in another format",
      wav(samples, { format: 3, bits: 32 }),
      /a WAV file of 16-bit PCM for input 'x', got format 3 of 32 bits/,
    ],
    ["of no channel", wav(samples, { channels: 0 }), /1 to 64 channels for input 'x', got 0/],
    [
      "that is cut short",
      wav(samples, { said: 800 }),
      /a WAV file of 800 bytes of samples for input 'x', got 8: it is cut short/,
    ],
    ["without data", wav(samples).subarray(0, 40), /a WAV file with format and data/],
  ];
  for (const [what, file, message] of cases) {
    it(what, async () =>
      assert.rejects((await load({ sampleRate: 16_000 })).predict({ x: file }), { code: "ERR_INVALID_INPUT", message }),
    );
  }
  it("of another length than the graph's", async () => {
    const model = await load({}, ["batch", 3]);
    await assert.rejects(model.predict({ x: wav(samples) }), /expected 3 samples for input 'x', got 4/);
  });
  it("for an input of integers, at load", () =>
    assert.rejects(load({}, ["batch", "n"], "int16"), /FP32 or FP16 for sound/));
});

describe("sound becomes floats", () => {
  const run = async (model: Model, file: Uint8Array) => {
    const { y } = await model.predict<{ y: Tensor }>({ x: file });
    return [y.shape, Array.from(y.data as Float32Array)];
  };
  it("from a WAV file", async () =>
    assert.deepEqual(await run(await load({ sampleRate: 16_000 }), wav(samples)), [[1, 4], floats]));
  it("from bare samples", async () =>
    assert.deepEqual(await run(await load({}), Buffer.from(Int16Array.from(samples).buffer)), [[1, 4], floats]));
  it("from a stream that did not know its length", async () =>
    assert.deepEqual(await run(await load({}), wav(samples, { said: 0xffffffff })), [[1, 4], floats]));
  it("from two channels, mixed", async () =>
    assert.deepEqual(await run(await load({}), wav([100, 300, -32768, -32768], { channels: 2 })), [
      [1, 2],
      [Math.fround(200 / 32768), -1],
    ]));
  it("scaled, and of the rank that the graph has", async () =>
    assert.deepEqual(await run(await load({ scale: 1 }, ["batch", 1, "samples"]), wav(samples)), [[1, 1, 4], samples]));
});

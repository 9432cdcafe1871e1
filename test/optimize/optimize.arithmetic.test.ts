// SPDX-License-Identifier: Apache-2.0
// The arithmetic of quantization against onnxruntime.quantization's own numbers (golden/parity.json) and against ONNX Runtime.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ElementType } from "../../src/optimize/onnx/messages.js";
import { makeNode, makeValue } from "../../src/optimize/onnx/node.js";
import { floatScalar, makeTensor } from "../../src/optimize/onnx/tensor-data.js";
import {
  asymmetricParams,
  dequantize,
  int8,
  type QuantParams,
  quantizeAll,
  rintEven,
  roundTrip,
  symmetricParams,
  uint8,
} from "../../src/optimize/quantize/arithmetic.js";
import { toHalf } from "../../src/optimize/quantize/half.js";
import { channelView, leastScales, quantizeBias, quantizeWeight } from "../../src/optimize/quantize/weights.js";
import { floats, reference } from "../reference.js";
import { writeParts } from "./model-files.js";

const golden = JSON.parse(readFileSync(new URL("golden/parity.json", import.meta.url), "utf8"));
const types = { uint8, int8 };

describe("quantization of what is hardly there", () => {
  it("takes scale 1 where a range is empty, or too small for a normal number", () => {
    for (const [low, high] of [
      [0, 0],
      [-1e-39, 1e-39],
    ] as const) {
      assert.deepEqual(asymmetricParams(low, high, uint8), { type: uint8, scale: 1, zeroPoint: 0 });
      assert.deepEqual(symmetricParams(low, high, int8), { type: int8, scale: 1, zeroPoint: 0 });
    }
  });

  it("keeps zero exact, also for ranges on one side of it", () => {
    fc.assert(
      fc.property(
        fc.float({ noNaN: true, noDefaultInfinity: true }),
        fc.float({ noNaN: true, noDefaultInfinity: true }),
        (a, b) => {
          fc.pre(Math.abs(a) < 1e30 && Math.abs(b) < 1e30);
          for (const type of [uint8, int8])
            assert.equal(roundTrip(0, asymmetricParams(Math.min(a, b), Math.max(a, b), type)), 0);
        },
      ),
    );
  });

  it("gives a channel of zeros a scale, and nothing else", () => {
    const { values, scales } = quantizeWeight(channelView(new Float32Array(6), [2, 3], 0));
    assert.deepEqual(
      [[...values], [...scales]],
      [
        [0, 0, 0, 0, 0, 0],
        [1, 1],
      ],
    );
  });
});

describe("rounding", () => {
  it("takes halves to the even number, as no JavaScript function does", () => {
    assert.deepEqual(
      [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5, 2.4999, 3.5].map((value) => rintEven(value) + 0),
      [-2, -2, 0, 0, 2, 2, 2, 4],
    );
    assert.equal(Math.round(2.5), 3);
  });
});

describe("parity with onnxruntime.quantization", () => {
  it("in the scale and the zero point of ranges", () => {
    assert.ok(golden.ranges.length > 200);
    for (const { min, max, type, symmetric, scale, zeroPoint } of golden.ranges) {
      const make = symmetric ? symmetricParams : asymmetricParams;
      const found = make(min, max, types[type as keyof typeof types]);
      const where = `${type} ${symmetric ? "symmetric" : "asymmetric"} [${min}, ${max}]`;
      assert.equal(found.zeroPoint, zeroPoint, where);
      assert.equal(found.scale, scale, where);
    }
  });

  it("in single values, halves among them", () => {
    for (const { type, scale, zeroPoint, values, quantized } of golden.values) {
      const params = { type: types[type as keyof typeof types], scale, zeroPoint };
      assert.deepEqual([...quantizeAll(values, params)], quantized);
    }
  });

  it("has 127 for the middle of UINT8", () => {
    assert.equal(symmetricParams(-3, 1, uint8).zeroPoint, 127);
  });
});

describe("ONNX Runtime", () => {
  const roundTripModel = ({ type, scale, zeroPoint }: QuantParams, name: string) => {
    const zero = type.name === "int8" ? Int8Array.of(zeroPoint) : Uint8Array.of(zeroPoint);
    return writeParts(name, {
      nodes: [
        makeNode("QuantizeLinear", ["x", "scale", "zero"], ["q"]),
        makeNode("DequantizeLinear", ["q", "scale", "zero"], ["y"]),
      ],
      initializers: [floatScalar("scale", scale), makeTensor("zero", type.elementType, [], zero)],
      inputs: [makeValue("x", 1, ["N"])],
      outputs: [makeValue("y", 1, ["N"]), makeValue("q", type.elementType, ["N"])],
    });
  };

  for (const [i, params] of [
    asymmetricParams(-1, 3, uint8),
    asymmetricParams(-0.3, 0.01, int8),
    symmetricParams(-2, 5, int8),
    symmetricParams(-2, 5, uint8),
  ].entries())
    it(`quantizes as the simulator does: ${params.type.name}, zero point ${params.zeroPoint}`, async () => {
      const data = Float32Array.from({ length: 20_000 }, (_, k) => Math.fround((k - 10_000) * params.scale * 0.0173));
      const { y, q } = await reference(roundTripModel(params, `pair-${i}`), { x: floats([data.length], data) });
      const ours = quantizeAll(data, params);
      const [integers, reals] = [Array.from((q?.data ?? []) as Int8Array), Array.from((y?.data ?? []) as Float32Array)];
      let off = 0;
      for (const [k, value] of ours.entries()) {
        const distance = Math.abs(value - Number(integers[k]));
        assert.ok(distance <= 1, `${data[k]}: ${value} against ${integers[k]}`);
        if (distance > 0) off++;
        else assert.equal(dequantize(value, params), reals[k]);
      }
      assert.ok(off <= 2, `${off} of ${ours.length} differ by one`);
    });

  it("casts to FP16 as toHalf does, over all magnitudes", async () => {
    const data = Float32Array.from(
      { length: 40_000 },
      (_, k) => (k % 2 ? -1 : 1) * 2 ** (k / 1000 - 26) * (1 + (k % 7) / 7),
    );
    data.set([0, -0, 65504, 65519.99, 65520, 1e9, 2 ** -24, 2 ** -25, 1.5 * 2 ** -24, Number.POSITIVE_INFINITY]);
    const path = writeParts("cast", {
      nodes: [makeNode("Cast", ["x"], ["y"], { to: ElementType.float16 })],
      inputs: [makeValue("x", 1, ["N"])],
      outputs: [makeValue("y", ElementType.float16, ["N"])],
    });
    const { y } = await reference(path, { x: floats([data.length], data) });
    assert.deepEqual(Array.from(toHalf(data)), Array.from((y?.data ?? []) as Uint16Array));
  });
});

describe("a bias that does not fit 32 bits", () => {
  const bias = Float32Array.of(1e6, -3e7, 0.5);
  const inputScale = 1e-4;

  it("would be clipped at the scales that the weights want", () => {
    const { values } = quantizeBias(bias, inputScale, Float32Array.of(1e-5, 1e-5, 1e-5));
    assert.deepEqual([...values].slice(0, 2), [2147483647, -2147483648]);
  });

  it("raises the scales of its channels, and of no other", () => {
    const view = channelView(Float32Array.of(1e-3, -1e-3, 5e-4, 1e-3, 0.5, 0.25), [3, 2], 0);
    const least = leastScales(bias, inputScale, false);
    const { values, scales } = quantizeWeight(view, { atLeast: least });
    const plain = quantizeWeight(view);
    assert.ok((scales[1] as number) > (plain.scales[1] as number));
    assert.equal(scales[2], plain.scales[2]);
    assert.deepEqual([...values.slice(4)], [...plain.values.slice(4)]);
    const integers = quantizeBias(bias, inputScale, scales);
    for (const [i, q] of integers.values.entries()) {
      const back = q * (integers.scales[i] as number);
      assert.ok(
        Math.abs(back - (bias[i] as number)) <= Math.abs(bias[i] as number) * 1e-6 + (integers.scales[i] as number),
        `${back}`,
      );
    }
  });
});

// SPDX-License-Identifier: Apache-2.0
// Models of old operator sets, raised: ONNX Runtime computes the same numbers before and after.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { reproducibleNumbers } from "../../bench/models/graph.js";
import { modelBytes } from "../../src/optimize/onnx/codec.js";
import { readModel } from "../../src/optimize/onnx/model-file.js";
import { type AttributeValue, makeNode, makeValue } from "../../src/optimize/onnx/node.js";
import { opsetOf, upgradeOpset } from "../../src/optimize/onnx/opset.js";
import { int64Tensor, makeTensor } from "../../src/optimize/onnx/tensor-data.js";
import { floats, type ReferenceTensor, reference } from "../reference.js";
import { networks, writeDraft, writeParts } from "./model-files.js";

let drafts = 0;

interface OldNode {
  op: string;
  opset: number;
  attributes?: Record<string, AttributeValue>;
  /** Names of constants after the data. */
  inputs?: string[];
  outputs?: string[];
  shape?: number[];
}

function oldModel({ op, opset, attributes = {}, inputs = [], outputs = ["y"], shape = [2, 3, 4, 5] }: OldNode): string {
  const constants = [
    makeTensor("scales", 1, [4], Float32Array.of(1, 1, 2, 2)),
    int64Tensor("k", [2]),
    makeTensor("vector", 1, [3], Float32Array.of(0.5, 1, 2)),
    makeTensor("updates", 1, [1, 1, 1, 1], Float32Array.of(9)),
    makeTensor("indices", 7, [1, 1, 1, 1], BigInt64Array.of(1n)),
  ];
  const open = (name: string, type = 1) => ({ name, type: { tensorType: { elemType: type } }, metadataProps: [] });
  return writeParts(`old-${++drafts}`, {
    nodes: [makeNode(op, ["x", ...inputs], outputs, attributes)],
    initializers: constants.filter(({ name = "" }) => inputs.includes(name)),
    inputs: [makeValue("x", 1, shape)],
    outputs: outputs.map((name) => open(name, name === "index" ? 7 : 1)),
    opset,
  });
}

async function raised(path: string, target: number): Promise<string> {
  const model = await readModel(path);
  upgradeOpset(model, target);
  assert.equal(opsetOf(model), target);
  return writeDraft(`raised-${++drafts}.onnx`, modelBytes(model.proto));
}

async function assertSame(before: string, after: string, feeds: Record<string, ReferenceTensor>): Promise<void> {
  const [expected, actual] = [await reference(before, feeds), await reference(after, feeds)];
  assert.deepEqual(Object.keys(actual), Object.keys(expected));
  for (const [name, { dims, data }] of Object.entries(expected)) {
    assert.deepEqual(actual[name]?.dims, dims, name);
    assert.deepEqual(actual[name]?.data, data, name);
  }
}

const cases: Record<string, OldNode> = {
  "Clip with bounds": { op: "Clip", opset: 9, attributes: { min: { float: -0.5 }, max: { float: 0.5 } } },
  "Clip with one bound": { op: "Clip", opset: 10, attributes: { max: { float: 0.25 } } },
  "Clip without bounds": { op: "Clip", opset: 9 },
  Slice: { op: "Slice", opset: 9, attributes: { axes: [2, 3], starts: [1, -3], ends: [2 ** 53, 4] } },
  "Slice from the first axis": { op: "Slice", opset: 9, attributes: { starts: [1], ends: [2] } },
  Squeeze: { op: "Squeeze", opset: 11, attributes: { axes: [1] }, shape: [2, 1, 4] },
  "Squeeze of all": { op: "Squeeze", opset: 11, shape: [2, 1, 4] },
  Unsqueeze: { op: "Unsqueeze", opset: 11, attributes: { axes: [0, 2] }, shape: [2, 3] },
  Pad: { op: "Pad", opset: 9, attributes: { pads: [0, 0, 1, 1, 0, 0, 1, 2], value: { float: 1.5 } } },
  "Pad by reflection": { op: "Pad", opset: 9, attributes: { pads: [0, 0, 1, 1, 0, 0, 1, 2], mode: "reflect" } },
  "Upsample to nearest": { op: "Upsample", opset: 9, inputs: ["scales"], attributes: { mode: "nearest" } },
  "Upsample, linear": { op: "Upsample", opset: 9, inputs: ["scales"], attributes: { mode: "linear" } },
  "Upsample of 7": { op: "Upsample", opset: 7, attributes: { scales: { floats: [1, 1, 2, 3] } } },
  Resize: { op: "Resize", opset: 10, inputs: ["scales"], attributes: { mode: "nearest" } },
  "Softmax over the rest": { op: "Softmax", opset: 9 },
  "Softmax over the last": { op: "Softmax", opset: 11, attributes: { axis: 3 } },
  "LogSoftmax over two dims": { op: "LogSoftmax", opset: 11, attributes: { axis: 2 } },
  Dropout: { op: "Dropout", opset: 10, attributes: { ratio: { float: 0.4 } } },
  BatchNormalization: { op: "BatchNormalization", opset: 9, inputs: ["vector", "vector", "vector", "vector"] },
  "Split into equal parts": { op: "Split", opset: 11, attributes: { axis: 2 }, outputs: ["a", "b"] },
  "Split into parts": { op: "Split", opset: 11, attributes: { axis: 3, split: [2, 3] }, outputs: ["a", "b"] },
  ReduceSum: { op: "ReduceSum", opset: 11, attributes: { axes: [1, 2], keepdims: 0 } },
  "ReduceSum of all": { op: "ReduceSum", opset: 11 },
  TopK: { op: "TopK", opset: 9, attributes: { k: 2 }, outputs: ["y", "index"] },
  Scatter: { op: "Scatter", opset: 9, inputs: ["indices", "updates"], attributes: { axis: 1 } },
};

describe("an operator set that cannot be raised", () => {
  it("is told when it is too old", async () => {
    const model = await readModel(oldModel({ op: "Relu", opset: 6 }));
    assert.throws(() => upgradeOpset(model, 13), {
      code: "ERR_UNSUPPORTED",
      message: /expected operator set 7 to 17, got 6/,
    });
  });

  it("is told when it is to become too new", async () => {
    const model = await readModel(networks.digits);
    assert.throws(() => upgradeOpset(model, 99), { code: "ERR_UNSUPPORTED", message: /got 17 to be raised to 99/ });
  });

  it("is told for a normalization per pixel", async () => {
    const model = await readModel(oldModel({ op: "BatchNormalization", opset: 8, attributes: { spatial: 0 } }));
    assert.throws(() => upgradeOpset(model, 13), { code: "ERR_UNSUPPORTED", message: /normalizes each pixel/ });
  });
});

describe("an operator of an old set computes the same after the upgrade", () => {
  for (const [name, node] of Object.entries(cases))
    for (const target of [13, 17])
      it(`${name}, ${node.opset} to ${target}`, async () => {
        const before = oldModel(node);
        const shape = node.shape ?? [2, 3, 4, 5];
        const x = floats(
          shape,
          reproducibleNumbers(
            3,
            shape.reduce((a, b) => a * b, 1),
          ),
        );
        await assertSame(before, await raised(before, target), { x });
      });
});

describe("a whole network computes the same after the upgrade", () => {
  const shapes: Record<string, number[]> = {
    detection: [1, 3, 96, 160],
    recognition: [1, 3, 48, 120],
    orientation: [1, 3, 48, 192],
  };
  for (const [name, shape] of Object.entries(shapes))
    it(name, async () => {
      const path = networks[name as keyof typeof networks];
      const x = floats(
        shape,
        reproducibleNumbers(
          5,
          shape.reduce((a, b) => a * b, 1),
        ),
      );
      await assertSame(path, await raised(path, 13), { x });
    });

  it("and one that is new enough stays as it is", async () => {
    const model = await readModel(networks.voice);
    const before = modelBytes(model.proto);
    upgradeOpset(model, 13);
    assert.deepEqual(modelBytes(model.proto), before);
  });
});

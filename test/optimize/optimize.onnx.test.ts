// SPDX-License-Identifier: Apache-2.0
// Reading and writing ONNX files: damage is told, what was not touched comes back byte for byte, external data too.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { describe, it } from "node:test";
import fc from "fast-check";
import onnxProto from "onnx-proto";
import { decodeModel, modelBytes } from "../../src/optimize/onnx/codec.js";
import { Graph } from "../../src/optimize/onnx/graph.js";
import type { GraphProto } from "../../src/optimize/onnx/messages.js";
import { allInitializers, readModel, writeModel } from "../../src/optimize/onnx/model-file.js";
import { makeModel, makeNode, makeValue, setAttribute } from "../../src/optimize/onnx/node.js";
import { floatValues, makeTensor, tensorValues } from "../../src/optimize/onnx/tensor-data.js";
import { modelPath } from "../models/make.mjs";
import { floats, reference } from "../reference.js";
import { draftPath, networks, smallModels, writeDraft, writeParts } from "./model-files.js";

const { onnx } = onnxProto;
const graphOf = async (path: string) => (await readModel(path)).proto.graph as GraphProto;

describe("a model that cannot be read", () => {
  const loadFailed = (message: RegExp) => ({ code: "ERR_LOAD_FAILED", message });

  it("is told when there is none", async () => {
    await assert.rejects(readModel(draftPath("absent.onnx")), {
      code: "ERR_MODEL_NOT_FOUND",
      message: /no file .*absent/,
    });
  });

  for (const name of ["corrupt", "truncated", "empty"])
    it(`is told when it is ${name}`, async () => {
      await assert.rejects(readModel(modelPath(name)), loadFailed(/expected an ONNX model|is no ONNX model/));
    });

  it("is told wherever it was cut off", () => {
    const whole = readFileSync(modelPath("mlp_tiny"));
    for (let length = 1; length < whole.length; length += 7) {
      try {
        decodeModel(whole.subarray(0, length)); // a cut between two fields leaves a valid message
      } catch (error) {
        assert.match(String(error), /expected an ONNX model, found/);
      }
    }
  });

  it("never crashes on random bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        try {
          decodeModel(bytes);
        } catch (error) {
          assert.equal((error as { code?: string }).code, "ERR_LOAD_FAILED");
        }
      }),
    );
  });

  it("is told when its nodes form a circle", async () => {
    const nodes = [makeNode("Relu", ["b"], ["a"]), makeNode("Relu", ["a"], ["b"])];
    const value = (name: string) => makeValue(name, 1, [1]);
    const path = writeParts("circle", { nodes, inputs: [value("x")], outputs: [value("b")] });
    const graph = new Graph(await readModel(path));
    assert.throws(() => graph.sort(), loadFailed(/cycle through node '[ab]'/));
  });

  for (const location of ["../secret.bin", "/etc/passwd", "a/../../b", ""])
    it(`is told when its weights lie at '${location}'`, () => {
      const tensor = makeTensor("w", 1, [1], Float32Array.of(1));
      const outside = { ...tensor, dataLocation: 1, externalData: [{ key: "location", value: location }] };
      assert.throws(() => tensorValues(outside, dirname(networks.digits)), loadFailed(/expected a path below/));
    });

  it("is told when external data end early", async () => {
    const tensor = makeTensor("w", 1, [4], new Float32Array(4));
    writeFileSync(draftPath("short.bin"), new Uint8Array(8));
    const entries = Object.entries({ location: "short.bin", offset: "0", length: "16" });
    const externalData = entries.map(([key, value]) => ({ key, value }));
    const outside = { ...tensor, dataLocation: 1, externalData };
    assert.throws(() => tensorValues(outside, dirname(draftPath("x"))), loadFailed(/ends at byte 16 .* which has 8/));
  });

  it("is told when a weight's bytes do not fit its shape", () => {
    const tensor = makeTensor("w", 1, [3], new Float32Array(2));
    assert.throws(() => floatValues(tensor, ""), loadFailed(/initializer 'w' has 8 bytes for shape \[3\]/));
    assert.throws(() => floatValues({ ...tensor, dataType: 8 }, ""), loadFailed(/element type 8/));
  });
});

describe("a model that nobody changed", () => {
  for (const path of [...Object.values(networks), ...smallModels])
    it(`is written as it was read: ${path.split("/").slice(-3).join("/")}`, async () => {
      const bytes = readFileSync(path);
      assert.ok(bytes.equals(modelBytes(decodeModel(bytes))));
    });

  it("keeps fields that this reader does not know", () => {
    const bytes = readFileSync(modelPath("simple"));
    const unknown = Uint8Array.of(0xfa, 0x3e, 3, 1, 2, 3); // field 1007, three bytes
    const model = decodeModel(Buffer.concat([bytes, unknown]));
    model.producerName = "changed";
    assert.ok(Buffer.from(modelBytes(model)).subarray(-unknown.length).equals(unknown));
  });
});

describe("a model that was changed", () => {
  it("has the change and nothing else, by an independent reader", async () => {
    const bytes = new Uint8Array(readFileSync(networks.voice)); // a Buffer would show in the comparison
    const model = decodeModel(bytes);
    const node = model.graph?.node.find(({ opType }) => opType === "If");
    assert.ok(node);
    node.name = "renamed";
    const [before, after] = [bytes, modelBytes(model)].map((all) =>
      onnx.ModelProto.toObject(onnx.ModelProto.decode(all)),
    );
    const renamed = before?.graph.node.find(({ opType }: { opType: string }) => opType === "If");
    renamed.name = "renamed";
    assert.deepEqual(after, before);
  });

  it("is what an independent reader reads, whatever it holds", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 8 });
    const int = fc.oneof(fc.integer(), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }));
    const float = fc.float({ noNaN: true });
    fc.assert(
      fc.property(text, fc.array(int), fc.array(float), fc.uint8Array(), (name, ints, numbers, raw) => {
        const node = makeNode("Op", [name, ""], ["y"], { floats: { floats: numbers }, f: { float: 0.5 }, s: name });
        setAttribute(node, "ints", ints);
        const tensor = { ...makeTensor(name, 2, [raw.length], raw), floatData: numbers, int64Data: ints };
        const bytes = modelBytes(makeModel({ nodes: [node], initializers: [tensor], inputs: [], outputs: [] }));
        const read = onnx.ModelProto.decode(bytes).graph;
        const attributes = Object.fromEntries((read?.node?.[0]?.attribute ?? []).map((one) => [one.name, one]));
        assert.deepEqual(attributes.ints?.ints?.map(String), ints.map(String));
        assert.deepEqual(attributes.floats?.floats, numbers);
        assert.equal(new TextDecoder().decode(attributes.s?.s as Uint8Array), name);
        const weight = read?.initializer?.[0];
        assert.deepEqual([weight?.name, weight?.dims?.map(Number)], [name, [raw.length]]);
        assert.deepEqual(Array.from(weight?.rawData ?? []), [...raw]);
        assert.deepEqual([weight?.floatData, weight?.int64Data?.map(String)], [numbers, ints.map(String)]);
        assert.deepEqual(modelBytes(decodeModel(bytes)), bytes);
      }),
    );
  });
});

describe("tensor data", () => {
  it("is read from whichever field holds it", () => {
    const empty = { ...makeTensor("w", 1, [2], new Float32Array(2)), rawData: undefined as unknown as Uint8Array };
    const { rawData: _none, ...fields } = empty;
    assert.deepEqual([...floatValues({ ...fields, floatData: [1.5, -2] }, "")], [1.5, -2]);
    const values = (dataType: number, more: object) => [
      ...(tensorValues({ ...fields, dataType, ...more }, "") as Int8Array),
    ];
    assert.deepEqual(values(3, { int32Data: [-1, 2] }), [-1, 2]);
    assert.deepEqual(values(7, { int64Data: [-1, 2n ** 62n] }), [-1n, 2n ** 62n]);
    assert.deepEqual(values(13, { uint64Data: [1, 2] }), [1n, 2n]);
    assert.deepEqual(values(11, { doubleData: [0.1, 2] }), [0.1, 2]);
  });

  it("is a view of the file where it is aligned", () => {
    const raw = new Uint8Array(new Float32Array([1, 2, 3]).buffer);
    const tensor = { ...makeTensor("w", 1, [3], new Float32Array(3)), rawData: raw };
    assert.equal(floatValues(tensor, "").buffer, raw.buffer);
  });
});

describe("external data", () => {
  it("is written where a model outgrows its file, and ONNX Runtime reads it", async () => {
    const path = draftPath("outside.onnx");
    writeModel(path, await readModel(networks.digits), { inlineBytes: 100 });
    const outside = [...allInitializers(await graphOf(path))].filter(({ dataLocation }) => dataLocation === 1);
    assert.ok(outside.length > 2);
    assert.ok(statSync(path).size < 10_000 && statSync(`${path}.data`).size > 80_000);
    const image = floats([1, 28, 28, 1], new Float32Array(784).fill(0.3));
    const [moved, original] = [await reference(path, { image }), await reference(networks.digits, { image })];
    assert.deepEqual(moved.probabilities?.data, original.probabilities?.data);
  });

  it("goes along to another folder", async () => {
    const source = modelPath("external");
    const model = await readModel(source);
    mkdirSync(draftPath("elsewhere"));
    const path = draftPath("elsewhere/external.onnx");
    writeModel(path, model);
    const [before, after] = await Promise.all([source, path].map(readModel));
    for (const [i, tensor] of [...allInitializers(before?.proto.graph)].entries()) {
      const copy = [...allInitializers(after?.proto.graph)][i];
      assert.ok(copy);
      assert.deepEqual(tensorValues(copy, dirname(path)), tensorValues(tensor, dirname(source)));
    }
  });

  it("starts on page boundaries", async () => {
    const weights = ["a", "b"].map((name) => makeTensor(name, 1, [1, 500], new Float32Array(500).fill(1)));
    const nodes = [makeNode("Add", ["x", "a"], ["t"]), makeNode("Add", ["t", "b"], ["y"])];
    const value = (name: string) => makeValue(name, 1, ["N", 500]);
    const model = makeModel({ nodes, initializers: weights, inputs: [value("x")], outputs: [value("y")] });
    const path = draftPath("pages.onnx");
    writeModel(path, { proto: model, directory: "" }, { inlineBytes: 0 });
    const places = (await graphOf(path)).initializer.map(
      ({ externalData }) => externalData.find(({ key }) => key === "offset")?.value,
    );
    assert.deepEqual(places, ["0", "4096"]);
    const { y } = await reference(path, { x: floats([1, 500], new Float32Array(500)) });
    assert.deepEqual(y?.data, new Float32Array(500).fill(2));
  });
});

describe("a graph", () => {
  it("knows who makes and who reads a tensor, also from inside a body", async () => {
    const graph = new Graph(await readModel(networks.voice));
    const branch = graph.nodes.find(({ opType }) => opType === "If");
    assert.ok(branch);
    assert.ok(graph.consumers("input").includes(branch), "the If captures the input");
    assert.equal(graph.producer(branch.output[0]), branch);
  });

  it("is put in order, and stays what it is", async () => {
    const { proto, directory } = await readModel(networks.digits);
    const shuffled = {
      ...proto,
      graph: { ...(proto.graph as GraphProto), node: [...(proto.graph?.node ?? [])].reverse() },
    };
    const graph = new Graph({ proto: shuffled, directory });
    graph.sort();
    const path = writeDraft("sorted.onnx", modelBytes(shuffled));
    const image = floats([1, 28, 28, 1], new Float32Array(784).fill(0.3));
    const outputs = await Promise.all([path, networks.digits].map((file) => reference(file, { image })));
    assert.deepEqual(outputs[0]?.probabilities?.data, outputs[1]?.probabilities?.data);
  });
});

// SPDX-License-Identifier: Apache-2.0
// `prune --pattern 2:4`: which weights become zero, which layers can have it, and how many may.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { describe, it } from "node:test";
import fc from "fast-check";
import { GraphBuilder } from "../../bench/models/graph.js";
import { Graph } from "../../src/optimize/onnx/graph.js";
import { readModel } from "../../src/optimize/onnx/model-file.js";
import { intOf, isOp } from "../../src/optimize/onnx/node.js";
import { damage, patterned } from "../../src/optimize/prune/pattern.js";
import { type SparsifyOptions, sparsifyModel } from "../../src/optimize/prune/sparsify.js";
import { sparseHtml } from "../../src/optimize/report/sparse-html.js";
import { sparseText } from "../../src/optimize/report/sparse-text.js";
import { compareDigits, digitFile, floatFeed } from "./digit-samples.js";
import { draftPath, networks, writeDraft } from "./model-files.js";

const sparsifyDigits = (name: string, more: Partial<SparsifyOptions> = {}) =>
  sparsifyModel({
    ...{ model: networks.wideDigits, output: draftPath(name), calibration: digitFile(name, 128), maxSamples: 128 },
    ...more,
  });

describe("two of four weights", () => {
  it("go, along the input channels: those that are given least", () => {
    const values = Float32Array.of(4, 3, 2, 1, -1, -2, -3, -4);
    assert.deepEqual(
      patterned({ dims: [2, 4], values }, 1, undefined).values,
      Float32Array.of(4, 3, 0, 0, 0, 0, -3, -4),
    );
    const energy = Float64Array.of(0.01, 1, 1, 100);
    assert.deepEqual(patterned({ dims: [2, 4], values }, 1, energy).values, Float32Array.of(0, 3, 0, 1, 0, 0, -3, -4));
    const columns = Float32Array.of(1, 8, 2, 7, 3, 6, 4, 5);
    assert.deepEqual(
      patterned({ dims: [4, 2], values: columns }, 0, undefined).values,
      Float32Array.of(0, 8, 0, 7, 3, 0, 4, 0),
    );
    assert.deepEqual(values, Float32Array.of(4, 3, 2, 1, -1, -2, -3, -4), "the original stays");
  });

  it("go wherever they stand, and the others stay as they are", () => {
    const number = fc.float({ noNaN: true, noDefaultInfinity: true, min: -100, max: 100 });
    const shape = fc.record({
      outputs: fc.nat(3),
      fours: fc.integer({ min: 1, max: 3 }),
      kernel: fc.integer({ min: 1, max: 3 }),
    });
    fc.assert(
      fc.property(shape, fc.infiniteStream(number), ({ outputs, fours, kernel }, numbers) => {
        const dims = [outputs + 1, 4 * fours, kernel];
        const values = Float32Array.from(
          { length: (outputs + 1) * 4 * fours * kernel },
          () => numbers.next().value ?? 0,
        );
        const result = patterned({ dims, values }, 1, undefined).values as Float32Array;
        for (let at = 0; at < values.length; at++) {
          if (Math.floor(at / kernel) % 4 !== 0) continue;
          const four = [0, 1, 2, 3].map((k) => at + k * kernel);
          const [was, is] = [values, result].map((of) =>
            four.map((i) => Math.abs(of[i] as number)).sort((a, b) => b - a),
          );
          assert.deepEqual(is?.slice(0, 2), was?.slice(0, 2));
          assert.ok((is?.[2] ?? 1) === 0 && (is?.[3] ?? 1) === 0);
        }
      }),
    );
  });

  it("cost what they carry", () => {
    const values = Float32Array.of(1, 1, 1, 1, 3, 1, 0, 0);
    assert.equal(damage({ dims: [2, 4], values }, 1, undefined), 2 / 14);
    assert.equal(damage({ dims: [2, 4], values: new Float32Array(8) }, 1, undefined), 0);
  });
});

describe("a network with zeros for sparse kernels", () => {
  it("reads digits as before, in a file of the same shape", async () => {
    const { report, missed } = await sparsifyDigits("sparse.onnx", { maxDrop: 0.02 });
    assert.deepEqual(missed, []);
    assert.deepEqual(Object.values(report.skipped), ["its 1 input channels are no multiple of 4"]);
    assert.ok(report.layers.length === 3 && report.layers.every(({ sparse }) => sparse));
    const model = await readModel(draftPath("sparse.onnx"));
    const graph = new Graph(model);
    for (const node of graph.nodes.filter((one) => isOp(one, "Conv", "Gemm"))) {
      const values = graph.floats(node.input[1]) ?? new Float32Array();
      const zeros = values.reduce((count, value) => count + (value === 0 ? 1 : 0), 0);
      const first = (graph.initializer(node.input[1])?.dims[1] ?? 0) === 1 && intOf(node, "group", 1) === 1;
      assert.ok(first ? zeros < values.length / 4 : zeros >= values.length / 2, `${zeros} of ${values.length}`);
    }
    const { value = "" } = model.proto.metadataProps.find(({ key }) => key === "ortserve.prune") ?? {};
    assert.deepEqual([JSON.parse(value).pattern, JSON.parse(value).layers], ["2:4", 3]);
    const { drop } = await compareDigits(draftPath("sparse.onnx"), floatFeed, networks.wideDigits);
    assert.ok(drop <= 0.01, `accuracy drops by ${drop}`);
    assert.match(sparseText(report), /3 have two zeros in four, 1 have not/);
    assert.match(sparseHtml(report, []), /its 1 input channels are no multiple of 4/);
  });

  it("keeps the layers dense that would lose most, as far as the goal asks", async () => {
    const whole = await sparsifyDigits("wholly.onnx", { maxDrop: 1 });
    const minSqnr = whole.report.quality.sqnr + 1;
    const { report, missed } = await sparsifyDigits("partly.onnx", { minSqnr, maxDrop: 1 });
    assert.deepEqual(missed, []);
    const sparse = report.layers.filter((layer) => layer.sparse);
    assert.ok(sparse.length > 0 && sparse.length < 3, `${sparse.length} layers`);
    assert.ok(report.quality.sqnr >= minSqnr);
    const dense = report.layers.filter((layer) => !layer.sparse);
    assert.ok(Math.max(...sparse.map((one) => one.damage)) <= Math.min(...dense.map((one) => one.damage)));
    assert.match(report.warnings.join(), /stay dense: quality allows no more/);
  });

  it("is not written when no layer can have it", async () => {
    const { missed } = await sparsifyDigits("none.onnx", { minSqnr: 150, maxDrop: 1 });
    assert.match(missed.join(), /at least 150 dB was asked for/);
    assert.equal(existsSync(draftPath("none.onnx")), false);
    const model = writeDraft("threes.onnx", new GraphBuilder(1).dense(3, 5).relu().dense(5, 6).finish([3], 6));
    await assert.rejects(sparsifyDigits("none.onnx", { model, calibration: "random" }), {
      code: "ERR_UNSUPPORTED",
      message: /no layer can take the pattern, for example '.*': its 3 input channels are no multiple of 4/,
    });
  });
});

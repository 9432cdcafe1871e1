// SPDX-License-Identifier: Apache-2.0
// `prune` from end to end: what it refuses, what is left of the digits model, inputs and outputs that go, and quantization after it.
import assert from "node:assert/strict";
import { existsSync, statSync } from "node:fs";
import { describe, it } from "node:test";
import { GraphBuilder, reproducibleNumbers } from "../../bench/models/graph.js";
import { decodeModel, modelBytes } from "../../src/optimize/onnx/codec.js";
import { ElementType } from "../../src/optimize/onnx/messages.js";
import { readModel } from "../../src/optimize/onnx/model-file.js";
import { proveEquivalence } from "../../src/optimize/prune/equivalence.js";
import { PortCut } from "../../src/optimize/prune/ports.js";
import { type PruneOptions, pruneModel } from "../../src/optimize/prune/prune.js";
import { Removal } from "../../src/optimize/prune/surgery.js";
import { traceChannels } from "../../src/optimize/prune/trace.js";
import { quantizeModel } from "../../src/optimize/quantize/quantize.js";
import { Workbench } from "../../src/optimize/run/workbench.js";
import { Model } from "../../src/runtime/model.js";
import { Tensor } from "../../src/runtime/tensor.js";
import { floats, reference } from "../reference.js";
import { byteFeed, compareDigits, digitFile, floatFeed } from "./digit-samples.js";
import { draftPath, networks, writeDraft } from "./model-files.js";
import { npy } from "./sample-files.js";

/** Speed is no matter in tests: machines that run them are busy. */
const pruneDigits = (output: string, samples: number, more: Partial<PruneOptions> = {}) =>
  pruneModel({
    model: networks.digits,
    output: draftPath(output),
    calibration: digitFile(output, samples),
    minSpeedup: 0,
    maxSamples: samples,
    ...more,
  });

/** Rows of 24 numbers of which every other four are 0. */
function halfDeadRows(name: string, count: number): string {
  const rows = reproducibleNumbers(5, count * 24).map((value, i) => (Math.floor(i / 4) % 2 === 0 ? value : 0));
  return writeDraft(`${name}.npy`, npy([count, 24], rows));
}

const perceptron = () => new GraphBuilder(31).dense(24, 64).relu().dense(64, 32).relu().dense(32, 6).finish([24], 6);

/** A model that gives the index of its largest score, as INT64. */
function indices(name: string, seed: number): string {
  const scores = new GraphBuilder(seed).dense(24, 64).relu().dense(64, 6);
  const proto = decodeModel(scores.append("ArgMax", [], { axis: 1 }).finish([24], 1));
  const type = proto.graph?.output[0]?.type?.tensorType;
  assert.ok(type);
  type.elemType = ElementType.int64;
  return writeDraft(name, modelBytes(proto));
}

describe("prune refuses", () => {
  const attempt = (more: Partial<PruneOptions>) => pruneDigits("refused.onnx", 12, more);

  it("a model that is quantized, since pruning comes first", async () => {
    const output = draftPath("int8.onnx");
    const calibration = digitFile("int8", 12);
    await quantizeModel({ model: networks.digits, output, calibration, minSpeedup: 0, maxDrop: 1 });
    await assert.rejects(attempt({ model: output }), {
      code: "ERR_UNSUPPORTED",
      message: /quantized already .*prune first, then quantize/,
    });
  });

  it("a model without channels that could go, and says what holds them", async () => {
    const model = writeDraft("only.onnx", new GraphBuilder(1).dense(8, 4).append("Softmax").finish([8], 4));
    await assert.rejects(attempt({ model, calibration: "random" }), {
      code: "ERR_UNSUPPORTED",
      message: /no channels that could go, for example those of '.*': Softmax works over it/,
    });
  });

  it("outputs to keep that are not there, or that a Softmax needs", async () => {
    await assert.rejects(attempt({ keepOutputs: "0-10" }), {
      code: "ERR_INVALID_ARGUMENT",
      message: /got '0-10'; outputs: probabilities \[-1,10\]/,
    });
    await assert.rejects(attempt({ keepOutputs: "0-3" }), {
      code: "ERR_UNSUPPORTED",
      message: /elements of output 'probabilities' cannot go: Softmax works over it/,
    });
  });

  it("to write what no sparsity makes good enough", async () => {
    const { missed, report } = await attempt({ minSqnr: 150, maxDrop: 1 });
    assert.match(missed.join(), /at least 150 dB was asked for/);
    assert.ok(report.attempts.length > 2, "smaller ones were tried");
    assert.equal(existsSync(draftPath("refused.onnx")), false);
  });
});

describe("digits without half of the channels", () => {
  it("are read after the rest was refitted, and not before", async () => {
    const { report, missed } = await pruneDigits("half.onnx", 400, { align: 1, maxDrop: 0.05 });
    assert.deepEqual(missed, []);
    assert.ok(Math.abs(report.sparsity.reached - 0.5) < 0.02);
    assert.ok(report.equivalence.error <= 1e-4);
    const [plain, refitted] = report.attempts;
    assert.ok(plain && refitted && !plain.refitted && refitted.refitted && refitted.drop < plain.drop / 4);
    const { drop } = await compareDigits(draftPath("half.onnx"));
    assert.ok(drop <= 0.02, `accuracy drops by ${drop}`);
    assert.ok(report.after.macs < 0.4 * report.before.macs);
    assert.ok(report.after.parameters < 0.4 * report.before.parameters);
    assert.ok(report.after.peakTensorBytes < 0.7 * report.before.peakTensorBytes);
    assert.equal(report.after.bytes, statSync(draftPath("half.onnx")).size);
    const { proto } = await readModel(draftPath("half.onnx"));
    const metadata = Object.fromEntries(proto.metadataProps.map(({ key, value }) => [key, value]));
    assert.equal(metadata.accuracy, "0.9920", "the original's metadata are kept");
    assert.equal(JSON.parse(metadata["ortserve.prune"] ?? "").refitted, true);
  });

  it("have channels in multiples of 8 and 16", async () => {
    const { report } = await pruneDigits("aligned.onnx", 100, { maxDrop: 1 });
    assert.deepEqual(
      report.groups.map(({ after, before }) => after % (before < 32 ? 8 : 16)),
      [0, 0, 0],
    );
    assert.ok(report.groups.some(({ after, before }) => after < before));
  });

  it("keep more where the goal asks for more", async () => {
    const { report, missed } = await pruneDigits("gated.onnx", 200, { align: 1, minSqnr: 36, maxDrop: 1 });
    assert.deepEqual(missed, []);
    assert.ok(report.sparsity.reached > 0.01 && report.sparsity.reached < 0.45, `${report.sparsity.reached}`);
    assert.ok(report.quality.sqnr >= 36);
    assert.match(report.warnings.join(), /are gone, not 50\.0 %/);
  });

  it("do the share of the work that was asked for", async () => {
    const { report } = await pruneDigits("macs.onnx", 100, { align: 1, macsRatio: 0.6, maxDrop: 1 });
    const ratio = report.after.macs / report.before.macs;
    assert.ok(ratio <= 0.6 && ratio > 0.5, `${ratio}`);
    assert.ok(!report.warnings.some((warning) => warning.includes("multiply-accumulates")));
    const { report: bounded } = await pruneDigits("bounded.onnx", 100, { align: 1, macsRatio: 0.01, maxDrop: 1 });
    assert.match(bounded.warnings.join(), /of the multiply-accumulates are left, not 1\.0 %/);
  });

  it("are quantized after that", async () => {
    await pruneDigits("first.onnx", 100, { sparsity: 0.25, maxDrop: 1 });
    const output = draftPath("then.onnx");
    const { report } = await quantizeModel({
      model: draftPath("first.onnx"),
      output,
      calibration: digitFile("then", 100),
      minSpeedup: 0,
      maxDrop: 0.05,
    });
    assert.deepEqual([report.fusion?.integer, report.fusion?.missed], [4, []]);
    const { proto } = await readModel(output);
    const keys = proto.metadataProps.map(({ key }) => key);
    assert.ok(keys.includes("ortserve.prune") && keys.includes("ortserve.quantize"));
    assert.ok((await compareDigits(output)).drop <= 0.05);
  });
});

describe("digits with room to spare", () => {
  for (const [sparsity, most, macs] of [
    [0.5, 0.007, 4],
    [0.75, 0.03, 12],
  ] as const)
    it(`lose at most ${1000 * most} in 1,000 right answers with ${100 * sparsity} % of the channels`, async () => {
      const model = networks.wideDigits;
      const output = `wide-${sparsity}.onnx`;
      const { report } = await pruneDigits(output, 512, { model, sparsity, align: 1, maxDrop: 1 });
      assert.ok(Math.abs(report.sparsity.reached - sparsity) < 0.01);
      assert.ok(report.before.macs > macs * report.after.macs);
      const { drop } = await compareDigits(draftPath(output), floatFeed, model);
      assert.ok(drop <= most, `accuracy drops by ${drop}`);
    });

  it("are read by a network that was pruned, then quantized, and takes bytes", async () => {
    const [model, small] = [networks.wideDigits, draftPath("wide-small.onnx")];
    await pruneDigits("wide-small.onnx", 256, { model, sparsity: 0.5, maxDrop: 0.02 });
    const output = draftPath("wide-bytes.onnx");
    const calibration = digitFile("wide-bytes", 256);
    const options = { model: small, output, calibration, inputU8: true, minSpeedup: 0, maxDrop: 0.02 };
    const { report, missed } = await quantizeModel(options);
    assert.deepEqual([missed, report.fusion?.missed], [[], []]);
    assert.ok(statSync(model).size > 12 * statSync(output).size, `${statSync(output).size} bytes`);
    assert.ok((await compareDigits(output, byteFeed, model)).drop <= 0.01);
  });
});

describe("the proof", () => {
  // On made-up pages there is no text: 1e-6 throughout, after a Sigmoid that ONNX Runtime computes to 6e-8.
  it("looks behind a Sigmoid that hides all differences, and what it lets pass can be quantized", async () => {
    const options = { calibration: "random", shapes: { x: [1, 3, 64, 64] }, maxDrop: 1, minSpeedup: 0 };
    const output = draftPath("text-half.onnx");
    const { report } = await pruneModel({ ...options, model: networks.detection, output });
    assert.ok(report.equivalence.error > 0 && report.equivalence.error <= 1e-4, `${report.equivalence.error}`);
    assert.ok(report.sparsity.reached >= 0.5 && report.after.macs < 0.4 * report.before.macs);
    const after = await quantizeModel({ ...options, model: output, output: draftPath("text-both.onnx") });
    assert.equal(after.report.layers.quantized, 62);
    assert.ok(after.report.bytes.after < report.before.bytes / 8, `${after.report.bytes.after} bytes`);
  });

  it("is made by the scores where a model gives indices alone", async () => {
    const [one, another] = [indices("one.onnx", 35), indices("another.onnx", 36)];
    const made = { calibration: "random", maxDrop: 1, minSpeedup: 0 };
    const { report } = await pruneModel({ ...made, model: one, output: draftPath("one-half.onnx") });
    assert.ok(report.equivalence.samples > 0 && report.equivalence.error <= 1e-4);
    const [bench, x] = [new Workbench(), new Tensor("FP32", reproducibleNumbers(4, 24), [1, 24])];
    const samples = { count: 1, inputs: async () => ({ x }), label: () => undefined };
    const { deps } = await traceChannels(bench, await readModel(one), { x });
    const ports = new PortCut(deps, new Removal(deps, []));
    await assert.rejects(proveEquivalence(bench, await readModel(one), await readModel(another), samples, ports), {
      code: "ERR_INTERNAL",
      message: /differs from the original without those channels by \d/,
    });
    bench.close();
  });
});

describe("least squares", () => {
  it("gives back exactly what other channels can tell", async () => {
    // Without a Relu between them, the 32 numbers in the middle are made of 8: any 8 of them tell all.
    const model = writeDraft("linear.onnx", new GraphBuilder(33).dense(8, 32).dense(32, 6).finish([8], 6));
    const calibration = writeDraft("linear.npy", npy([800, 8], reproducibleNumbers(3, 800 * 8)));
    const options = { model, output: draftPath("linear-cut.onnx"), calibration, minSpeedup: 0, maxDrop: 1 };
    const { report } = await pruneModel({ ...options, sparsity: 0.5, maxSamples: 800 });
    const [plain, refitted] = report.attempts;
    assert.ok((plain?.sqnr ?? 99) < 20 && (refitted?.sqnr ?? 0) > 40, `${plain?.sqnr} dB, ${refitted?.sqnr} dB`);
  });
});

describe("least squares for products without a bias", () => {
  it("give them one", async () => {
    const graph = new GraphBuilder(5);
    const weight = (rows: number, columns: number) =>
      graph.constant([rows, columns], reproducibleNumbers(rows + columns, rows * columns, 0.3));
    graph
      .append("MatMul", [weight(16, 64)])
      .relu()
      .append("MatMul", [weight(64, 8)]);
    const model = writeDraft("products.onnx", graph.finish([10, 16], [10, 8]));
    const calibration = writeDraft("products.npy", npy([64, 10, 16], reproducibleNumbers(3, 64 * 160)));
    const output = draftPath("products-cut.onnx");
    const { report, missed } = await pruneModel({ model, output, calibration, minSpeedup: 0, maxDrop: 1 });
    assert.deepEqual(missed, []);
    const [plain, refitted] = report.attempts;
    assert.ok((refitted?.sqnr ?? 0) > (plain?.sqnr ?? 0), `${plain?.sqnr} dB, ${refitted?.sqnr} dB`);
    const { proto } = await readModel(output);
    assert.ok(proto.graph?.node.some(({ opType }) => opType === "Add" || opType === "Gemm"));
  });
});

describe("inputs and outputs", () => {
  it("lose elements that do nothing, and callers notice nothing", async () => {
    const model = writeDraft("rows.onnx", perceptron());
    const output = draftPath("rows-cut.onnx");
    const calibration = halfDeadRows("rows", 40);
    const options = { model, output, calibration, minSpeedup: 0, maxDrop: 1, pruneInputs: true, sparsity: 0 };
    const { report } = await pruneModel(options);
    assert.deepEqual(report.ports, [{ name: "x", kind: "input", width: 24, live: "0-3,8-11,16-19", count: 12 }]);
    const rows = reproducibleNumbers(9, 3 * 24).map((value, i) => (Math.floor(i / 4) % 2 === 0 ? value : 0));
    const { y } = await reference(model, { x: floats([3, 24], rows) });
    const expected = y?.data as Float32Array;
    const close = (values: Tensor["data"]) => {
      for (const [i, value] of (values as Float32Array).entries())
        assert.ok(Math.abs(value - (expected[i] as number)) < 1e-5);
    };
    const cut = await Model.load(output);
    const whole = await cut.predict({ x: new Tensor("FP32", rows, [3, 24]) });
    close((whole.y as Tensor).data);
    const live = rows.filter((_, i) => Math.floor(i / 4) % 2 === 0);
    await cut.close();
    close((await reference(output, { x: floats([3, 12], live) })).y?.data as Float32Array);
  });

  it("are cut to the classes that are wanted", async () => {
    const model = writeDraft("classes.onnx", perceptron());
    const output = draftPath("classes-cut.onnx");
    const calibration = halfDeadRows("classes", 40);
    const options = { model, output, calibration, minSpeedup: 0, maxDrop: 0.01, sparsity: 0, keepOutputs: "0-1,4" };
    const { report, missed } = await pruneModel(options);
    assert.deepEqual([missed, report.quality.drop], [[], 0]);
    assert.deepEqual(report.ports, [{ name: "y", kind: "output", width: 6, live: "0-1,4", count: 3 }]);
    const x = floats([2, 24], reproducibleNumbers(11, 48));
    const [before, after] = [await reference(model, { x }), await reference(output, { x })];
    assert.deepEqual(after.y?.dims, [2, 3]);
    const all = before.y?.data as Float32Array;
    const wanted = [0, 1].flatMap((row) => [0, 1, 4].map((i) => all[6 * row + i] as number));
    const left = after.y?.data as Float32Array;
    assert.ok(wanted.every((value, i) => Math.abs(value - (left[i] as number)) < 1e-5));
  });
});

// SPDX-License-Identifier: Apache-2.0
// The graphs of the small committed models: one per behaviour of a model that a server must get right.

import { mlp, mlpTinyLayers } from "./networks.mjs";
import {
  boolScalar,
  elementTypes,
  externalFp32,
  fp32,
  int64,
  mapSequence,
  model,
  node,
  seeded,
  tensorSequence,
  value,
} from "./onnx.mjs";

const identity = (type, dims) =>
  model({
    name: "identity",
    input: [value("INPUT0", type, dims)],
    output: [value("OUTPUT0", type, dims)],
    node: [node("Identity", ["INPUT0"], ["OUTPUT0"])],
  });

const simple = () =>
  model({
    name: "simple",
    input: [value("INPUT0", "int32", ["batch", 16]), value("INPUT1", "int32", ["batch", 16])],
    output: [value("OUTPUT0", "int32", ["batch", 16]), value("OUTPUT1", "int32", ["batch", 16])],
    node: [node("Add", ["INPUT0", "INPUT1"], ["OUTPUT0"]), node("Sub", ["INPUT0", "INPUT1"], ["OUTPUT1"])],
  });

const rowsum = () =>
  model({
    name: "rowsum",
    input: [value("x", "fp32", ["batch", "width"])],
    output: [value("sum", "fp32", ["batch"])],
    initializer: [int64("axes", [1], [1])],
    node: [node("ReduceSum", ["x", "axes"], ["sum"], { keepdims: 0 })],
  });

const notBatched = () =>
  model({
    name: "not_batched",
    input: [value("x", "fp32", ["batch", 4])],
    output: [value("mean", "fp32", [4])],
    node: [node("ReduceMean", ["x"], ["mean"], { axes: [0], keepdims: 0 })],
  });

const crossRow = () =>
  model({
    name: "cross_row",
    input: [value("x", "fp32", ["batch", 4])],
    output: [value("y", "fp32", ["batch", 4])],
    node: [node("ReduceMean", ["x"], ["mean"], { axes: [0], keepdims: 1 }), node("Sub", ["x", "mean"], ["y"])],
  });

/** An input and a weight that are outputs, too. */
const passedOn = () =>
  model({
    name: "passed_on",
    input: [value("x", "fp32", ["batch", 4])],
    output: [value("y", "fp32", ["batch", 4]), value("x", "fp32", ["batch", 4]), value("w", "fp32", [4])],
    initializer: [fp32("w", [4], [1, 2, 3, 4])],
    node: [node("Mul", ["x", "w"], ["y"])],
  });

/** Rows mix only where numbers, or words, are other ones than 0 and 1, or "". */
const crossNumbers = () =>
  model({
    name: "cross_numbers",
    input: [value("x", "int64", ["batch", 1])],
    output: [value("y", "fp32", ["batch", 1])],
    initializer: [int64("one", [1], [1])],
    node: [
      node("Greater", ["x", "one"], ["above"]),
      node("Cast", ["above"], ["number"], { to: 1 }),
      node("ReduceMean", ["number"], ["mean"], { axes: [0], keepdims: 1 }),
      node("Sub", ["number", "mean"], ["y"]),
    ],
  });

const crossWords = () =>
  model({
    name: "cross_words",
    input: [value("s", "string", ["batch", 1])],
    output: [value("y", "int64", ["batch", 1])],
    node: [
      node("LabelEncoder", ["s"], ["number"], { keys_strings: ["ant", "bee"], values_int64s: [1, 2] }, "ai.onnx.ml"),
      node("ReduceMax", ["number"], ["most"], { axes: [0], keepdims: 1 }),
      node("Sub", ["number", "most"], ["y"]),
    ],
  });

const fixedBatch = () =>
  model({
    name: "fixed_batch",
    input: [value("x", "fp32", [2, 3])],
    output: [value("y", "fp32", [2, 3])],
    node: [node("Neg", ["x"], ["y"])],
  });

const failing = () =>
  model({
    name: "failing",
    input: [value("index", "int64", ["batch", 1])],
    output: [value("y", "fp32", ["batch", 1])],
    initializer: [fp32("table", [4], [10, 20, 30, 40])],
    node: [node("Gather", ["table", "index"], ["y"], { axis: 0 })],
  });

/**
 * `turns` matrix products of 256 x 256, then y = x + 0. All entries are 1/256, a fixed point of the product, so any number of
 * turns gives the same finite value; the matrices are made at run time to keep the file small.
 */
function loop(turns, inputs, before, initializers) {
  const body = {
    name: "turn",
    input: [value("turn", "int64", []), value("going", "bool", []), value("state", "fp32", [256, 256])],
    output: [value("going_on", "bool", []), value("next", "fp32", [256, 256])],
    node: [node("Identity", ["going"], ["going_on"]), node("MatMul", ["state", "weights"], ["next"])],
  };
  const filled = { value: fp32("entry", [1], [1 / 256]) };
  return model({
    name: "slow",
    input: [value("x", "fp32", ["batch", 4]), ...inputs],
    output: [value("y", "fp32", ["batch", 4])],
    initializer: [
      int64("square", [2], [256, 256]),
      int64("corner", [2], [0, 0]),
      fp32("zero", [], [0]),
      boolScalar("go", true),
      ...initializers,
    ],
    node: [
      ...before,
      node("ConstantOfShape", ["square"], ["weights"], filled),
      node("Loop", [turns, "go", "weights"], ["state_end"], { body }),
      node("GatherND", ["state_end", "corner"], ["state_corner"]),
      node("Mul", ["state_corner", "zero"], ["nothing"]),
      node("Add", ["x", "nothing"], ["y"]),
    ],
  });
}

const slow = () =>
  loop(
    "turns",
    [value("iterations", "int64", ["batch", 1])],
    [node("ReduceMax", ["iterations"], ["turns"], { keepdims: 0 })],
    [],
  );
const slowFixed = () => loop("turns", [], [], [int64("turns", [], [500])]);

const zipmap = (type, keys) =>
  model({
    name: "zipmap",
    input: [value("x", "fp32", ["batch", 4])],
    output: [value("label", "int64", ["batch"]), mapSequence("probabilities", type)],
    ...mlp("x", "scores", mlpTinyLayers, [
      node("ArgMax", ["scores"], ["label"], { axis: 1, keepdims: 0 }),
      node("ZipMap", ["scores"], ["probabilities"], keys, "ai.onnx.ml"),
    ]),
  });

const tensorSequences = () =>
  model({
    name: "seq_tensor",
    input: [value("x", "fp32", ["batch", 4])],
    output: [tensorSequence("items", "fp32", ["batch", 4])],
    node: [node("Add", ["x", "x"], ["double"]), node("SequenceConstruct", ["x", "double"], ["items"])],
  });

const optionalInput = () =>
  model({
    name: "optional_input",
    input: [value("x", "fp32", ["batch", 4]), value("scale", "fp32", [1])],
    output: [value("y", "fp32", ["batch", 4])],
    initializer: [fp32("scale", [1], [2])],
    node: [node("Mul", ["x", "scale"], ["y"])],
  });

const externalValues = seeded(11, 12, 1);
const external = () =>
  model({
    name: "external",
    input: [value("x", "fp32", ["batch", 4])],
    output: [value("y", "fp32", ["batch", 3])],
    initializer: [externalFp32("weights", [4, 3], "external.bin", externalValues.byteLength)],
    node: [node("MatMul", ["x", "weights"], ["y"])],
  });

const mixedInputs = () =>
  model({
    name: "two_inputs_mixed",
    input: [value("numbers", "fp32", ["batch", 3]), value("text", "string", ["batch", 1])],
    output: [value("numbers_out", "fp32", ["batch", 3]), value("text_out", "string", ["batch", 1])],
    node: [node("Identity", ["numbers"], ["numbers_out"]), node("Identity", ["text"], ["text_out"])],
  });

const bigOutput = () =>
  model({
    name: "big_output",
    input: [value("x", "fp32", ["batch", 1]), value("repeat", "int64", [1])],
    output: [value("y", "fp32", ["batch", "width"])],
    initializer: [int64("one", [1], [1])],
    node: [node("Concat", ["one", "repeat"], ["shape"], { axis: 0 }), node("Expand", ["x", "shape"], ["y"])],
  });

const patches = () =>
  model({
    name: "patches",
    input: [value("x", "fp32", ["batch", 1, "height", "width"])],
    output: [value("y", "fp32", ["batch", 1, "rows", "columns"])],
    initializer: [fp32("kernel", [1, 1, 3, 3], Array(9).fill(1))],
    node: [node("Conv", ["x", "kernel"], ["y"])],
  });

const wideOutput = () =>
  model({
    name: "wide_output",
    input: [value("x", "fp32", ["batch", 1])],
    output: [value("y", "fp32", ["batch", 250_000])],
    initializer: [int64("repeats", [2], [1, 250_000])],
    node: [node("Tile", ["x", "repeats"], ["y"])],
  });

const noise = () =>
  model({
    name: "noise",
    input: [value("x", "fp32", [4])],
    output: [value("y", "fp32", [4])],
    node: [node("RandomUniformLike", ["x"], ["y"])],
  });

const mlpTiny = () =>
  model({
    name: "mlp_tiny",
    input: [value("x", "fp32", ["batch", 4])],
    output: [value("y", "fp32", ["batch", 3])],
    ...mlp("x", "y", mlpTinyLayers),
  });

/** The committed files: name -> bytes. */
export function committedFiles() {
  const tiny = mlpTiny();
  return new Map([
    ...Object.keys(elementTypes).map((type) => [`ident_${type}.onnx`, identity(type, ["n"])]),
    ["ident2d_fp32.onnx", identity("fp32", ["n", "m"])],
    ["scalar_fp32.onnx", identity("fp32", [])],
    ["simple.onnx", simple()],
    ["mlp_tiny.onnx", tiny],
    ["rowsum.onnx", rowsum()],
    ["not_batched.onnx", notBatched()],
    ["passed_on.onnx", passedOn()],
    ["cross_row.onnx", crossRow()],
    ["cross_numbers.onnx", crossNumbers()],
    ["cross_words.onnx", crossWords()],
    ["fixed_batch.onnx", fixedBatch()],
    ["failing.onnx", failing()],
    ["slow.onnx", slow()],
    ["slow_fixed.onnx", slowFixed()],
    ["zipmap.onnx", zipmap("string", { classlabels_strings: ["ant", "bee", "cat"] })],
    ["zipmap_int.onnx", zipmap("int64", { classlabels_int64s: [7, 8, 9] })],
    ["seq_tensor.onnx", tensorSequences()],
    ["optional_input.onnx", optionalInput()],
    ["external.onnx", external()],
    ["external.bin", new Uint8Array(externalValues.buffer)],
    ["two_inputs_mixed.onnx", mixedInputs()],
    ["big_output.onnx", bigOutput()],
    ["wide_output.onnx", wideOutput()],
    ["noise.onnx", noise()],
    ["patches.onnx", patches()],
    ["corrupt.onnx", tiny.map((byte, at) => (at % 7 === 3 ? byte ^ 0x5a : byte))],
    ["truncated.onnx", tiny.subarray(0, tiny.length >> 1)],
    ["empty.onnx", new Uint8Array(0)],
  ]);
}

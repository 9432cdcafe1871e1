// SPDX-License-Identifier: Apache-2.0
// FP16 for the CUDA provider, which has no integer kernels: half the bytes, tensor cores, and casts where FP32 is needed.
import { Graph } from "../onnx/graph.js";
import { ElementType, type NodeProto, type TensorProto } from "../onnx/messages.js";
import type { OnnxModel } from "../onnx/model-file.js";
import { attributeOf, bodiesOf, intOf, isOp, makeNode, setAttribute } from "../onnx/node.js";
import { makeTensor } from "../onnx/tensor-data.js";
import type { Workbench } from "../run/workbench.js";
import { copyGraph } from "./write-pairs.js";

/** Sums and exponentials that FP16 loses, and operators that have no FP16 kernel or want FP32 inputs. */
const keptFloat = new Set([
  "Softmax",
  "LogSoftmax",
  "LayerNormalization",
  "InstanceNormalization",
  "ReduceSumSquare",
  "ReduceL2",
  "Pow",
  "Exp",
  "CumSum",
  "Range",
  "ConstantOfShape",
  "RandomNormal",
  "RandomUniform",
  "NonMaxSuppression",
  "RoiAlign",
  "LSTM",
  "GRU",
  "RNN",
]);
/** Largest finite FP16 number. */
const largestHalf = 65504;

export interface HalfResult {
  readonly model: OnnxModel;
  /** Nodes that compute in FP16. */
  readonly converted: readonly string[];
}

/** `wide`: tensors whose values do not fit FP16. Inputs and outputs of the model stay FP32. */
export async function convertToHalf(
  bench: Workbench,
  model: OnnxModel,
  wide: ReadonlySet<string>,
): Promise<HalfResult> {
  const types = await tensorTypes(bench, model);
  const draft = copyGraph(model);
  const writer = new HalfWriter(new Graph(draft), types, wide);
  return { model: draft, converted: writer.run() };
}

/** Element type of every tensor that a node makes: ONNX Runtime infers it for outputs. */
async function tensorTypes(bench: Workbench, model: OnnxModel): Promise<ReadonlyMap<string, string>> {
  const draft = copyGraph(model);
  const graph = new Graph(draft);
  const known = new Set(graph.proto.output.map(({ name }) => name));
  const made = graph.nodes.flatMap(({ output }) => output).filter((name) => name !== "" && !known.has(name));
  graph.proto.output.push(...made.map((name) => ({ name, metadataProps: [] })));
  const session = await bench.load(draft, { level: "none" });
  await session.close();
  const { inputs, outputs } = session.metadata;
  return new Map(
    [...inputs, ...outputs].map(({ name, datatype, kind }) => [name, kind === "tensor" ? datatype : kind]),
  );
}

class HalfWriter {
  readonly #graph: Graph;
  readonly #types: ReadonlyMap<string, string>;
  readonly #wide: ReadonlySet<string>;
  /** Tensors that are FP16 under their own name. */
  readonly #halves = new Set<string>();
  readonly #casts = new Map<string, string>();
  readonly #added: NodeProto[] = [];

  constructor(graph: Graph, types: ReadonlyMap<string, string>, wide: ReadonlySet<string>) {
    this.#graph = graph;
    this.#types = types;
    this.#wide = wide;
  }

  run(): string[] {
    const chosen = this.#graph.nodes.filter((node) => this.#isConvertible(node));
    for (const node of chosen) for (const output of node.output) if (this.#isFloat(output)) this.#halves.add(output);
    const isChosen = new Set(chosen);
    for (const node of this.#graph.nodes) {
      if (isChosen.has(node)) this.#convert(node);
      else
        for (const name of node.input)
          if (this.#halves.has(name)) this.#replace(node, name, this.#cast(name, ElementType.float));
    }
    for (const { name = "" } of this.#graph.proto.output)
      if (this.#halves.has(name)) this.#restoreOutput(name, isChosen);
    this.#graph.proto.node.push(...this.#added);
    this.#graph.reindex();
    this.#graph.sort();
    this.#graph.dropUnused();
    return chosen.map(({ name = "" }) => name);
  }

  #isFloat(name: string): boolean {
    const tensor = this.#graph.initializer(name);
    return tensor ? tensor.dataType === ElementType.float : this.#types.get(name) === "FP32";
  }

  #isConvertible(node: NodeProto): boolean {
    const isKnown = isOp(node, node.opType ?? "") && !keptFloat.has(node.opType ?? "") && bodiesOf(node).length === 0;
    const tensors = [...node.input, ...node.output].filter((name) => name !== "");
    const fits = (name: string) => !this.#wide.has(name) && !this.#isTooLarge(name);
    // A body that captures a tensor would see it change its type.
    const captured = node.output.some((name) =>
      this.#graph.consumers(name).some((reader) => !reader.input.includes(name)),
    );
    return isKnown && !captured && tensors.some((name) => this.#isFloat(name)) && tensors.every(fits);
  }

  #isTooLarge(name: string): boolean {
    return this.#graph.floats(name)?.some((value) => Math.abs(value) > largestHalf) ?? false;
  }

  #convert(node: NodeProto): void {
    for (const [i, name] of node.input.entries()) {
      // Coordinates of a Resize are FP32 whatever the image is.
      if (name === "" || !this.#isFloat(name) || this.#halves.has(name) || (isOp(node, "Resize") && i > 0)) continue;
      this.#replace(node, name, this.#cast(name, ElementType.float16));
    }
    if (isOp(node, "Cast") && intOf(node, "to", 0) === ElementType.float) setAttribute(node, "to", ElementType.float16);
    const constant = attributeOf(node, "value")?.t;
    if (isOp(node, "Constant") && constant?.dataType === ElementType.float)
      setAttribute(node, "value", this.#halfTensor(constant, constant.name ?? ""));
  }

  #replace(node: NodeProto, from: string, to: string): void {
    node.input = node.input.map((name) => (name === from ? to : name));
  }

  /** The tensor in another precision, made once. */
  #cast(name: string, to: ElementType): string {
    const known = this.#casts.get(name);
    if (known) return known;
    const result = this.#graph.freshName(`${name}_${to === ElementType.float16 ? "half" : "float"}`);
    const tensor = this.#graph.initializer(name);
    if (tensor) this.#graph.addInitializer(this.#halfTensor(tensor, result));
    else this.#added.push(makeNode("Cast", [name], [result], { to }));
    this.#casts.set(name, result);
    return result;
  }

  #halfTensor(tensor: TensorProto, name: string): TensorProto {
    const values = this.#graph.values(tensor) as Float32Array;
    return makeTensor(name, ElementType.float16, tensor.dims, toHalf(values));
  }

  /** The output keeps its name and FP32; inside, the FP16 tensor gets another. */
  #restoreOutput(name: string, chosen: ReadonlySet<NodeProto>): void {
    const inner = this.#graph.freshName(`${name}_half`);
    for (const node of this.#graph.nodes) {
      node.output = node.output.map((output) => (output === name && chosen.has(node) ? inner : output));
      if (chosen.has(node)) this.#replace(node, name, inner);
    }
    for (const node of this.#added) this.#replace(node, name, inner);
    const cast = makeNode("Cast", [inner], [name], { to: ElementType.float });
    this.#added.push({ ...cast, name: this.#graph.freshName(`${name}_float`) }); // a node may have the output's own name
  }
}

/** FP32 to the bits of FP16, to the nearest, halves to even. */
export function toHalf(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.slice().buffer);
  const result = new Uint16Array(values.length);
  for (let i = 0; i < bits.length; i++) result[i] = halfBits(bits[i] as number);
  return result;
}

function halfBits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const magnitude = bits & 0x7fffffff;
  if (magnitude >= 0x7f800000) return sign | (magnitude > 0x7f800000 ? 0x7e00 : 0x7c00);
  if (magnitude >= 0x477ff000) return sign | 0x7c00;
  if (magnitude < 0x38800000) {
    const value = new Float32Array(Uint32Array.of(magnitude).buffer)[0] as number;
    return sign | Math.round(evenHalf(value * 2 ** 24));
  }
  const rounded = magnitude + 0xfff + ((magnitude >>> 13) & 1);
  return sign | ((rounded - 0x38000000) >>> 13);
}

/** Rounds a small number to the nearest integer, halves to even. */
function evenHalf(value: number): number {
  return value + 2 ** 52 - 2 ** 52;
}

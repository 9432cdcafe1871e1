// SPDX-License-Identifier: Apache-2.0
// Raises a model's operator set, node by node: what was an attribute becomes an input, what changed its meaning is spelled out.
import { OrtserveError } from "../../errors.js";
import { Graph } from "./graph.js";
import type { GraphProto, NodeProto, TensorProto } from "./messages.js";
import type { OnnxModel } from "./model-file.js";
import { attributeOf, bodiesOf, dropAttribute, floatOf, intOf, intsOf, isOp, makeNode, setAttribute } from "./node.js";
import { emptyTensor, floatScalar, int64Tensor, makeTensor } from "./tensor-data.js";

/** Oldest operator set that can be read, and the newest that can be written. */
export const oldestOpset = 7;
export const newestOpset = 17;

/** Version of ONNX's own operators. */
export function opsetOf({ proto }: OnnxModel): number {
  return proto.opsetImport.find(({ domain = "" }) => domain === "" || domain === "ai.onnx")?.version ?? 1;
}

/**
 * Raises the model in place to at least `target`; a newer one stays. Bodies of If and Loop are raised with it.
 * Throws ERR_UNSUPPORTED below {@link oldestOpset} and for what has no counterpart.
 */
export function upgradeOpset(model: OnnxModel, target: number): void {
  const from = opsetOf(model);
  if (from >= target) return;
  if (from < oldestOpset || target > newestOpset) {
    throw unsupported(`expected operator set ${oldestOpset} to ${newestOpset}, got ${from} to be raised to ${target}`);
  }
  const graph = new Graph(model);
  const raise = (scope: GraphProto) => {
    scope.node = scope.node.flatMap((node) => {
      for (const body of bodiesOf(node)) raise(body);
      return new Upgrade(graph, scope, node, from, target).run();
    });
  };
  raise(graph.proto);
  const set = model.proto.opsetImport.find(({ domain = "" }) => domain === "" || domain === "ai.onnx");
  if (set) set.version = target;
  model.proto.irVersion = Math.max(model.proto.irVersion ?? 0, target >= 15 ? 8 : 7);
}

/** One node on its way up. Each step is named after the version that changed the operator. */
class Upgrade {
  readonly #graph: Graph;
  readonly #scope: GraphProto;
  readonly #node: NodeProto;
  readonly #from: number;
  readonly #to: number;

  constructor(graph: Graph, scope: GraphProto, node: NodeProto, from: number, to: number) {
    this.#graph = graph;
    this.#scope = scope;
    this.#node = node;
    this.#from = from;
    this.#to = to;
  }

  /** The nodes that take its place. */
  run(): NodeProto[] {
    const step = isOp(this.#node, this.#node.opType ?? "") ? this.#steps[this.#node.opType ?? ""] : undefined;
    return step?.call(this) ?? [this.#node];
  }

  readonly #steps: Readonly<Record<string, (() => NodeProto[] | undefined) | undefined>> = {
    Upsample: this.#upsample,
    Resize: this.#resize,
    Slice: this.#slice,
    Clip: this.#clip,
    Pad: this.#pad,
    Dropout: this.#dropout,
    Scatter: this.#scatter,
    TopK: this.#topK,
    BatchNormalization: this.#batchNormalization,
    Softmax: this.#softmax,
    LogSoftmax: this.#softmax,
    Hardmax: this.#softmax,
    Squeeze: () => this.#attributeToInput("axes", 1, 13),
    Unsqueeze: () => this.#attributeToInput("axes", 1, 13),
    ReduceSum: () => this.#attributeToInput("axes", 1, 13),
    Split: () => this.#attributeToInput("split", 1, 13),
  };

  #crosses(version: number): boolean {
    return this.#from < version && this.#to >= version;
  }

  #constant(tensor: TensorProto): string {
    const name = this.#graph.freshName(tensor.name ?? "");
    this.#scope.initializer.push({ ...tensor, name });
    return name;
  }

  #longs(what: string, values: readonly number[]): string {
    return this.#constant(int64Tensor(`${this.#node.output[0]}_${what}`, values));
  }

  /** Puts a tensor at an input's place; inputs in between stay empty. */
  #setInput(at: number, name: string): void {
    while (this.#node.input.length <= at) this.#node.input.push("");
    this.#node.input[at] = name;
  }

  #attributeToInput(name: string, at: number, version: number): undefined {
    const values = intsOf(this.#node, name);
    if (!this.#crosses(version) || values === undefined) return;
    dropAttribute(this.#node, name);
    this.#setInput(at, this.#longs(name, values));
  }

  #slice(): undefined {
    if (!this.#crosses(10)) return;
    for (const [i, name] of ["starts", "ends", "axes"].entries()) this.#attributeToInput(name, i + 1, 10);
  }

  #clip(): undefined {
    if (!this.#crosses(11)) return;
    for (const [i, name] of ["min", "max"].entries()) {
      if (attributeOf(this.#node, name) === undefined) continue;
      const bound = floatOf(this.#node, name, 0);
      dropAttribute(this.#node, name);
      this.#setInput(i + 1, this.#constant(floatScalar(`${this.#node.output[0]}_${name}`, bound)));
    }
  }

  #pad(): undefined {
    if (!this.#crosses(11)) return;
    this.#attributeToInput("pads", 1, 11);
    const value = floatOf(this.#node, "value", 0);
    dropAttribute(this.#node, "value");
    if (value !== 0) this.#setInput(2, this.#constant(floatScalar(`${this.#node.output[0]}_value`, value)));
  }

  /** Inference drops nothing: what remains is the input, and a mask of ones when something reads it. */
  #dropout(): NodeProto[] | undefined {
    if (!this.#crosses(12)) return undefined;
    const [data = ""] = this.#node.input;
    const [output = "", mask = ""] = this.#node.output;
    const identity = { ...this.#node, opType: "Identity", input: [data], output: [output], attribute: [] };
    const isRead = mask !== "" && (this.#graph.consumers(mask).length > 0 || this.#graph.isOutput(mask));
    if (!isRead) return [identity];
    const shape = this.#graph.freshName(`${mask}_shape`);
    const one = { ...makeTensor("", 9, [1], Uint8Array.of(1)), name: "value" };
    return [identity, makeNode("Shape", [data], [shape]), makeNode("ConstantOfShape", [shape], [mask], { value: one })];
  }

  #scatter(): undefined {
    if (this.#crosses(11)) this.#node.opType = "ScatterElements";
  }

  #topK(): undefined {
    if (!this.#crosses(10)) return;
    const k = intOf(this.#node, "k", 1);
    dropAttribute(this.#node, "k");
    this.#setInput(1, this.#longs("k", [k]));
  }

  #batchNormalization(): undefined {
    if (this.#crosses(9) && intOf(this.#node, "spatial", 1) === 0)
      throw unsupported(
        `node '${this.#node.name}' normalizes each pixel by itself, which operator set 9 no longer has`,
      );
    dropAttribute(this.#node, "spatial");
    if (this.#crosses(14) && this.#node.output.filter((name) => name !== "").length > 1)
      throw unsupported(`node '${this.#node.name}' is a BatchNormalization in training`);
  }

  /** Upsample became Resize, whose old coordinates are called asymmetric, with the pixel chosen by floor. */
  #upsample(): undefined {
    if (!this.#crosses(10)) return;
    this.#node.opType = "Resize";
    const scales = attributeOf(this.#node, "scales")?.floats;
    if (scales !== undefined) {
      dropAttribute(this.#node, "scales");
      const name = `${this.#node.output[0]}_scales`;
      this.#setInput(1, this.#constant(makeTensor(name, 1, [scales.length], Float32Array.from(scales))));
    }
    this.#resize();
  }

  #resize(): undefined {
    if (!this.#crosses(11)) return;
    const [data = "", scales = ""] = this.#node.input;
    const roi = this.#constant({ ...emptyTensor(), name: `${this.#node.output[0]}_roi`, dims: [0], dataType: 1 });
    this.#node.input = [data, roi, scales];
    setAttribute(this.#node, "coordinate_transformation_mode", "asymmetric");
    setAttribute(this.#node, "nearest_mode", "floor");
  }

  /** Before 13 it was taken over everything from `axis` on, not over `axis` alone. */
  #softmax(): NodeProto[] | undefined {
    if (!this.#crosses(13)) return undefined;
    const axis = intOf(this.#node, "axis", 1);
    setAttribute(this.#node, "axis", -1);
    if (axis === -1) return undefined;
    const [data = ""] = this.#node.input;
    const [output = ""] = this.#node.output;
    const [flat, shape, result] = ["flat", "shape", "result"].map((part) => this.#graph.freshName(`${output}_${part}`));
    this.#node.input = [flat as string];
    this.#node.output = [result as string];
    return [
      makeNode("Flatten", [data], [flat as string], { axis }),
      this.#node,
      makeNode("Shape", [data], [shape as string]),
      {
        ...makeNode("Reshape", [result as string, shape as string], [output]),
        name: this.#graph.freshName(`${output}_back`),
      },
    ];
  }
}

function unsupported(message: string): OrtserveError {
  return new OrtserveError("ERR_UNSUPPORTED", message);
}

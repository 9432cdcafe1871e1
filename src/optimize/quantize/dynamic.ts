// SPDX-License-Identifier: Apache-2.0
// Dynamic quantization: weights are INT8 in the file, activations become UINT8 anew in each run. For matrix products only: ONNX
// Runtime has a fast kernel for this very chain of nodes, and none for convolutions in it.
import { Graph } from "../onnx/graph.js";
import { ElementType, type NodeProto } from "../onnx/messages.js";
import type { OnnxModel } from "../onnx/model-file.js";
import { intOf, isOp, makeNode } from "../onnx/node.js";
import { floatScalar, makeTensor, tensorSize } from "../onnx/tensor-data.js";
import { int8, quantizeAll, symmetricParams } from "./arithmetic.js";
import { type FloatNode, findLayers, type Layer } from "./layers.js";
import { channelView, quantizeWeight, type WeightOptions } from "./weights.js";
import { copyGraph } from "./write-pairs.js";

export interface DynamicResult {
  readonly model: OnnxModel;
  readonly layers: readonly string[];
  readonly tables: readonly string[];
  readonly float: readonly FloatNode[];
}

/** Smaller embedding tables are not worth a node. */
const tableElements = 1 << 14;

export interface DynamicPlan {
  readonly layers: readonly Layer[];
  /** Nodes that look rows up in a constant table. */
  readonly tables: readonly NodeProto[];
  readonly float: readonly FloatNode[];
}

/** What would be quantized, and why the rest would not. */
export function planDynamic(graph: Graph, excluded: ReadonlySet<string>): DynamicPlan {
  const found = findLayers(graph);
  const isWanted = ({ kind, name }: Layer) => kind !== "Conv" && !excluded.has(name);
  const reason = ({ kind }: Layer) => (kind === "Conv" ? "dynamic quantization makes convolutions slower" : "excluded");
  const left = found.layers.filter((layer) => !isWanted(layer));
  return {
    layers: found.layers.filter(isWanted),
    tables: embeddingTables(graph).filter(({ name = "" }) => !excluded.has(name)),
    float: [...found.float, ...left.map((layer) => ({ name: layer.name, op: layer.kind, reason: reason(layer) }))],
  };
}

export function quantizeDynamically(
  model: OnnxModel,
  excluded: ReadonlySet<string>,
  options: Pick<WeightOptions, "perTensor" | "reduceRange"> = {},
): DynamicResult {
  const draft = copyGraph(model);
  const graph = new Graph(draft);
  const { layers, tables, float } = planDynamic(graph, excluded);
  const writer = new DynamicWriter(graph, options);
  for (const layer of layers) writer.replace(layer);
  for (const node of tables) writer.replaceTable(node);
  writer.finish();
  return { model: draft, layers: layers.map(({ name }) => name), tables: tables.map(({ name = "" }) => name), float };
}

function embeddingTables(graph: Graph): NodeProto[] {
  return graph.nodes.filter((node) => {
    const table = graph.initializer(node.input[0]);
    const isTable =
      table?.dataType === ElementType.float && table.dims.length === 2 && tensorSize(table) >= tableElements;
    return isOp(node, "Gather") && isTable && intOf(node, "axis", 0) === 0;
  });
}

class DynamicWriter {
  readonly #graph: Graph;
  readonly #options: Pick<WeightOptions, "perTensor" | "reduceRange">;
  /** Quantized activations by the tensor they come from: all products of one tensor share them. */
  readonly #activations = new Map<string, [values: string, scale: string, zeroPoint: string]>();
  readonly #gone = new Set<NodeProto>();
  readonly #added: NodeProto[] = [];

  constructor(graph: Graph, options: Pick<WeightOptions, "perTensor" | "reduceRange">) {
    this.#graph = graph;
    this.#options = options;
  }

  replace(layer: Layer): void {
    const { node, input, output } = layer;
    const [values, scale, zeroPoint] = this.#activation(input);
    const weight = this.#weight(layer);
    const name = (what: string) => this.#graph.freshName(`${output}_${what}`);
    const [product, real, scales] = [name("int32"), name("real"), name("scales")];
    const scaled = layer.bias === undefined ? output : name("scaled");
    this.#add(
      makeNode("MatMulInteger", [values, weight.values, zeroPoint, weight.zeroPoint], [product]),
      makeNode("Cast", [product], [real], { to: ElementType.float }),
      makeNode("Mul", [scale, weight.scale], [scales]),
      makeNode("Mul", [real, scales], [scaled]),
      ...(layer.bias === undefined ? [] : [makeNode("Add", [scaled, layer.bias], [output])]),
    );
    this.#gone.add(node);
  }

  /** Rows are looked up in INT8 and become floats afterwards; the other way round the whole table would, in each run. */
  replaceTable(node: NodeProto): void {
    const graph = this.#graph;
    const [tableName = "", indices = ""] = node.input;
    const table = graph.floats(tableName) as Float32Array;
    let most = 0;
    for (const value of table) most = Math.max(most, Math.abs(value));
    const params = symmetricParams(-most, most, int8);
    const dims = graph.initializer(tableName)?.dims ?? [];
    const stored = graph.addInitializer(
      makeTensor(graph.freshName(`${tableName}_int8`), ElementType.int8, dims, quantizeAll(table, params)),
    );
    const scale = graph.addInitializer(floatScalar(graph.freshName(`${tableName}_scale`), params.scale));
    const [output = ""] = node.output;
    const rows = graph.freshName(`${output}_int8`);
    this.#add(
      makeNode("Gather", [stored, indices], [rows], { axis: 0 }),
      makeNode("DequantizeLinear", [rows, scale], [output]),
    );
    this.#gone.add(node);
  }

  finish(): void {
    const { proto } = this.#graph;
    proto.node = [...proto.node.filter((node) => !this.#gone.has(node)), ...this.#added];
    this.#graph.reindex();
    this.#graph.sort();
    this.#graph.dropUnused();
  }

  #add(...nodes: NodeProto[]): void {
    for (const node of nodes)
      this.#added.push({ ...node, name: this.#graph.freshName(`${node.output[0]}_${node.opType}`) });
  }

  #activation(input: string): [string, string, string] {
    const known = this.#activations.get(input);
    if (known) return known;
    const names = ["quantized", "scale", "zero_point"].map((what) => this.#graph.freshName(`${input}_${what}`));
    this.#add(makeNode("DynamicQuantizeLinear", [input], names));
    this.#activations.set(input, names as [string, string, string]);
    return names as [string, string, string];
  }

  /** MatMulInteger wants [inputs, outputs]; a Gemm may have it the other way round. */
  #weight(layer: Layer): { values: string; scale: string; zeroPoint: string } {
    const graph = this.#graph;
    const floats = graph.floats(layer.weight) as Float32Array;
    const [rows = 0, columns = 0] = graph.initializer(layer.weight)?.dims ?? [];
    const isTurned = layer.axis === 0;
    const dims = isTurned ? [columns, rows] : [rows, columns];
    const view = channelView(isTurned ? transposed(floats, rows, columns) : floats, dims, 1);
    const { values, scales } = quantizeWeight(view, this.#options);
    const shape = scales.length === 1 ? [] : [scales.length];
    const add = (what: string, type: ElementType, size: readonly number[], data: Int8Array | Float32Array) =>
      graph.addInitializer(makeTensor(graph.freshName(`${layer.weight}_${what}`), type, size, data));
    return {
      values: add("int8", ElementType.int8, dims, values),
      scale: add("scale", ElementType.float, shape, scales),
      zeroPoint: add("zero_point", ElementType.int8, shape, new Int8Array(scales.length)),
    };
  }
}

function transposed(values: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      result[column * rows + row] = values[row * columns + column] as number;
  return result;
}

// SPDX-License-Identifier: Apache-2.0
// Least-squares reconstruction: each layer that lost inputs gets the weights with which it comes nearest to what the original layer
// gave, from inputs of the model as it is now. In the order of the layers, so that each makes up for the errors before it.
// He, Zhang, Sun: Channel Pruning for Accelerating Very Deep Neural Networks, 2017; a ridge anchored at the cut weights.
import { NormalEquations } from "../../runtime/normal-equations.js";
import type { Samples } from "../data/samples.js";
import { Graph } from "../onnx/graph.js";
import { ElementType, type GraphProto, type NodeProto } from "../onnx/messages.js";
import type { OnnxModel } from "../onnx/model-file.js";
import { makeNode } from "../onnx/node.js";
import { makeTensor } from "../onnx/tensor-data.js";
import { TensorReader, type Values } from "../run/tensor-reader.js";
import { watched } from "../run/watched.js";
import type { Workbench } from "../run/workbench.js";
import type { Dependencies } from "./dependencies.js";
import type { PortCut } from "./ports.js";
import { planRefits, type Refit } from "./refit-plan.js";
import { layerForm, outputRows, positionCount } from "./rows.js";
import type { Removal } from "./surgery.js";
import { upstream } from "./upstream.js";

/** Positions of an output that count, for each sample: pixels nearby tell little more. */
const positionsPerSample = 16;
/** Weight of the cut weights against the samples, over the mean of the equations' diagonal: more where rows are few. */
const ridge = (dimension: number, rows: number) => Math.max(1e-3, (0.1 * dimension) / rows);

interface Target {
  readonly positions: readonly number[];
  readonly shape: readonly number[];
  /** [positions, kept channels]; the skip branch is added. */
  readonly rows: Float32Array;
}

export interface RefitRequest {
  readonly bench: Workbench;
  readonly base: OnnxModel;
  readonly deps: Dependencies;
  readonly removal: Removal;
  readonly samples: Samples;
  readonly ports: PortCut;
  readonly onProgress: (done: number, of: number) => void;
}

/** The pruned model with new weights; `pruned` stays as it is. Rejects as predict() does, and with ERR_OUT_OF_MEMORY. */
export async function refitLayers(request: RefitRequest, pruned: OnnxModel): Promise<OnnxModel> {
  const model = editable(pruned);
  const refits = planRefits(request.deps, new Graph(model), request.removal);
  if (refits.length === 0) return model;
  const targets = await recordTargets(request, refits);
  const places = new Map(request.deps.graph.nodes.map((node, i) => [node, i]));
  const copies = [...(model.proto.graph as GraphProto).node]; // before Adds come in between
  const copyOf = (node: NodeProto) => copies[places.get(node) as number] as NodeProto;
  let done = 0;
  for (let wave = 1; done < refits.length; wave++) {
    const layers = refits.filter((refit) => refit.wave === wave);
    if (layers.length > 0) await refitWave(request, model, layers, targets, copyOf);
    done += layers.length;
    request.onProgress(done, refits.length);
  }
  return model;
}

function editable({ proto, directory }: OnnxModel): OnnxModel {
  const graph = proto.graph as GraphProto;
  const node = graph.node.map((one) => ({ ...one, input: [...one.input], output: [...one.output] }));
  return { directory, proto: { ...proto, graph: { ...graph, node, initializer: [...graph.initializer] } } };
}

/** What the original gives at some positions, for each layer and sample. */
async function recordTargets({ bench, base, samples }: RefitRequest, refits: readonly Refit[]) {
  const names = [...new Set(refits.flatMap(({ result, skip }) => [result, ...(skip ? [skip] : [])]))];
  const reader = await TensorReader.open(bench, watched(base, names));
  const targets = new Map(refits.map((refit) => [refit, [] as Target[]]));
  try {
    for (let i = 0; i < samples.count; i++) {
      const values = await reader.read(await samples.inputs(i), names);
      for (const [order, refit] of refits.entries()) targets.get(refit)?.push(targetOf(refit, values, order, i));
    }
  } finally {
    await reader.close();
  }
  return targets;
}

function targetOf(refit: Refit, values: ReadonlyMap<string, Values>, layer: number, sample: number): Target {
  const result = values.get(refit.result) as Values;
  const positions = somePositions(positionCount(result.shape, refit.last), layer * 7919 + sample);
  const rows = outputRows(result, refit.last, positions, refit.kept);
  const skip = refit.skip === undefined ? undefined : values.get(refit.skip);
  if (skip)
    for (const [i, value] of outputRows(skip, refit.last, positions, refit.kept).entries())
      (rows[i] as number) += value;
  return { positions, shape: result.shape, rows };
}

/** The same ones for the same seed, spread over all. */
function somePositions(count: number, seed: number): number[] {
  if (count <= positionsPerSample) return Array.from({ length: count }, (_, i) => i);
  const stride = count / positionsPerSample;
  const random = (i: number) => ((Math.imul(seed * 31 + i + 1, 0x9e3779b1) >>> 8) % 65536) / 65536;
  return Array.from({ length: positionsPerSample }, (_, i) => Math.floor((i + random(i)) * stride));
}

async function refitWave(
  { bench, samples, ports }: RefitRequest,
  model: OnnxModel,
  layers: readonly Refit[],
  targets: ReadonlyMap<Refit, readonly Target[]>,
  copyOf: (node: NodeProto) => NodeProto,
): Promise<void> {
  const graph = new Graph(model);
  const names = [...new Set(layers.flatMap(({ input, skip }) => [input, ...(skip ? [skip] : [])]))];
  const fits = layers.map((refit) => new LayerFit(graph, refit, copyOf(refit.node)));
  try {
    const reader = await TensorReader.open(bench, upstream(model, names));
    try {
      for (let i = 0; i < samples.count; i++) {
        const values = await reader.read(await samples.inputs(i), names);
        for (const [name, { data, shape }] of values)
          if (reader.isInput(name)) values.set(name, { data: ports.cut(name, data), shape });
        for (const fit of fits) await fit.add(values, targets.get(fit.refit)?.[i] as Target);
      }
    } finally {
      await reader.close();
    }
    for (const fit of fits) await fit.solve(model, copyOf);
  } finally {
    await Promise.all(fits.map((fit) => fit.close()));
  }
}

/** The equations of one layer, one set for each group of a grouped convolution. */
class LayerFit {
  readonly refit: Refit;
  readonly #graph: Graph;
  readonly #node: NodeProto;
  readonly #form: NonNullable<ReturnType<typeof layerForm>>;
  readonly #equations: readonly NormalEquations[];
  #rows = 0;

  constructor(graph: Graph, refit: Refit, node: NodeProto) {
    this.refit = refit;
    this.#graph = graph;
    this.#node = node;
    this.#form = layerForm(graph, node) as NonNullable<ReturnType<typeof layerForm>>;
    const { groups, dimension, outputs } = this.#form;
    this.#equations = Array.from({ length: groups }, () => new NormalEquations(dimension, outputs));
  }

  async add(values: ReadonlyMap<string, Values>, { positions, shape, rows }: Target): Promise<void> {
    const { outputs } = this.#form;
    const width = this.refit.kept.length;
    const goal = rows.slice();
    const skip = this.refit.skip === undefined ? undefined : values.get(this.refit.skip);
    const kept = Array.from({ length: width }, (_, i) => i);
    if (skip)
      for (const [i, value] of outputRows(skip, this.refit.last, positions, kept).entries())
        (goal[i] as number) -= value;
    const input = values.get(this.refit.input) as Values;
    this.#rows += positions.length;
    for (const [group, equations] of this.#equations.entries()) {
      const part = (row: number) => goal.subarray(row * width + group * outputs, row * width + (group + 1) * outputs);
      const y = new Float32Array(positions.length * outputs);
      for (let row = 0; row < positions.length; row++) y.set(part(row), row * outputs);
      await equations.add(this.#form.rows(input, shape, positions, group), y);
    }
  }

  /** Puts the new weights and bias into the model. */
  async solve(model: OnnxModel, copyOf: (node: NodeProto) => NodeProto): Promise<void> {
    const { dimension, outputs } = this.#form;
    const slot = this.refit.bias && copyOf(this.refit.bias.node);
    const biasName = slot?.input[this.refit.bias?.input ?? 0];
    const bias = this.#graph.floats(biasName)?.slice() ?? new Float32Array(this.refit.kept.length);
    const weights = (this.#graph.floats(this.#node.input[1]) as Float32Array).slice();
    for (const [group, equations] of this.#equations.entries()) {
      const anchor = extended(this.#form.read(weights, group), bias.subarray(group * outputs), outputs, dimension);
      const found = await equations.solve(anchor, ridge(dimension, this.#rows));
      const matrix = new Float32Array(outputs * dimension);
      for (let o = 0; o < outputs; o++) {
        matrix.set(found.subarray(o * (dimension + 1), o * (dimension + 1) + dimension), o * dimension);
        bias[group * outputs + o] = found[o * (dimension + 1) + dimension] as number;
      }
      this.#form.write(weights, group, matrix);
    }
    replaceFloats(model, this.#node.input[1] ?? "", weights);
    if (biasName) replaceFloats(model, biasName, bias);
    else addBias(model, this.#graph, this.#node, bias);
  }

  close(): Promise<unknown> {
    return Promise.all(this.#equations.map((equations) => equations.close()));
  }
}

/** Rows of weights, each with its bias at the end. */
function extended(matrix: Float32Array, bias: Float32Array, outputs: number, dimension: number): Float32Array {
  const rows = new Float32Array(outputs * (dimension + 1));
  for (let o = 0; o < outputs; o++) {
    rows.set(matrix.subarray(o * dimension, (o + 1) * dimension), o * (dimension + 1));
    rows[o * (dimension + 1) + dimension] = bias[o] as number;
  }
  return rows;
}

function replaceFloats({ proto }: OnnxModel, name: string, values: Float32Array): void {
  const { initializer } = proto.graph as GraphProto;
  const place = initializer.findIndex((tensor) => tensor.name === name);
  initializer[place] = makeTensor(name, ElementType.float, initializer[place]?.dims ?? [], values);
}

/** For a layer without one: as its third input, or as an Add after a product. */
function addBias(model: OnnxModel, graph: Graph, node: NodeProto, bias: Float32Array): void {
  const { node: nodes, initializer } = model.proto.graph as GraphProto;
  const output = node.output[0] ?? "";
  const name = graph.freshName(`${output}_bias`);
  initializer.push(makeTensor(name, ElementType.float, [bias.length], bias));
  if (node.opType !== "MatMul") {
    node.input = [node.input[0] ?? "", node.input[1] ?? "", name];
    return;
  }
  const product = graph.freshName(`${output}_product`);
  node.output = [product];
  const sum = makeNode("Add", [product, name], [output]);
  sum.name = graph.freshName(`${output}_sum`); // the product may have its output's own name
  nodes.splice(nodes.indexOf(node) + 1, 0, sum);
}

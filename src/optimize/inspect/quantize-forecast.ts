// SPDX-License-Identifier: Apache-2.0
// What `quantize` would change, without data: the plan depends on the graph alone.
import { Graph } from "../onnx/graph.js";
import type { OnnxModel } from "../onnx/model-file.js";
import { tensorSize } from "../onnx/tensor-data.js";
import { planDynamic } from "../quantize/dynamic.js";
import type { FloatNode } from "../quantize/layers.js";
import { preferredMode } from "../quantize/mode.js";
import { placePairs } from "../quantize/placement.js";
import { profiles } from "../quantize/target.js";
import { multiplyAccumulates } from "../run/cost.js";
import type { NodeRun } from "../run/profile.js";

export interface QuantizeForecast {
  /** What `--mode auto` would choose for a CPU. */
  readonly mode: "static" | "dynamic";
  /** Layers that would run on integer kernels. */
  readonly layers: number;
  /** Their share of the multiply-accumulates. */
  readonly share: number;
  /** Of the model file; weights of those layers take a quarter. */
  readonly bytes: number;
  /** Multiplying nodes that would stay FP32. */
  readonly float: readonly FloatNode[];
}

const multiplying = new Set(["Conv", "ConvTranspose", "Gemm", "MatMul", "LSTM", "GRU", "RNN"]);

/**
 * `model`: normalized; `runs`: the model as written, profiled; `bytes`: of its file. Undefined where no layer could be INT8.
 */
export function forecastQuantization(
  model: OnnxModel,
  bytes: number,
  runs: readonly NodeRun[],
): QuantizeForecast | undefined {
  const graph = new Graph(model);
  const mode = preferredMode(runs);
  const { names, float } = mode === "static" ? staticPlan(graph) : dynamicPlan(graph);
  if (names.size === 0) return undefined;
  const integer = graph.nodes.filter(({ name = "" }) => names.has(name));
  const weights = integer.map(({ opType, input }) => input[opType === "Gather" ? 0 : 1]);
  const elements = [...new Set(weights)].reduce((sum, name) => sum + tensorSize(graph.initializer(name) ?? empty), 0);
  return { mode, layers: names.size, share: shareOf(runs, float), bytes: Math.max(0, bytes - 3 * elements), float };
}

const empty = { dims: [0] } as never;

function staticPlan(graph: Graph) {
  const { layers, float } = placePairs(graph, profiles.cpu, new Set());
  return { names: new Set(layers.map(({ name }) => name)), float };
}

function dynamicPlan(graph: Graph) {
  const { layers, tables, float } = planDynamic(graph, new Set());
  return { names: new Set([...layers, ...tables].map(({ name = "" }) => name)), float };
}

/** Work of everything but the nodes that stay: by name, since the graph keeps those of what it does not rewrite. */
function shareOf(runs: readonly NodeRun[], float: readonly FloatNode[]): number {
  const stay = new Set(float.map(({ name }) => name));
  let [all, integer] = [0, 0];
  for (const run of runs) {
    if (!multiplying.has(run.op)) continue;
    const macs = multiplyAccumulates(run);
    all += macs;
    if (!stay.has(run.name) && ["Conv", "Gemm", "MatMul"].includes(run.op)) integer += macs;
  }
  return all > 0 ? integer / all : 0;
}

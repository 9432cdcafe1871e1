// SPDX-License-Identifier: Apache-2.0
// What there is to know of a model: its signature, its size, its work, and how ONNX Runtime runs it here.
import { basename } from "node:path";
import { OrtserveError } from "../../errors.js";
import type { PredictInputs } from "../../runtime/inputs.js";
import type { ProviderChoice } from "../../runtime/model-options.js";
import {
  type ElementType,
  ElementType as ElementTypes,
  type GraphProto,
  type TensorProto,
  type ValueInfo,
} from "../onnx/messages.js";
import { allInitializers, type OnnxModel, readModel, storedBytes } from "../onnx/model-file.js";
import { bodiesOf } from "../onnx/node.js";
import { elementBytes, tensorSize } from "../onnx/tensor-data.js";
import { multiplyAccumulates } from "../run/cost.js";
import { normalizedModel } from "../run/normalize.js";
import { type NodeRun, profileRun } from "../run/profile.js";
import { runnableInputs, type ShapeChoice } from "../run/random-inputs.js";
import { Workbench } from "../run/workbench.js";
import { type ExecutionRow, executionTable } from "./execution.js";
import { peakTensorBytes } from "./memory.js";
import { forecastPruning, type PruneForecast } from "./prune-forecast.js";
import { forecastQuantization, type QuantizeForecast } from "./quantize-forecast.js";

export interface InspectOptions {
  /** Shapes for inputs with open dims. Default: 1 row, 128 elsewhere. */
  shapes?: ShapeChoice;
  /** Default: the CPU. */
  providers?: readonly ProviderChoice[];
}

export interface Port {
  readonly name: string;
  /** "float", "int64", "sequence" ... */
  readonly type: string;
  /** A name stands for a dim that varies; undefined: the rank is open. */
  readonly shape?: readonly (number | string)[];
}

export interface OperatorRow {
  readonly op: string;
  readonly nodes: number;
  /** Constants that these nodes read. */
  readonly parameters: number;
  /** Multiply-accumulates of one run. */
  readonly macs: number;
}

export interface Inspection {
  readonly file: string;
  readonly bytes: number;
  readonly irVersion: number;
  readonly producer: string;
  /** Version by domain; "ai.onnx" is ONNX's own. */
  readonly opsets: Readonly<Record<string, number>>;
  readonly metadata: Readonly<Record<string, string>>;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly nodes: number;
  readonly parameters: {
    readonly count: number;
    readonly bytes: number;
    readonly byType: Readonly<Record<string, number>>;
  };
  readonly operators: readonly OperatorRow[];
  /** Of one run on inputs of these shapes. */
  readonly run: {
    readonly shapes: Readonly<Record<string, readonly number[]>>;
    readonly macs: number;
    readonly weightBytes: number;
    /** Most bytes of tensors alive at once, each from the node that makes it to the last that reads it. */
    readonly peakTensorBytes: number;
    /** Sum over nodes, on one thread, profiler's cost included. */
    readonly micros: number;
    /** After ONNX Runtime's optimization. */
    readonly execution: readonly ExecutionRow[];
  };
  /** What `ortserve quantize` would make of it for a CPU; undefined when it would refuse. */
  readonly quantization: QuantizeForecast | undefined;
  /** What `ortserve prune` would leave of it; undefined when it would refuse. */
  readonly pruning: PruneForecast | undefined;
}

/** Reads the model and runs it twice: as written, for its work, and optimized, for how it runs. Rejects as Model.load does. */
export async function inspectModel(path: string, options: InspectOptions = {}): Promise<Inspection> {
  const model = await readModel(path);
  const bench = new Workbench();
  try {
    const session = await bench.load(path, { level: "none" });
    const inputs = await runnableInputs(session, options.shapes ?? {}).finally(() => session.close());
    const written = await profileRun(bench, path, inputs, { level: "none" });
    const providers = options.providers && { providers: options.providers };
    const optimized = await profileRun(bench, path, inputs, { level: "all", runs: 3, ...providers });
    const macs = new Map<string, number>();
    for (const run of written) macs.set(run.op, (macs.get(run.op) ?? 0) + multiplyAccumulates(run));
    const facts = staticFacts(path, model);
    return {
      ...facts,
      operators: operatorTable(model, macs),
      run: {
        shapes: Object.fromEntries(Object.entries(inputs).map(([name, { shape }]) => [name, shape])),
        macs: [...macs.values()].reduce((a, b) => a + b, 0),
        weightBytes: facts.parameters.bytes,
        peakTensorBytes: peakTensorBytes(model, inputs, written),
        micros: optimized.reduce((sum, { micros }) => sum + micros, 0),
        execution: executionTable(optimized),
      },
      ...(await forecasts(bench, path, facts.bytes, inputs, written)),
    };
  } finally {
    bench.close();
  }
}

async function forecasts(
  bench: Workbench,
  path: string,
  bytes: number,
  inputs: PredictInputs,
  runs: readonly NodeRun[],
): Promise<Pick<Inspection, "quantization" | "pruning">> {
  const model = await normalizedModel(bench, path).catch((error) => {
    if (error instanceof OrtserveError && error.code === "ERR_UNSUPPORTED") return undefined; // quantized already
    throw error;
  });
  return {
    quantization: model && forecastQuantization(model, bytes, runs),
    pruning: model && (await forecastPruning(bench, model, bytes, inputs)),
  };
}

function staticFacts(
  path: string,
  model: OnnxModel,
): Omit<Inspection, "operators" | "run" | "quantization" | "pruning"> {
  const { proto } = model;
  const graph = proto.graph as GraphProto;
  const constants = new Set(graph.initializer.map(({ name }) => name));
  return {
    file: basename(path),
    bytes: storedBytes(path, model),
    irVersion: proto.irVersion ?? 0,
    producer: [proto.producerName, proto.producerVersion].filter(Boolean).join(" "),
    opsets: Object.fromEntries(proto.opsetImport.map(({ domain, version }) => [domain || "ai.onnx", version ?? 0])),
    metadata: Object.fromEntries(proto.metadataProps.map(({ key = "", value = "" }) => [key, value])),
    inputs: graph.input.filter(({ name }) => !constants.has(name)).map(port),
    outputs: graph.output.map(port),
    nodes: [...allNodes(graph)].length,
    parameters: parameters(allTensors(graph)),
  };
}

const typeNames = new Map(Object.entries(ElementTypes).map(([name, code]) => [code as number, name]));

export function typeName(code: number | undefined): string {
  return typeNames.get(code as ElementType) ?? `type ${code}`;
}

function port({ name = "", type }: ValueInfo): Port {
  if (type?.tensorType === undefined)
    return { name, type: type?.mapType ? "map" : type?.sequenceType ? "sequence" : "optional" };
  const dims = type.tensorType.shape?.dim.map(({ dimValue, dimParam }) => dimValue ?? (dimParam || "?"));
  return { name, type: typeName(type.tensorType.elemType), ...(dims && { shape: dims }) };
}

function parameters(tensors: readonly TensorProto[]): Inspection["parameters"] {
  const byType: Record<string, number> = {};
  let bytes = 0;
  for (const tensor of tensors) {
    const name = typeName(tensor.dataType);
    byType[name] = (byType[name] ?? 0) + tensorSize(tensor);
    bytes += tensorSize(tensor) * elementBytes(tensor.dataType);
  }
  return { count: Object.values(byType).reduce((a, b) => a + b, 0), bytes, byType };
}

function* allNodes(graph: GraphProto): Generator<GraphProto["node"][number]> {
  for (const node of graph.node) {
    yield node;
    for (const body of bodiesOf(node)) yield* allNodes(body);
  }
}

/** Initializers, and the values of Constant nodes, which some exporters write instead. */
function allTensors(graph: GraphProto): TensorProto[] {
  const constants = [...allNodes(graph)].filter(({ opType }) => opType === "Constant");
  return [...allInitializers(graph), ...constants.flatMap(({ attribute }) => attribute.flatMap(({ t }) => t ?? []))];
}

function operatorTable({ proto }: OnnxModel, macs: ReadonlyMap<string, number>): OperatorRow[] {
  const graph = proto.graph as GraphProto;
  const sizes = new Map([...allInitializers(graph)].map((tensor) => [tensor.name ?? "", tensorSize(tensor)]));
  for (const { opType, output, attribute } of allNodes(graph))
    if (opType === "Constant" && attribute[0]?.t) sizes.set(output[0] ?? "", tensorSize(attribute[0].t));
  const rows = new Map<string, OperatorRow>();
  for (const node of allNodes(graph)) {
    const op = node.opType ?? "";
    if (op === "Constant") continue; // a weight, written as a node
    const known = rows.get(op) ?? { op, nodes: 0, parameters: 0, macs: macs.get(op) ?? 0 };
    const read = node.input.reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0);
    rows.set(op, { ...known, nodes: known.nodes + 1, parameters: known.parameters + read });
  }
  return [...rows.values()].sort((a, b) => b.macs - a.macs || b.parameters - a.parameters || b.nodes - a.nodes);
}

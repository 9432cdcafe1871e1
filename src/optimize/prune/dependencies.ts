// SPDX-License-Identifier: Apache-2.0
// Which channels of a model can go, and which must go together. One pass in topological order: what a later node ties reaches back to
// the nodes before it, since ties are kept in one set of atoms for the whole graph.
import { OrtserveError } from "../../errors.js";
import { Graph } from "../onnx/graph.js";
import { ElementType } from "../onnx/messages.js";
import type { OnnxModel } from "../onnx/model-file.js";
import type { NodeRun } from "../run/profile.js";
import type { Atoms } from "./atoms.js";
import { followNode } from "./rules.js";
import { type Channels, type Edit, type Producer, Tracer } from "./tracer.js";

/** Channels that go together or not at all. */
export interface Unit {
  /** All that are tied. */
  readonly atoms: readonly number[];
}

/** Units that are alike: the same nodes make each of them, so that any of them may go and the rest stays in step. */
export interface UnitGroup {
  /** Of the node, or the input, that makes them first. */
  readonly name: string;
  readonly producers: readonly Producer[];
  readonly units: readonly Unit[];
  /** Channels of the first producer in a unit: more than 1 for heads of attention and grouped convolutions. */
  readonly width: number;
  readonly kind: "layer" | "input" | "output";
}

export interface Port {
  readonly name: string;
  readonly kind: "input" | "output";
  readonly atoms: readonly number[];
}

export interface Dependencies {
  readonly graph: Graph;
  readonly atoms: Atoms;
  readonly edits: readonly Edit[];
  readonly producers: readonly Producer[];
  readonly groups: readonly UnitGroup[];
  /** Inputs and outputs with channels in their last dim that may go. */
  readonly ports: readonly Port[];
  /** Why channels of a tensor must stay, by its name. */
  readonly obstacles: ReadonlyMap<string, string>;
  /** Of a tensor in the run that was traced. */
  shape(tensor: string | undefined): readonly number[] | undefined;
  channels(tensor: string | undefined): Channels | undefined;
}

export interface DependencyOptions {
  /** Elements of the last dim of inputs may go. */
  readonly pruneInputs?: boolean;
  /** The output whose elements may go, by their position in its last dim. */
  readonly freeOutput?: string;
}

/** `runs`: the model as written, profiled. Edits name nodes of `model`, which must not change. */
export function findDependencies(
  model: OnnxModel,
  runs: readonly NodeRun[],
  shapesOfInputs: ReadonlyMap<string, readonly number[]>,
  options: DependencyOptions = {},
): Dependencies {
  const graph = new Graph(model);
  const t = new Tracer(graph, new Map([...shapesOfInputs, ...shapesOf(graph, runs)]));
  if (options.pruneInputs) freeInputs(t);
  for (const node of graph.nodes) followNode(node, t);
  for (const { name = "" } of graph.proto.output)
    if (name !== options.freeOutput) t.freezeTensor(name, "the model gives it");
  const ports = t.producers.flatMap(({ node, name, atoms }): Port[] => (node ? [] : [{ name, kind: "input", atoms }]));
  const free = options.freeOutput === undefined ? [] : outputAtoms(t, options.freeOutput);
  if (options.freeOutput !== undefined) ports.push({ name: options.freeOutput, kind: "output", atoms: free });
  const { atoms, edits, producers, obstacles } = t;
  const groups = groupUnits(t, new Set(free.map((atom) => atoms.root(atom))));
  const shape = (tensor: string | undefined) => t.shape(tensor);
  const channels = (tensor: string | undefined) => t.channels(tensor);
  return { graph, atoms, edits, producers, obstacles, ports, groups, shape, channels };
}

function shapesOf(graph: Graph, runs: readonly NodeRun[]): Map<string, readonly number[]> {
  const shapes = new Map<string, readonly number[]>();
  for (const run of runs) {
    const node = graph.nodes[run.index];
    if (node?.opType !== run.op || node.name !== run.name) continue; // of a body
    const names = node.output.filter((name) => name !== "");
    for (const [i, use] of run.outputs.entries()) if (names[i]) shapes.set(names[i], use.shape);
  }
  return shapes;
}

function freeInputs(t: Tracer): void {
  for (const { name = "", type } of t.graph.inputs) {
    const dims = t.shape(name) ?? [];
    const fixed = type?.tensorType?.shape?.dim.at(-1)?.dimValue === dims.at(-1);
    if (type?.tensorType?.elemType === ElementType.float && dims.length >= 2 && fixed)
      t.produceInput(name, dims.length - 1, dims.at(-1) ?? 0);
  }
}

/** Atoms of an output's last dim. Throws ERR_UNSUPPORTED when some must stay for another reason. */
function outputAtoms(t: Tracer, name: string): readonly number[] {
  const channels = t.channels(name);
  const last = (t.shape(name)?.length ?? 0) - 1;
  const isFrozen = channels?.atoms.some((atom) => t.atoms.isFrozen(atom));
  if (channels?.axis === last && !isFrozen) return channels.atoms;
  const why = channels ? [...t.obstacles.values()].at(-1) : "no layer makes its last dim";
  throw new OrtserveError(
    "ERR_UNSUPPORTED",
    `elements of output '${name}' cannot go: ${why ?? "they are needed elsewhere"}`,
  );
}

/** Groups by signature: how many atoms each producer has in a unit. */
function groupUnits(t: Tracer, free: ReadonlySet<number>): UnitGroup[] {
  const units = new Map<number, { atoms: number[]; counts: Map<number, number> }>();
  const empty = (): { atoms: number[]; counts: Map<number, number> } => ({ atoms: [], counts: new Map() });
  for (const [index, { atoms }] of t.producers.entries()) {
    for (const atom of atoms) {
      if (t.atoms.isFrozen(atom)) continue;
      const root = t.atoms.root(atom);
      const unit = units.get(root) ?? empty();
      unit.atoms.push(atom);
      unit.counts.set(index, (unit.counts.get(index) ?? 0) + 1);
      units.set(root, unit);
    }
  }
  const groups = new Map<string, { units: Unit[]; counts: Map<number, number>; isOutput: boolean }>();
  for (const [root, { atoms, counts }] of units) {
    const isOutput = free.has(root);
    const key = [...counts].map(([producer, count]) => `${producer}x${count}`).join() + (isOutput ? "!" : "");
    const group = groups.get(key) ?? { units: [], counts, isOutput };
    group.units.push({ atoms });
    groups.set(key, group);
  }
  return [...groups.values()].map((group) => describe(t, group.units, group.counts, group.isOutput));
}

function describe(t: Tracer, units: Unit[], counts: ReadonlyMap<number, number>, isOutput: boolean): UnitGroup {
  const producers = [...counts.keys()].map((index) => t.producers[index] as Producer);
  const [first] = producers;
  const kind = isOutput ? "output" : producers.some(({ node }) => node === undefined) ? "input" : "layer";
  return { name: first?.name ?? "", producers, units, width: [...counts.values()][0] ?? 1, kind };
}

// SPDX-License-Identifier: Apache-2.0
// Watches tensors inside a model while samples run through it. Values are counted and dropped at once: memory depends on the
// model, not on how many samples there are or how large they are together.
import { OrtserveError } from "../../errors.js";
import { type PredictInputs, prepareInputs } from "../../runtime/inputs.js";
import type { Model } from "../../runtime/model.js";
import type { Samples } from "../data/samples.js";
import { Graph } from "../onnx/graph.js";
import { ElementType, type GraphProto } from "../onnx/messages.js";
import type { OnnxModel } from "../onnx/model-file.js";
import type { Workbench } from "../run/workbench.js";
import { Histogram } from "./histogram.js";

export interface CalibrationOptions {
  /** Most bytes of watched tensors at once; a model with more is run several times per sample. Default: 64 MiB. */
  budgetBytes?: number;
  /** After each sample. */
  onSample?: (done: number, of: number) => void;
}

/** Tensors watched in the first run, when their sizes are not known yet. */
const firstGroup = 8;

/** Distributions of `tensors`, graph inputs among them, over all samples. Rejects as predict() does, with the sample's number. */
export async function calibrate(
  bench: Workbench,
  model: OnnxModel,
  tensors: readonly string[],
  samples: Samples,
  options: CalibrationOptions = {},
): Promise<Map<string, Histogram>> {
  const found = new Map(tensors.map((name) => [name, new Histogram()]));
  const graph = new Graph(model);
  const inner = tensors.filter((name) => !graph.isInput(name));
  const session = await bench.load(inner.length > 0 ? watched(model, inner) : model);
  try {
    let groups = chunks(inner);
    for (let i = 0; i < samples.count; i++) {
      const inputs = await samples.inputs(i);
      const sizes = await observe(session, inputs, groups, found, i);
      if (i === 0) groups = pack(inner, sizes, options.budgetBytes ?? 2 ** 26);
      options.onSample?.(i + 1, samples.count);
    }
  } finally {
    await session.close();
  }
  return found;
}

/** The model with further FP32 outputs: ONNX Runtime keeps a tensor that is asked for, however it rewrites the rest. */
export function watched({ proto, directory }: OnnxModel, tensors: readonly string[]): OnnxModel {
  const graph = proto.graph as GraphProto;
  const known = new Set(graph.output.map(({ name }) => name));
  const added = tensors
    .filter((name) => !known.has(name))
    .map((name) => ({ name, type: { tensorType: { elemType: ElementType.float } }, metadataProps: [] }));
  return { proto: { ...proto, graph: { ...graph, output: [...graph.output, ...added] } }, directory };
}

/** Bytes of each tensor. */
async function observe(
  session: Model,
  inputs: PredictInputs,
  groups: readonly (readonly string[])[],
  found: ReadonlyMap<string, Histogram>,
  sample: number,
): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  const count = (name: string, values: unknown) => {
    const histogram = found.get(name);
    if (histogram === undefined || !(values instanceof Float32Array)) return;
    try {
      histogram.add(values);
    } catch (cause) {
      throw new OrtserveError("ERR_RUN_FAILED", `sample ${sample}, tensor '${name}': ${(cause as Error).message}`, {
        cause,
      });
    }
    sizes.set(name, values.byteLength);
  };
  for (const group of groups) {
    const outputs = await session.predict(inputs, { outputs: group });
    for (const [name, { data }] of Object.entries(outputs)) count(name, data);
  }
  const given = prepareInputs(session.metadata, inputs);
  for (const [i, { name }] of session.metadata.inputs.entries()) count(name, given[i]?.data);
  return sizes;
}

function chunks(names: readonly string[]): string[][] {
  const count = Math.ceil(names.length / firstGroup);
  return Array.from({ length: count }, (_, i) => names.slice(i * firstGroup, (i + 1) * firstGroup));
}

/** Groups of at most `budget` bytes, or of one tensor that is larger alone. */
function pack(names: readonly string[], sizes: ReadonlyMap<string, number>, budget: number): string[][] {
  const groups: string[][] = [];
  let room = 0;
  for (const name of names) {
    const bytes = sizes.get(name) ?? 0;
    if (bytes > room || groups.length === 0) {
      groups.push([]);
      room = budget;
    }
    groups.at(-1)?.push(name);
    room -= bytes;
  }
  return groups;
}

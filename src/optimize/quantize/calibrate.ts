// SPDX-License-Identifier: Apache-2.0
// Watches tensors inside a model while samples run through it. Values are counted and dropped at once: memory depends on the
// model, not on how many samples there are or how large they are together.
import { OrtserveError } from "../../errors.js";
import { startEngine } from "../../runtime/engine.js";
import { type Distribution, Histogram } from "../../runtime/histogram.js";
import { type PredictInputs, prepareInputs } from "../../runtime/inputs.js";
import type { Model } from "../../runtime/model.js";
import { observe } from "../../runtime/observe.js";
import type { Samples } from "../data/samples.js";
import { Graph } from "../onnx/graph.js";
import type { OnnxModel } from "../onnx/model-file.js";
import { pack, watched } from "../run/watched.js";
import type { Workbench } from "../run/workbench.js";

/** Bytes of watched tensors that are in memory at once, where nothing else is asked for. */
export const calibrationBytes = 128 * 2 ** 20;

export interface CalibrationOptions {
  /** Most bytes of watched tensors at once; a model with more is run several times per sample. Default: {@link calibrationBytes}. */
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
): Promise<Map<string, Distribution>> {
  const found = new Map(tensors.map((name) => [name, new Histogram()]));
  const graph = new Graph(model);
  const inner = tensors.filter((name) => !graph.isInput(name));
  const { budgetBytes = calibrationBytes } = options;
  const session = await bench.load(inner.length > 0 ? watched(model, inner) : model, {
    threads: startEngine().cores,
    sessionOptions: { "session.intra_op.allow_spinning": "0" },
  });
  try {
    let groups: readonly (readonly string[])[] = [];
    for (let i = 0; i < samples.count; i++) {
      const inputs = await samples.inputs(i);
      const watch = (names: readonly string[]) => count(session, inputs, pick(found, names), i);
      if (i === 0) groups = pack(inner, await probe(inner, watch, budgetBytes), budgetBytes);
      else for (const group of groups) await watch(group);
      countInputs(session, inputs, found, i);
      options.onSample?.(i + 1, samples.count);
    }
  } finally {
    await session.close();
  }
  return new Map([...found].map(([name, histogram]) => [name, histogram.read()]));
}

function pick<T>(from: ReadonlyMap<string, T>, names: readonly string[]): Map<string, T> {
  return new Map(names.map((name) => [name, from.get(name) as T]));
}

/** Counts all of `names` in groups that grow as far as the sizes seen so far allow: neighbours are of similar size. */
async function probe(
  names: readonly string[],
  watch: (names: readonly string[]) => Promise<Map<string, number>>,
  budget: number,
): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  for (let at = 0, next = firstGroup; at < names.length; ) {
    const group = names.slice(at, at + next);
    const seen = await watch(group);
    for (const [name, bytes] of seen) sizes.set(name, bytes);
    at += group.length;
    next = Math.max(firstGroup, Math.floor(budget / Math.max(1, ...seen.values())));
  }
  return sizes;
}

/** Adds what a group of outputs holds; their sizes in bytes. Names the sample where a value is no number. */
async function count(
  session: Model,
  inputs: PredictInputs,
  found: ReadonlyMap<string, Histogram>,
  sample: number,
): Promise<Map<string, number>> {
  try {
    const counted = await observe(session, inputs, found);
    return new Map([...counted].map(([name, values]) => [name, 4 * values]));
  } catch (cause) {
    if (!(cause instanceof OrtserveError) || cause.code !== "ERR_RUN_FAILED") throw cause;
    throw new OrtserveError("ERR_RUN_FAILED", `sample ${sample}, ${cause.message}`, { cause });
  }
}

function countInputs(
  session: Model,
  inputs: PredictInputs,
  found: ReadonlyMap<string, Histogram>,
  sample: number,
): void {
  const given = prepareInputs(session.metadata, inputs);
  for (const [i, { name }] of session.metadata.inputs.entries()) {
    const data = given[i]?.data;
    if (!(data instanceof Float32Array)) continue;
    try {
      found.get(name)?.add(data);
    } catch (cause) {
      throw new OrtserveError("ERR_RUN_FAILED", `sample ${sample}, tensor '${name}': ${(cause as Error).message}`, {
        cause,
      });
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
// Inputs that do not matter and outputs that nobody wants.
import { OrtserveError } from "../../errors.js";
import type { TensorSpec } from "../../runtime/model.js";
import type { Samples } from "../data/samples.js";
import type { OnnxModel } from "../onnx/model-file.js";
import type { Dependencies, UnitGroup } from "./dependencies.js";
import { Removal, removeChannels } from "./surgery.js";

export interface KeptOutputs {
  readonly name: string;
  /** Positions in the last dim, ascending. */
  readonly positions: readonly number[];
}

/** Of "0-3,7" or "NAME:0-3,7". Throws ERR_INVALID_ARGUMENT. */
export function keptOutputs(text: string | undefined, outputs: readonly TensorSpec[]): KeptOutputs | undefined {
  if (text === undefined) return undefined;
  const [, named, list = ""] = /^(?:(.+):)?([0-9,-]+)$/.exec(text) ?? [];
  const names = outputs.map(({ name }) => name);
  const name = named ?? (names.length === 1 ? names[0] : undefined);
  const output = outputs.find((one) => one.name === name);
  const positions = new Set<number>();
  let valid = output !== undefined;
  for (const part of list.split(",")) {
    const [, from, to] = /^([0-9]+)(?:-([0-9]+))?$/.exec(part) ?? [];
    const [first, last] = [Number(from), Number(to ?? from)];
    valid &&= from !== undefined && first <= last && last < (output?.shape.at(-1) ?? 0);
    for (let i = first; valid && i <= last; i++) positions.add(i);
  }
  if (valid && output) return { name: output.name, positions: [...positions].sort((a, b) => a - b) };
  const widths = outputs.map((one) => `${one.name} [${one.shape.join(",")}]`).join(", ");
  const wanted = "expected positions in an output's last dim to keep, such as 0-3,7 or NAME:0-3,7";
  throw new OrtserveError("ERR_INVALID_ARGUMENT", `${wanted}, got '${text}'; outputs: ${widths}`);
}

/** Atoms of the elements that are not kept. */
export function unwantedOutputs({ ports }: Dependencies, wanted: KeptOutputs | undefined): number[] {
  const keep = new Set(wanted?.positions);
  const output = ports.find(({ kind, name }) => kind === "output" && name === wanted?.name);
  return (output?.atoms ?? []).filter((_, i) => !keep.has(i));
}

/** Below this share of the mean score an input's element does nothing. */
const dead = 1e-9;

/** Atoms of elements of inputs that are zero in every sample, or whose weights are. One stays. */
export function deadInputs(deps: Dependencies, scores: ReadonlyMap<UnitGroup, Float64Array>): number[] {
  return deps.groups.flatMap((group) => {
    const all = scores.get(group);
    if (group.kind !== "input" || all === undefined) return [];
    const mean = all.reduce((a, b) => a + b, 0) / all.length;
    const gone = group.units.filter((_, i) => (all[i] as number) <= dead * mean);
    return gone.slice(gone.length === all.length ? 1 : 0).map(({ atoms }) => atoms[0] as number);
  });
}

/** The original with unwanted outputs cut off, to compare with; undefined when it has none. */
export function referenceFor(base: OnnxModel, deps: Dependencies, unwanted: readonly number[]): OnnxModel | undefined {
  return unwanted.length === 0 ? undefined : removeChannels(base, deps, new Removal(deps, unwanted));
}

/** Labels are positions of classes, which change when classes go; samples of a class that is gone have none. */
export function relabelled(samples: Samples, { positions }: KeptOutputs): Samples {
  const label = (index: number) => {
    const place = positions.indexOf(samples.label(index) ?? -1);
    return place < 0 ? undefined : place;
  };
  return { count: samples.count, inputs: (index) => samples.inputs(index), label };
}

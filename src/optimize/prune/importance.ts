// SPDX-License-Identifier: Apache-2.0
// How much each unit matters to those who read it.
import type { Samples } from "../data/samples.js";
import type { OnnxModel } from "../onnx/model-file.js";
import { isOp } from "../onnx/node.js";
import { type ChannelMeans, channelMeans } from "../run/channel-means.js";
import type { Workbench } from "../run/workbench.js";
import type { Dependencies, UnitGroup } from "./dependencies.js";
import type { SliceEdit } from "./tracer.js";

export type Criterion = "activations" | "weights";

/**
 * Scores of each group's units. "activations": E[a^2] * ||W||^2 summed over the readers, where a is what the reader is given and W its
 * weights for that channel (Wanda's criterion, squared and summed over a structure). Without samples, "weights": ||W||^2 of readers
 * and makers (group L2).
 */
export function scoreUnits(deps: Dependencies, means: ChannelMeans | undefined): Map<UnitGroup, Float64Array> {
  const byRoot = new Map<number, number>();
  for (const edit of deps.edits) {
    if (edit.kind !== "slice" || edit.role === "through" || (means && edit.role === "out")) continue;
    const norms = squaredNorms(deps, edit);
    const energy = means?.energy(edit.node.input[0] ?? "");
    for (const [i, atom] of edit.atoms.entries()) {
      const root = deps.atoms.root(atom);
      byRoot.set(root, (byRoot.get(root) ?? 0) + (norms[i] as number) * (energy ? (energy[i] ?? 0) : 1));
    }
  }
  const score = (atom = 0) => byRoot.get(deps.atoms.root(atom)) ?? 0;
  return new Map(deps.groups.map((group) => [group, Float64Array.from(group.units, ({ atoms }) => score(atoms[0]))]));
}

/** Means of what every reader of channels is given. Rejects as predict() does. */
export function readerMeans(
  bench: Workbench,
  model: OnnxModel,
  deps: Dependencies,
  samples: Samples,
  onSample: (done: number, of: number) => void,
): Promise<ChannelMeans> {
  const axes = new Map<string, number>();
  for (const edit of deps.edits) {
    if (edit.kind !== "slice" || edit.role !== "in") continue;
    axes.set(edit.node.input[0] ?? "", isOp(edit.node, "MatMul") ? -1 : 1);
  }
  return channelMeans(bench, model, axes, samples, { shape: (name) => deps.shape(name), onSample });
}

/** Of a weight's slices along the edit's axis. Those of a grouped convolution's inputs are of all its groups together. */
function squaredNorms(deps: Dependencies, { node, input, axis, atoms }: SliceEdit): Float64Array {
  const dims = deps.graph.initializer(node.input[input])?.dims ?? [];
  const values = deps.graph.floats(node.input[input]) ?? new Float32Array();
  const inner = dims.slice(axis + 1).reduce((a, b) => a * b, 1);
  const norms = new Float64Array(atoms.length);
  for (let at = 0; at < values.length; at++) {
    const index = Math.floor(at / inner) % atoms.length;
    (norms[index] as number) += (values[at] as number) ** 2;
  }
  return norms;
}

/** Each group's scores over their mean, so that groups compare; zero where all are. */
export function relativeScores(scores: Float64Array): Float64Array {
  const mean = scores.reduce((a, b) => a + b, 0) / Math.max(1, scores.length);
  return scores.map((score) => (mean > 0 ? score / mean : 0));
}

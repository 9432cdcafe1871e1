// SPDX-License-Identifier: Apache-2.0
// Multiply-accumulates of a model without some of its channels, from those it had.
import type { NodeProto } from "../onnx/messages.js";
import { multiplyAccumulates } from "../run/cost.js";
import type { NodeRun } from "../run/profile.js";
import type { Dependencies } from "./dependencies.js";
import type { Removal } from "./surgery.js";

export class CostModel {
  /** Of the whole model. */
  readonly total: number;
  readonly #terms: { macs: number; axes: readonly (readonly number[])[] }[] = [];

  constructor(deps: Dependencies, runs: readonly NodeRun[]) {
    const places = new Map<NodeProto, (readonly number[])[]>();
    for (const edit of deps.edits)
      if (edit.kind === "slice" && edit.input === 1)
        places.set(edit.node, [...(places.get(edit.node) ?? []), edit.atoms]);
    for (const run of runs) {
      const node = deps.graph.nodes[run.index];
      const macs = multiplyAccumulates(run);
      if (macs === 0 || node === undefined || node.name !== run.name) continue;
      this.#terms.push({ macs, axes: places.get(node) ?? productAxes(deps, node) });
    }
    this.total = this.#terms.reduce((sum, { macs }) => sum + macs, 0);
  }

  /** A node's work shrinks with each axis of its weights. */
  after(removal: Removal): number {
    const share = (atoms: readonly number[]) => removal.kept(atoms).length / atoms.length;
    return this.#terms.reduce(
      (sum, { macs, axes }) => sum + axes.reduce((left, atoms) => left * share(atoms), macs),
      0,
    );
  }
}

/** Of a product of two activations, or of a layer whose channels stay. */
function productAxes(deps: Dependencies, node: NodeProto): (readonly number[])[] {
  const channels = deps.channels(node.input[0]) ?? deps.channels(node.input[1]);
  return node.opType === "MatMul" && channels ? [channels.atoms] : [];
}

// SPDX-License-Identifier: Apache-2.0
// How much memory the tensors of one run take: each lives from the node that makes it to the last one that reads it.
import { captured } from "../onnx/graph.js";
import type { GraphProto } from "../onnx/messages.js";
import type { OnnxModel } from "../onnx/model-file.js";
import type { NodeRun, TensorUse } from "../run/profile.js";

const widths: Readonly<Record<string, number>> = {
  float: 4,
  double: 8,
  int64: 8,
  uint64: 8,
  int32: 4,
  uint32: 4,
  float16: 2,
  bfloat16: 2,
  int16: 2,
  uint16: 2,
};

function bytesOf({ type, shape }: TensorUse): number {
  return shape.reduce((product, dim) => product * dim, widths[type] ?? 1);
}

/** Peak over the nodes as written, in the order in which they ran. Inputs count as long as they are read, outputs to the end. */
export function peakTensorBytes(
  model: OnnxModel,
  inputs: Readonly<Record<string, { readonly data: object }>>,
  runs: readonly NodeRun[],
): number {
  const graph = model.proto.graph as GraphProto;
  // ONNX Runtime makes weights of Constant nodes before it counts. A profile counts the nodes of bodies too, from 0 again: the operator
  // tells whether it is this graph's.
  const nodes = graph.node.filter(({ opType }) => opType !== "Constant");
  const steps = runs.flatMap((run) => {
    const node = nodes[run.index];
    return node?.opType === run.op && node.output.length >= run.outputs.length ? [{ run, node }] : [];
  });
  const lastUse = new Map<string, number>();
  for (const [step, { node }] of steps.entries())
    for (const name of [...node.input, ...captured(node)]) lastUse.set(name, step);
  for (const { name = "" } of graph.output) lastUse.set(name, steps.length);

  const alive = new Map(
    Object.entries(inputs).map(([name, { data }]) => [name, ArrayBuffer.isView(data) ? data.byteLength : 0]),
  );
  let live = [...alive.values()].reduce((a, b) => a + b, 0);
  let peak = live;
  for (const [step, { run, node }] of steps.entries()) {
    for (const [i, use] of run.outputs.entries()) {
      const [name = "", bytes] = [node.output[i], bytesOf(use)];
      alive.set(name, bytes);
      live += bytes;
    }
    peak = Math.max(peak, live);
    for (const [name, bytes] of alive) {
      if ((lastUse.get(name) ?? -1) > step) continue;
      alive.delete(name);
      live -= bytes;
    }
  }
  return peak;
}

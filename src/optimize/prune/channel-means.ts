// SPDX-License-Identifier: Apache-2.0
// What the readers of channels are given, channel by channel, over samples: means and mean squares.
import type { PredictInputs } from "../../runtime/inputs.js";
import { prepareInputs } from "../../runtime/inputs.js";
import type { Model } from "../../runtime/model.js";
import { Tensor } from "../../runtime/tensor.js";
import type { Samples } from "../data/samples.js";
import { Graph } from "../onnx/graph.js";
import type { OnnxModel } from "../onnx/model-file.js";
import { pack, watched } from "../run/watched.js";
import type { Workbench } from "../run/workbench.js";

class Sums {
  readonly sum: Float64Array;
  readonly squares: Float64Array;
  count = 0;

  constructor(channels: number) {
    this.sum = new Float64Array(channels);
    this.squares = new Float64Array(channels);
  }

  /** Values [outer, channels, inner]. */
  add(values: Float32Array, inner: number): void {
    const channels = this.sum.length;
    for (let at = 0, channel = 0; at < values.length; at += inner, channel = (channel + 1) % channels) {
      let [sum, squares] = [0, 0];
      for (let i = at; i < at + inner; i++) {
        const value = values[i] as number;
        sum += value;
        squares += value * value;
      }
      (this.sum[channel] as number) += sum;
      (this.squares[channel] as number) += squares;
    }
    this.count += values.length / channels;
  }
}

export class ChannelMeans {
  readonly #sums = new Map<string, Sums>();

  /** Mean squares. */
  energy(tensor: string): Float64Array | undefined {
    const sums = this.#sums.get(tensor);
    return sums?.squares.map((value) => value / sums.count);
  }

  mean(tensor: string): Float64Array | undefined {
    const sums = this.#sums.get(tensor);
    return sums?.sum.map((value) => value / sums.count);
  }

  add(tensor: string, values: Float32Array, shape: readonly number[], axis: number): void {
    const known = this.#sums.get(tensor) ?? new Sums(shape[axis] ?? 1);
    this.#sums.set(tensor, known);
    known.add(
      values,
      shape.slice(axis + 1).reduce((a, b) => a * b, 1),
    );
  }
}

/** Most bytes of tensors watched in one run. */
const budgetBytes = 2 ** 27;

/** `axes`: of the channels, by tensor; `bytes`: about the tensor's size. Rejects as predict() does. */
export async function channelMeans(
  bench: Workbench,
  model: OnnxModel,
  axes: ReadonlyMap<string, number>,
  bytes: (tensor: string) => number,
  samples: Samples,
  onSample: (done: number, of: number) => void,
): Promise<ChannelMeans> {
  const graph = new Graph(model);
  const inner = [...axes.keys()].filter((name) => !graph.isInput(name));
  const session = await bench.load(inner.length > 0 ? watched(model, inner) : model);
  const means = new ChannelMeans();
  try {
    const groups = pack(inner, new Map(inner.map((name) => [name, bytes(name)])), budgetBytes);
    for (let i = 0; i < samples.count; i++) {
      const inputs = await samples.inputs(i);
      for (const group of groups) await addOutputs(session, inputs, group, axes, means);
      addInputs(session, inputs, axes, means);
      onSample(i + 1, samples.count);
    }
  } finally {
    await session.close();
  }
  return means;
}

async function addOutputs(
  session: Model,
  inputs: PredictInputs,
  names: readonly string[],
  axes: ReadonlyMap<string, number>,
  means: ChannelMeans,
): Promise<void> {
  for (const [name, value] of Object.entries(await session.predict(inputs, { outputs: names }))) {
    if (!(value instanceof Tensor) || !(value.data instanceof Float32Array)) continue;
    means.add(name, value.data, value.shape, axes.get(name) as number);
  }
}

function addInputs(
  session: Model,
  inputs: PredictInputs,
  axes: ReadonlyMap<string, number>,
  means: ChannelMeans,
): void {
  const given = prepareInputs(session.metadata, inputs);
  for (const [i, { name }] of session.metadata.inputs.entries()) {
    const [tensor, axis] = [given[i], axes.get(name)];
    if (axis !== undefined && tensor?.data instanceof Float32Array) means.add(name, tensor.data, tensor.dims, axis);
  }
}

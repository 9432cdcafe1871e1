// SPDX-License-Identifier: Apache-2.0
// What tensors hold, channel by channel, over samples: means and mean squares.
import type { Samples } from "../data/samples.js";
import { Graph } from "../onnx/graph.js";
import type { OnnxModel } from "../onnx/model-file.js";
import { TensorReader } from "./tensor-reader.js";
import { pack, watched } from "./watched.js";
import type { Workbench } from "./workbench.js";

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

  /** Values of each channel that were seen. */
  count(tensor: string): number {
    return this.#sums.get(tensor)?.count ?? 0;
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

export interface MeansOptions {
  /** Of a tensor, where known, to tell how many fit one run. Default: eight. */
  readonly shape?: (tensor: string) => readonly number[] | undefined;
  /** Only so many of the samples. */
  readonly most?: number;
  readonly onSample?: (done: number, of: number) => void;
}

/** `axes`: of the channels, by tensor; negative from the last dim. Rejects as predict() does. */
export async function channelMeans(
  bench: Workbench,
  model: OnnxModel,
  axes: ReadonlyMap<string, number>,
  samples: Samples,
  { shape: shapeOf, most = samples.count, onSample }: MeansOptions = {},
): Promise<ChannelMeans> {
  const names = [...axes.keys()];
  const graph = new Graph(model);
  const inner = names.filter((name) => !graph.isInput(name));
  const bytes = (name: string) => shapeOf?.(name)?.reduce((a, b) => a * b, 4) ?? budgetBytes / 8;
  const groups = pack(names, new Map(names.map((name) => [name, bytes(name)])), budgetBytes);
  const reader = await TensorReader.open(bench, inner.length > 0 ? watched(model, inner) : model);
  const means = new ChannelMeans();
  const count = Math.min(most, samples.count);
  try {
    for (let i = 0; i < count; i++) {
      const inputs = await samples.inputs(i);
      for (const group of groups)
        for (const [name, { data, shape }] of await reader.read(inputs, group))
          means.add(name, data, shape, axisOf(axes.get(name) as number, shape));
      onSample?.(i + 1, count);
    }
  } finally {
    await reader.close();
  }
  return means;
}

function axisOf(axis: number, shape: readonly number[]): number {
  return axis < 0 ? shape.length + axis : axis;
}

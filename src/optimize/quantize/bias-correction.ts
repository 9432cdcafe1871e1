// SPDX-License-Identifier: Apache-2.0
// Rounded weights and inputs shift the mean of a layer's results; its bias takes the shift back (Nagel et al. 2019, "Data-Free
// Quantization Through Weight Equalization and Bias Correction", section 4.2, with samples in place of their statistics).
import type { Samples } from "../data/samples.js";
import { Graph } from "../onnx/graph.js";
import { ElementType } from "../onnx/messages.js";
import type { OnnxModel } from "../onnx/model-file.js";
import { makeTensor } from "../onnx/tensor-data.js";
import { channelMeans } from "../run/channel-means.js";
import type { Workbench } from "../run/workbench.js";
import type { Layer } from "./layers.js";
import { copyGraph } from "./write-pairs.js";

const samplesUsed = 4;
/** A mean over fewer values says little of other samples: the bias then stays, as behind a pooling over the whole image. */
const fewestValues = 64;

export interface BiasCorrectionRequest {
  readonly bench: Workbench;
  /** The FP32 model. */
  readonly base: OnnxModel;
  /** In the order in which they run. */
  readonly layers: readonly Layer[];
  /** Quantizes a model that differs from `base` in its biases. */
  readonly quantize: (model: OnnxModel) => OnnxModel;
  readonly samples: Samples;
  readonly onLayer: (done: number, of: number) => void;
}

/** Corrected biases, FP32, by the names of their layers. */
export type BiasCorrections = ReadonlyMap<string, { readonly bias: string; readonly values: Float32Array }>;

/**
 * Biases with which each layer's results have, once it is quantized, the mean of the original's. Layers are corrected one after the
 * other, each behind those before it: corrected at once, each would also take back what its inputs no longer have.
 */
export async function correctBiases(request: BiasCorrectionRequest): Promise<BiasCorrections> {
  const { bench, base, quantize, samples, onLayer } = request;
  const graph = new Graph(base);
  const layers = request.layers.filter(
    ({ bias, kind }) => bias && kind === "Conv" && graph.consumers(bias).length === 1,
  );
  const meansOf = (model: OnnxModel, names: readonly string[]) =>
    channelMeans(bench, model, new Map(names.map((name) => [name, 1])), samples, { most: samplesUsed });
  const before = await meansOf(
    base,
    layers.map(({ output }) => output),
  );
  const found = new Map<string, { bias: string; values: Float32Array }>();
  for (const [i, { name, bias = "", output }] of layers.entries()) {
    const values = graph.floats(bias) ?? new Float32Array();
    const wanted = before.count(output) < fewestValues ? undefined : before.mean(output);
    const given = wanted && (await meansOf(quantize(withBiases(base, found)), [output])).mean(output);
    if (wanted?.length === values.length && given?.length === values.length) {
      const shift = (channel: number) => (wanted[channel] as number) - (given[channel] as number);
      found.set(name, { bias, values: Float32Array.from(values, (value, channel) => value + shift(channel)) });
    }
    onLayer(i + 1, layers.length);
  }
  return found;
}

/** A copy with corrected biases, but for the layers named: those stay FP32, so that nothing shifts them. */
export function withBiases(model: OnnxModel, corrections: BiasCorrections, except?: ReadonlySet<string>): OnnxModel {
  const draft = copyGraph(model);
  const graph = new Graph(draft);
  const chosen = [...corrections].filter(([layer]) => !except?.has(layer));
  const made = new Map(
    chosen.map(([, { bias, values }]) => [bias, makeTensor(bias, ElementType.float, [values.length], values)]),
  );
  graph.proto.initializer = graph.proto.initializer.map((tensor) => made.get(tensor.name ?? "") ?? tensor);
  return draft;
}

// SPDX-License-Identifier: Apache-2.0
// How the error grows along the network: each layer's result in the finished model beside that of the original.
import type { Samples } from "../data/samples.js";
import { OutputError } from "../judge/output-error.js";
import { Graph } from "../onnx/graph.js";
import type { OnnxModel } from "../onnx/model-file.js";
import { pack, watched } from "../run/watched.js";
import type { Workbench } from "../run/workbench.js";
import { fusedResult, type Placement } from "./placement.js";
import type { LayerNoise } from "./report-data.js";

const samplesUsed = 2;
/** Bytes of one model's results in one run. */
const budgetBytes = 2 ** 25;
/** What a result is taken to have where calibration has not seen it. */
const unknownBytes = budgetBytes / 8;

interface Watch {
  readonly layer: string;
  readonly original: string;
  readonly quantized: string;
}

export async function layerNoise(
  bench: Workbench,
  original: OnnxModel,
  quantized: OnnxModel,
  { layers }: Placement,
  samples: Samples,
  bytesOf: (tensor: string) => number | undefined,
): Promise<LayerNoise[]> {
  const [before, after] = [new Graph(original), new Graph(quantized)];
  const watches = layers.map((layer): Watch => {
    const tensor = fusedResult(before, layer.output);
    return { layer: layer.name, original: tensor, quantized: dequantized(after, tensor) };
  });
  const first = await bench.load(
    watched(
      original,
      watches.map((watch) => watch.original),
    ),
  );
  const second = await bench.load(
    watched(
      quantized,
      watches.map((watch) => watch.quantized),
    ),
  );
  const sizes = new Map(watches.map(({ original: name }) => [name, bytesOf(name) ?? unknownBytes]));
  const groups = pack([...sizes.keys()], sizes, budgetBytes);
  const errors = new Map(watches.map(({ layer }) => [layer, new OutputError()]));
  try {
    for (let i = 0; i < Math.min(samplesUsed, samples.count); i++) {
      const inputs = await samples.inputs(i);
      for (const names of groups) {
        const group = watches.filter((watch) => names.includes(watch.original));
        const unique = (names: string[]) => ({ outputs: [...new Set(names)] });
        const a = await first.predict(inputs, unique(group.map((watch) => watch.original)));
        const b = await second.predict(inputs, unique(group.map((watch) => watch.quantized)));
        for (const watch of group) {
          const [expected, actual] = [a[watch.original], b[watch.quantized]];
          if (expected && actual) errors.get(watch.layer)?.add(expected, actual);
        }
      }
    }
  } finally {
    await Promise.all([first.close(), second.close()]);
  }
  return [...errors].map(([layer, error]) => ({ layer, sqnr: error.summary(layer).sqnr }));
}

/** The float that stands for a tensor behind its pair; the tensor itself where it has none. */
function dequantized(graph: Graph, tensor: string): string {
  const quantize = graph.consumers(tensor).find(({ opType }) => opType === "QuantizeLinear");
  const dequantize = graph.consumers(quantize?.output[0]).find(({ opType }) => opType === "DequantizeLinear");
  return dequantize?.output[0] ?? tensor;
}

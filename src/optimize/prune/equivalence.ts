// SPDX-License-Identifier: Apache-2.0
// The proof that channels were cut out rightly: whatever the accuracy, the pruned model must give what the whole one gives when
// nothing reads those channels.
import { OrtserveError } from "../../errors.js";
import { Tensor } from "../../runtime/tensor.js";
import type { Samples } from "../data/samples.js";
import type { OnnxModel } from "../onnx/model-file.js";
import type { Workbench } from "../run/workbench.js";
import type { PortCut } from "./ports.js";

export interface Equivalence {
  /** Largest difference of an element, over the largest element of its output. */
  readonly error: number;
  readonly samples: number;
}

const mostError = 1e-4;
const mostSamples = 4;

/** Rejects with ERR_INTERNAL when the two differ by more than rounding. */
export async function proveEquivalence(
  bench: Workbench,
  masked: OnnxModel,
  pruned: OnnxModel,
  samples: Samples,
  ports: PortCut,
): Promise<Equivalence> {
  const [whole, cut] = [await bench.load(masked), await bench.load(pruned)];
  const count = Math.min(mostSamples, samples.count);
  let error = 0;
  try {
    for (let i = 0; i < count; i++) {
      const inputs = await samples.inputs(i);
      const [expected, actual] = [await whole.predict(inputs), await cut.predict(inputs)];
      for (const [name, value] of Object.entries(expected)) {
        if (!(value instanceof Tensor) || !(value.data instanceof Float32Array)) continue;
        const other = actual[name];
        error = Math.max(error, difference(ports.cut(name, value.data), other instanceof Tensor ? other.data : []));
      }
    }
  } finally {
    await Promise.all([whole.close(), cut.close()]);
  }
  if (error <= mostError) return { error, samples: count };
  throw new OrtserveError(
    "ERR_INTERNAL",
    `the pruned model differs from the original without those channels by ${error.toPrecision(2)}: nothing was written`,
  );
}

function difference(expected: Float32Array, actual: unknown): number {
  if (!(actual instanceof Float32Array) || actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let [largest, worst] = [Number.MIN_VALUE, 0];
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i] as number));
    const gap = Math.abs((expected[i] as number) - (actual[i] as number));
    if (!(gap <= worst)) worst = gap; // NaN counts
  }
  return worst === 0 ? 0 : worst / largest;
}

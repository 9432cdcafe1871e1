// SPDX-License-Identifier: Apache-2.0
// The proof that channels were cut out rightly: whatever the accuracy, the pruned model must give what the whole one gives when
// nothing reads those channels.
import { OrtserveError } from "../../errors.js";
import { Tensor } from "../../runtime/tensor.js";
import type { Samples } from "../data/samples.js";
import { Graph } from "../onnx/graph.js";
import { ElementType } from "../onnx/messages.js";
import type { OnnxModel } from "../onnx/model-file.js";
import { isOp } from "../onnx/node.js";
import type { Workbench } from "../run/workbench.js";
import type { PortCut } from "./ports.js";
import { upstream } from "./upstream.js";

export interface Equivalence {
  /** Largest difference of an element, over the largest element of its tensor: of an output, or of what its last function is given. */
  readonly error: number;
  readonly samples: number;
}

const mostError = 1e-4;
const mostSamples = 4;

/**
 * Functions whose results hide differences, or rounding: of what gives 1e-6 throughout, the last bit of 1 is a tenth, and of an index there is
 * nothing between equal and wrong.
 */
const squashing = ["Sigmoid", "HardSigmoid", "Softmax", "LogSoftmax", "Tanh", "ArgMax"];

/** Rejects with ERR_INTERNAL when the two differ by more than rounding, ERR_UNSUPPORTED where no output is of FP32. */
export async function proveEquivalence(
  bench: Workbench,
  masked: OnnxModel,
  pruned: OnnxModel,
  samples: Samples,
  ports: PortCut,
): Promise<Equivalence> {
  const compared = comparedTensors(masked);
  const tensors = [...compared.keys()];
  const [whole, cut] = [await bench.load(upstream(masked, tensors)), await bench.load(upstream(pruned, tensors))];
  const count = Math.min(mostSamples, samples.count);
  let error = 0;
  try {
    for (let i = 0; i < count; i++) {
      const inputs = await samples.inputs(i);
      const [expected, actual] = [await whole.predict(inputs), await cut.predict(inputs)];
      for (const [name, value] of Object.entries(expected)) {
        if (!(value instanceof Tensor) || !(value.data instanceof Float32Array)) continue;
        const other = actual[name];
        const output = compared.get(name) ?? name;
        error = Math.max(error, difference(ports.cut(output, value.data), other instanceof Tensor ? other.data : []));
      }
    }
  } finally {
    await Promise.all([whole.close(), cut.close()]);
  }
  if (error <= mostError) return { error, samples: count };
  const gap = Number.isFinite(error) ? `by ${error.toPrecision(2)}` : "in its infinities, NaN or number of values";
  throw new OrtserveError(
    "ERR_INTERNAL",
    `the pruned model differs from the original without those channels ${gap}: nothing was written`,
  );
}

/** By the tensor that is compared, the output that it stands for. */
function comparedTensors(model: OnnxModel): Map<string, string> {
  const graph = new Graph(model);
  const given = new Set(graph.proto.input.map(({ name }) => name));
  const found = new Map<string, string>();
  for (const { name = "", type } of graph.proto.output) {
    let tensor = name;
    for (let node = graph.producer(tensor); node && isOp(node, ...squashing); node = graph.producer(tensor)) {
      const source = node.input[0] ?? "";
      if (given.has(source) || graph.initializer(source)) break;
      tensor = source;
    }
    if (tensor !== name || type?.tensorType?.elemType === ElementType.float) found.set(tensor, name);
  }
  if (found.size > 0) return found;
  throw new OrtserveError("ERR_UNSUPPORTED", "the model has no FP32 output by which the result could be proven");
}

function difference(expected: Float32Array, actual: unknown): number {
  if (!(actual instanceof Float32Array) || actual.length !== expected.length) return Number.POSITIVE_INFINITY;
  let [largest, worst] = [Number.MIN_VALUE, 0];
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [expected[i] as number, actual[i] as number];
    if (!Number.isFinite(a) || !Number.isFinite(b)) {
      if (Object.is(a, b)) continue; // a masked score stays -Infinity
      return Number.POSITIVE_INFINITY;
    }
    largest = Math.max(largest, Math.abs(a));
    worst = Math.max(worst, Math.abs(a - b));
  }
  return worst === 0 ? 0 : worst / largest;
}

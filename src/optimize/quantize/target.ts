// SPDX-License-Identifier: Apache-2.0
// What the runtime that will execute the model wants. One artifact does not fit all: a model made for TensorRT is slower than
// FP32 on a CPU, and the CUDA provider has no integer kernels at all.
import { type IntegerType, int8, uint8 } from "./arithmetic.js";

export const targets = ["cpu", "tensorrt", "cuda"] as const;
export type Target = (typeof targets)[number];

export interface TargetProfile {
  readonly activations: IntegerType;
  /** Zero point in the middle. On a CPU this keeps a Relu from disappearing in the rounding that follows it. */
  readonly symmetric: boolean;
  /** Pairs on results as well as on inputs. */
  readonly quantizeOutputs: boolean;
  /** INT32 biases; else they stay FP32. */
  readonly integerBias: boolean;
}

export const profiles: Readonly<Record<"cpu" | "tensorrt", TargetProfile>> = {
  // UINT8 against INT8 weights is what x64's dot products take; INT8 activations fall back to FP32 wherever a tensor has two readers.
  cpu: { activations: uint8, symmetric: false, quantizeOutputs: true, integerBias: true },
  tensorrt: { activations: int8, symmetric: true, quantizeOutputs: false, integerBias: false },
};

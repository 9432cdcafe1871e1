// SPDX-License-Identifier: Apache-2.0
// Types of the addon's surface that `preprocess` and `postprocess` need; the rest is in binding.ts.

/** What an input is made of where requests need not bring the tensor. */
export type NativePreparedInput =
  | { readonly kind: "tabular"; readonly input: string; readonly columns: readonly string[] }
  | {
      readonly kind: "image";
      readonly input: string;
      /** Pixels the graph takes; 0: any. */
      readonly width: number;
      readonly height: number;
      readonly channels: number;
      /** As given to loadModel. */
      readonly decode: string;
    }
  /** `width`: samples the graph takes; 0: any. */
  | { readonly kind: "audio"; readonly input: string; readonly width: number; readonly decode: string };

/** `TabularColumn` of `native/core/transform/input_plan.h`. */
export interface NativeColumn {
  name: string;
  kind: "number" | "oneHot" | "ordinal";
  defaultNumber?: number;
  defaultCategory?: string;
  mean: number;
  std: number;
  low: number;
  high: number;
  clip: boolean;
  allowNan: boolean;
  categories: string[];
  /** Of each category, when ordinal. */
  codes: number[];
  unknown: "error" | "ignore" | "value";
  unknownCode: number;
}

export type NativeInputPlan =
  | { kind: "tabular"; columns: NativeColumn[] }
  | {
      kind: "image";
      /** Per channel of the decoded image: its value times `mul` plus `add` becomes channel `place` of the tensor. */
      mul: number[];
      add: number[];
      place: number[];
      /** Empty, one, or one per channel of the tensor. */
      scale: number[];
      zeroPoint: number[];
      layout: "auto" | "nhwc" | "nchw";
      /** 0: as the graph says. */
      width: number;
      height: number;
      /** What the decoder is told, for {@link NativePreparedInput}. */
      decode: string;
    }
  | { kind: "audio"; scale: number; decode: string };

/** `OutputPlan` of `native/core/transform/output_plan.h`. */
export interface NativeOutputPlan {
  scale?: number;
  zeroPoint: number;
  activation: "none" | "softmax" | "sigmoid";
  argmax: boolean;
  /** 0: no. */
  topK: number;
  threshold?: number;
  labels: string[];
  /** "": as in the graph. */
  name: string;
  scoresName: string;
}

/** A decoded image (`height` > 0: 8-bit pixels) or sound (16-bit samples), both with interleaved channels. */
export interface NativeAttachment {
  data: Uint8Array;
  /** Pixels, or samples of one channel. */
  width: number;
  height: number;
  channels: number;
}

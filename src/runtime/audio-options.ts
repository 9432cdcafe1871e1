// SPDX-License-Identifier: Apache-2.0
// How sound becomes an input.
import type { NativeInputPlan } from "../native/plans.js";
import { checkOptions, type OptionTable } from "./option-check.js";

export interface SoundPreprocess {
  /** Samples per second the model wants; WAV files of another rate are refused. Default: any. */
  sampleRate?: number;
  /** Interleaved channels of samples that come without a WAV header; they are mixed to one. Default: 1. */
  channels?: number;
  /** What a sample, from -32768 to 32767, is multiplied with. Default: 1 / 32768. */
  scale?: number;
}

const table: OptionTable<SoundPreprocess> = {
  sampleRate: { kind: "integer", min: 1, max: 1_000_000 },
  channels: { kind: "integer", min: 1, max: 64 },
  scale: { kind: "number", min: -Number.MAX_VALUE, max: Number.MAX_VALUE },
};

export function audioPlan(_where: string, options: SoundPreprocess): NativeInputPlan {
  checkOptions("audio", options, table);
  const { sampleRate = 0, channels = 1, scale = 1 / 32768 } = options;
  return { kind: "audio", scale, decode: JSON.stringify({ sampleRate, channels }) };
}

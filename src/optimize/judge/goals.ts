// SPDX-License-Identifier: Apache-2.0
// What a changed model must reach to be written at all.
import type { Quality } from "./quality.js";
import type { SpeedComparison } from "./speed.js";

export interface Goals {
  /** Most of {@link Quality.drop}, a share. */
  readonly maxDrop: number;
  /** Least signal to noise of every output, in dB; 0: no bound. */
  readonly minSqnr: number;
  /** Least speed-up; 0: size is what counts. */
  readonly minSpeedup: number;
}

/** With what holds where nothing is said. */
export function goalsOf({ maxDrop = 0.01, minSqnr = 0, minSpeedup = 1 }: Partial<Goals>): Goals {
  return { maxDrop, minSqnr, minSpeedup };
}

/** Comparisons are such that what could not be measured, NaN, never passes. */
export function passesQuality({ drop, sqnr, nonFinite }: Quality, { maxDrop, minSqnr }: Goals): boolean {
  return nonFinite === undefined && drop <= maxDrop && (minSqnr === 0 || sqnr >= minSqnr);
}

export const percent = (share: number) => `${Number((100 * share).toPrecision(3))} %`;

const dropNames: Readonly<Record<Quality["dropOf"], string>> = {
  accuracy: "accuracy drops by",
  agreement: "the best class changes for",
  cosine: "cosine similarity drops by",
};

export function dropText({ drop, dropOf }: Quality): string {
  return `${dropNames[dropOf]} ${percent(drop)}`;
}

/** Each goal that was missed, in words; none when the model may be written. */
export function missedGoals(quality: Quality, speed: SpeedComparison | undefined, goals: Goals): string[] {
  const missed: string[] = [];
  if (quality.nonFinite)
    missed.push(`output ${quality.nonFinite.join(", ")} has infinities or NaN where the original's differs`);
  if (Number.isNaN(quality.drop)) missed.push("the quality could not be measured: the outputs are too large or NaN");
  else if (quality.drop > goals.maxDrop)
    missed.push(`${dropText(quality)}, at most ${percent(goals.maxDrop)} was asked for`);
  if (goals.minSqnr > 0 && !(quality.sqnr >= goals.minSqnr))
    missed.push(
      `the outputs have ${quality.sqnr.toFixed(1)} dB of signal to noise, at least ${goals.minSqnr} dB was asked for`,
    );
  if (speed && !(speed.speedup >= goals.minSpeedup))
    missed.push(
      `it runs ${speed.speedup.toFixed(2)} times as fast as the original, at least ${goals.minSpeedup} was asked for`,
    );
  return missed;
}

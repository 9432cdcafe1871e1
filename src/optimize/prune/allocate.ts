// SPDX-License-Identifier: Apache-2.0
// How many units each group loses, and which: all groups' units in one ranking, within bounds that keep every group working and
// every layer's number of channels one that processors like.
import type { Dependencies, UnitGroup } from "./dependencies.js";
import { relativeScores } from "./importance.js";
import { Removal } from "./surgery.js";

export interface AllocationOptions {
  /** Kept channels are multiples of it, of at most 8 in groups of fewer than 32; 1: any number. Default: 16. */
  readonly align?: number;
  /** Most of a group that may go, a share. Default: 0.7. */
  readonly mostOfGroup?: number;
}

/** Share of the channels that go where nobody says how many. */
export const defaultSparsity = 0.5;

/** A group of fewer channels than this is aligned to 8. */
const smallGroup = 32;
/** Groups of 64 channels and more keep at least this many; smaller ones a quarter. */
const leastKept = 16;

interface Ranked {
  readonly group: UnitGroup;
  /** Atoms that stand for the units, least important first, and their scores over the group's mean. */
  readonly order: readonly number[];
  readonly scores: readonly number[];
  readonly bounds: { readonly step: number; readonly least: number };
}

export interface GroupChange {
  readonly group: UnitGroup;
  readonly before: number;
  /** Channels of the group's first producer. */
  readonly after: number;
}

export class Allocation {
  readonly #deps: Dependencies;
  readonly #ranked: readonly Ranked[];
  readonly #thresholds: readonly number[];
  readonly #always: readonly number[];

  /** `always`: atoms that go in any case: dead inputs, outputs nobody wants. */
  constructor(
    deps: Dependencies,
    scores: ReadonlyMap<UnitGroup, Float64Array>,
    always: readonly number[],
    options: AllocationOptions,
  ) {
    this.#deps = deps;
    this.#always = always;
    const layers = deps.groups.filter(({ kind, units }) => kind === "layer" && units.length > 1);
    this.#ranked = layers.map((group) => rank(group, scores.get(group) ?? new Float64Array(), options));
    this.#thresholds = this.#ranked.flatMap((ranked) => ranked.scores).sort((a, b) => a - b);
  }

  /** Channels that could go, were there no bounds. */
  get channels(): number {
    return this.#ranked.reduce((sum, { group }) => sum + channelsOf(group, group.units.length), 0);
  }

  /** The first of the removals, each larger than the one before, that `suffices`; else the largest. */
  find(suffices: (removal: Removal) => boolean): Removal {
    let [low, high] = [0, this.#thresholds.length];
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (suffices(this.#removal(middle))) high = middle;
      else low = middle + 1;
    }
    return this.#removal(low);
  }

  /** Share of the channels that are gone. */
  share(removal: Removal): number {
    const gone = this.changes(removal).reduce(
      (sum, { group, before, after }) => sum + channelsOf(group, (before - after) / group.width),
      0,
    );
    return gone / Math.max(1, this.channels);
  }

  changes(removal: Removal): GroupChange[] {
    return this.#deps.groups.map((group) => {
      const kept = group.units.filter(({ atoms }) => !removal.isGone(atoms[0] as number)).length;
      return { group, before: group.units.length * group.width, after: kept * group.width };
    });
  }

  /** Without the `count` least important of all units, more or less: bounds decide. */
  #removal(count: number): Removal {
    const threshold = count === 0 ? Number.NEGATIVE_INFINITY : (this.#thresholds[count - 1] as number);
    const gone = this.#ranked.flatMap(({ order, scores, bounds }) => {
      const wanted = scores.filter((score) => score > threshold).length;
      const aligned = Math.max(bounds.least, Math.round(wanted / bounds.step) * bounds.step);
      return order.slice(0, Math.max(0, order.length - aligned));
    });
    return new Removal(this.#deps, [...this.#always, ...gone]);
  }
}

function channelsOf({ units, producers }: UnitGroup, count: number): number {
  return producers.length === 0 ? 0 : count * (units[0]?.atoms.length ?? 0);
}

function rank(group: UnitGroup, scores: Float64Array, { align = 16, mostOfGroup = 0.7 }: AllocationOptions): Ranked {
  const relative = relativeScores(scores);
  const places = group.units.map((_, i) => i).sort((a, b) => (relative[a] as number) - (relative[b] as number));
  return {
    group,
    order: places.map((place) => group.units[place]?.atoms[0] as number),
    scores: places.map((place) => relative[place] as number),
    bounds: bounds(group.units.length, group.width, align, mostOfGroup),
  };
}

/** In units. */
function bounds(units: number, width: number, align: number, mostOfGroup: number) {
  const channels = units * width;
  const multiple = channels < smallGroup ? Math.min(8, align) : align;
  const step = multiple / greatestDivisor(multiple, width);
  const floor = channels >= 4 * leastKept ? leastKept : Math.ceil(channels / 4);
  const share = Math.ceil(units * (1 - mostOfGroup) - 1e-9);
  const least = Math.max(1, share, Math.ceil(floor / width));
  return { step, least: Math.min(units, Math.ceil(least / step) * step) };
}

function greatestDivisor(a: number, b: number): number {
  return b === 0 ? a : greatestDivisor(b, a % b);
}

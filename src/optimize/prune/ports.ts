// SPDX-License-Identifier: Apache-2.0
// Inputs and outputs that have lost elements of their last dim. Callers go on sending whole inputs: the model's metadata say which
// elements it takes, and the core picks those while it decodes.
import type { Dependencies } from "./dependencies.js";
import type { Removal } from "./surgery.js";

export interface PortChange {
  readonly name: string;
  readonly kind: "input" | "output";
  /** Elements of the last dim before. */
  readonly width: number;
  /** Those that are left, as ranges: "0-3,7". */
  readonly live: string;
  readonly count: number;
}

export class PortCut {
  readonly changes: readonly PortChange[];
  readonly #kept = new Map<string, readonly number[]>();
  readonly #widths = new Map<string, number>();

  constructor(deps: Dependencies, removal: Removal) {
    const changed = deps.ports.filter(({ atoms }) => removal.touches(atoms));
    for (const { name, atoms } of changed) {
      this.#kept.set(name, removal.kept(atoms));
      this.#widths.set(name, atoms.length);
    }
    this.changes = changed.map(({ name, kind, atoms }) => {
      const kept = removal.kept(atoms);
      return { name, kind, width: atoms.length, live: rangeText(kept), count: kept.length };
    });
  }

  /** What is left of an input's or an output's elements. */
  cut(name: string, data: Float32Array): Float32Array {
    const [kept, width] = [this.#kept.get(name), this.#widths.get(name)];
    if (kept === undefined || width === undefined) return data;
    const rows = data.length / width;
    const result = new Float32Array(rows * kept.length);
    for (let row = 0; row < rows; row++)
      for (const [i, index] of kept.entries()) result[row * kept.length + i] = data[row * width + index] as number;
    return result;
  }

  /** What the runtime must know to pick an input's live elements. */
  metadata(): Record<string, string | number> {
    return Object.assign(
      {},
      ...this.changes.map(({ name, kind, width, live }) => ({
        [`${kind}.${name}.width`]: width,
        [`${kind}.${name}.live`]: live,
      })),
    );
  }
}

/** [0, 1, 2, 3, 7] -> "0-3,7" */
export function rangeText(sorted: readonly number[]): string {
  const parts: string[] = [];
  for (let at = 0; at < sorted.length; ) {
    let end = at;
    while (sorted[end + 1] === (sorted[end] as number) + 1) end++;
    parts.push(end === at ? `${sorted[at]}` : `${sorted[at]}-${sorted[end]}`);
    at = end + 1;
  }
  return parts.join();
}

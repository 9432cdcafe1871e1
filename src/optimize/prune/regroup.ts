// SPDX-License-Identifier: Apache-2.0
// Where an axis goes when a tensor is reshaped: elements keep their order, so products of dims tell.

export interface Regrouping {
  /** In the new shape. */
  readonly axis: number;
  /** Atoms that must be tied for the new axis to have one of its own for each element. */
  ties(atoms: readonly number[]): number[][];
  /** Of the new axis. */
  atoms(atoms: readonly number[]): number[];
}

const product = (dims: readonly number[]) => dims.reduce((a, b) => a * b, 1);

/** Undefined when no axis of the new shape holds the old one, whole or in parts that follow each other. */
export function regroup(before: readonly number[], after: readonly number[], axis: number): Regrouping | undefined {
  const size = before[axis] as number;
  const inner = product(before.slice(axis + 1));
  return merged(before, after, axis, size, inner) ?? divided(after, size, inner);
}

/** The axis is kept, or merged with neighbours: index = (outer * size + channel) * q + rest. */
function merged(
  before: readonly number[],
  after: readonly number[],
  axis: number,
  size: number,
  inner: number,
): Regrouping | undefined {
  const befores = product(before.slice(0, axis));
  for (const [b, dim] of after.entries()) {
    const innerAfter = product(after.slice(b + 1));
    const [q, p] = [inner / innerAfter, befores / product(after.slice(0, b))];
    if (!Number.isInteger(q) || !Number.isInteger(p) || p * size * q !== dim) continue;
    const spread = (atoms: readonly number[]) => atoms.flatMap((atom) => Array<number>(q).fill(atom));
    const atoms = (all: readonly number[]) => Array.from({ length: p }, () => spread(all)).flat();
    return { axis: b, ties: () => [], atoms };
  }
  return undefined;
}

/**
 * The axis becomes several, one of which is followed: heads of attention, [.., heads, width] and [.., 3, heads, width]; where pixels
 * come after the channels, the last of two, as in a channel shuffle, [N, groups, channels, H, W], and the first of three, as in a
 * shuffle of pixels, [N, channels, block, block, H, W].
 */
function divided(after: readonly number[], size: number, inner: number): Regrouping | undefined {
  for (let first = 0; first < after.length; first++) {
    for (let end = first + 2; end <= Math.min(after.length, first + 3); end++) {
      const factors = after.slice(first, end);
      if (product(factors) !== size || product(after.slice(end)) !== inner) continue;
      return follow(first, factors, factors.length === 3 ? Number(inner === 1) : Number(inner > 1));
    }
  }
  return undefined;
}

function follow(first: number, factors: readonly number[], chosen: number): Regrouping {
  const inside = product(factors.slice(chosen + 1));
  const count = factors[chosen] as number;
  const bundles = (atoms: readonly number[]) => {
    const all = Array.from({ length: count }, (): number[] => []);
    for (const [i, atom] of atoms.entries()) all[Math.floor(i / inside) % count]?.push(atom);
    return all;
  };
  return { axis: first + chosen, ties: bundles, atoms: (atoms) => bundles(atoms).map(([atom]) => atom as number) };
}

// SPDX-License-Identifier: Apache-2.0
// Channels of all tensors as one set, in which those that must go together are tied (union-find).

export class Atoms {
  readonly #parent: number[] = [];
  readonly #frozen: boolean[] = []; // of roots

  /** Number of atoms made so far: they are 0, 1, 2 ... */
  get size(): number {
    return this.#parent.length;
  }

  make(count: number): number[] {
    return Array.from({ length: count }, () => {
      this.#frozen.push(false);
      return this.#parent.push(this.#parent.length) - 1;
    });
  }

  /** The same number for all atoms that are tied. */
  root(atom: number): number {
    let at = atom;
    while (this.#parent[at] !== at) {
      const next = this.#parent[at] as number;
      this.#parent[at] = this.#parent[next] as number; // halves the way for the next one
      at = next;
    }
    return at;
  }

  tie(a: number, b: number): void {
    const [left, right] = [this.root(a), this.root(b)];
    if (left === right) return;
    this.#parent[right] = left;
    if (this.#frozen[right]) this.#frozen[left] = true;
  }

  tieAll(a: readonly number[], b: readonly number[]): void {
    for (const [i, atom] of a.entries()) this.tie(atom, b[i] as number);
  }

  freeze(atoms: Iterable<number>): void {
    for (const atom of atoms) this.#frozen[this.root(atom)] = true;
  }

  isFrozen(atom: number): boolean {
    return this.#frozen[this.root(atom)] === true;
  }
}

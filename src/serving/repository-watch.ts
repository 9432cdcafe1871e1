// SPDX-License-Identifier: Apache-2.0
// Looks at a repository again and again, and tells of what has changed and come to rest.
import type { Repository, RepositoryEntry, RepositoryFault } from "./repository.js";

/** What became of one model on disk; undefined: it is gone. */
export type Change = RepositoryEntry | RepositoryFault | undefined;

interface Sighting {
  /** As it was when it was last looked at, "" when it was not there. */
  last: string;
  /** As it was when it was last told of. */
  told: string;
}

/**
 * Compares sizes and times, because notifications of the file system do not cross every network and container mount. What is
 * being written looks different each time; only what looks the same twice in a row is told of.
 */
export class RepositoryWatch {
  readonly #scan: () => Promise<Repository>;
  readonly #onChange: (name: string, change: Change) => void;
  readonly #onError: (name: string, error: Error) => void;
  readonly #sightings = new Map<string, Sighting>();
  /** What could not be looked at, by name, and why: each is told of once. */
  #errors = new Map<string, string>();

  /** @param onError what could not be looked at: one model or, with "", the repository */
  constructor(
    scan: () => Promise<Repository>,
    onChange: (name: string, change: Change) => void,
    onError: (name: string, error: Error) => void,
  ) {
    this.#scan = scan;
    this.#onChange = onChange;
    this.#onError = onError;
  }

  /** What is known already. */
  begin(repository: Repository): void {
    for (const model of [...repository.entries, ...repository.faults]) {
      this.#sightings.set(model.name, { last: signature(model), told: signature(model) });
    }
  }

  /** Looks once; never rejects. A repository that cannot be read says nothing about its models, a model nothing about others. */
  async look(): Promise<void> {
    const before = this.#errors;
    this.#errors = new Map();
    const failed = (name: string, error: Error) => {
      this.#errors.set(name, error.message);
      if (before.get(name) !== error.message) this.#onError(name, error);
    };
    try {
      const { entries, faults } = await this.#scan();
      const models = new Map([...entries, ...faults].map((model) => [model.name, model]));
      for (const name of new Set([...this.#sightings.keys(), ...models.keys()])) {
        try {
          this.#compare(name, models.get(name));
        } catch (error) {
          failed(name, error as Error);
        }
      }
    } catch (error) {
      failed("", error as Error);
    }
  }

  #compare(name: string, model: Change): void {
    const now = model === undefined ? "" : signature(model);
    const sighting = this.#sightings.get(name) ?? { last: "", told: "" };
    const isStable = sighting.last === now;
    sighting.last = now;
    this.#sightings.set(name, sighting);
    if (!isStable || sighting.told === now) return;
    sighting.told = now;
    if (model === undefined) this.#sightings.delete(name);
    this.#onChange(name, model);
  }
}

function signature(model: RepositoryEntry | RepositoryFault): string {
  if ("error" in model) return JSON.stringify([model.directory, model.error.message]);
  const { directory, config, notes, versions, incomplete } = model;
  return JSON.stringify([directory, config, notes, versions, incomplete.map(({ version }) => version)]);
}

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
  readonly #onUnreadable: (error: Error) => void;
  readonly #sightings = new Map<string, Sighting>();
  #unreadable = "";

  constructor(
    scan: () => Promise<Repository>,
    onChange: (name: string, change: Change) => void,
    onUnreadable: (error: Error) => void,
  ) {
    this.#scan = scan;
    this.#onChange = onChange;
    this.#onUnreadable = onUnreadable;
  }

  /** What is known already. */
  begin(repository: Repository): void {
    for (const model of [...repository.entries, ...repository.faults]) {
      this.#sightings.set(model.name, { last: signature(model), told: signature(model) });
    }
  }

  /** Looks once. A repository that cannot be read says nothing about its models. */
  async look(): Promise<void> {
    let repository: Repository;
    try {
      repository = await this.#scan();
    } catch (error) {
      if (this.#unreadable !== (error as Error).message) this.#onUnreadable(error as Error);
      this.#unreadable = (error as Error).message;
      return;
    }
    this.#unreadable = "";
    const models = new Map([...repository.entries, ...repository.faults].map((model) => [model.name, model]));
    for (const name of new Set([...this.#sightings.keys(), ...models.keys()])) this.#compare(name, models.get(name));
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

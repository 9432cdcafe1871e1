// SPDX-License-Identifier: Apache-2.0
// What an operator is told of models that are loaded once and for all.
import { OrtserveError } from "../errors.js";
import type { ModelStore } from "./model-store.js";
import type { IndexEntry, RepositoryAdmin } from "./repository-admin.js";

export class FixedRepository implements RepositoryAdmin {
  readonly control = "none";
  readonly #models: ModelStore;

  constructor(models: ModelStore) {
    this.#models = models;
  }

  async index(): Promise<IndexEntry[]> {
    return this.#models.index();
  }

  load(): Promise<void> {
    return Promise.reject(notExplicit());
  }

  unload(): Promise<void> {
    return Promise.reject(notExplicit());
  }
}

/** Of a load or unload where nobody but the server itself, or the directory, decides what is loaded. */
export function notExplicit(): OrtserveError {
  const reason = "explicit model load / unload is not allowed if polling is enabled";
  return new OrtserveError("ERR_NOT_ALLOWED", `${reason}: expected a server with --control explicit`);
}

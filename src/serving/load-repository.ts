// SPDX-License-Identifier: Apache-2.0
// Loads what a repository holds, once. One broken model does not stop the others.
import type { ModelStore } from "./model-store.js";
import { type Repository, scanRepository } from "./repository.js";
import { type ControlOptions, RepositoryControl } from "./repository-control.js";

export type { LoadEvent } from "./model-lifecycle.js";

export type LoadRepositoryOptions = Pick<
  ControlOptions,
  "concurrency" | "memoryBudget" | "strict" | "engine" | "onEvent"
>;

/**
 * Loads what a repository, or the model at a path, serves; see {@link scanRepository} for what may stand there. Nothing
 * changes later; the store's `close()` closes the models.
 * @throws OrtserveError ERR_MODEL_NOT_FOUND (nothing there), ERR_LOAD_FAILED (nothing, or with `strict` not all, could be
 * loaded; everything that was loaded is closed again).
 */
export async function loadRepository(
  source: string | Repository,
  options: LoadRepositoryOptions = {},
): Promise<ModelStore> {
  const repository = typeof source === "string" ? await scanRepository(source) : source;
  const control = new RepositoryControl(repository.path, { ...options, control: "none" });
  await control.start(repository);
  return control.models;
}

// SPDX-License-Identifier: Apache-2.0
// A repository that can change while it is served.
import type { Repository } from "./repository.js";
import { type ControlOptions, RepositoryControl } from "./repository-control.js";

/**
 * Loads what a repository, or the model at a path, serves, and goes on as `control` says: "none" changes nothing, "poll"
 * follows the directory, "explicit" does what {@link RepositoryControl.load} and `unload` ask.
 * @throws OrtserveError ERR_MODEL_NOT_FOUND (nothing there), ERR_LOAD_FAILED (nothing, or with `strict` not all, of what was to
 * be loaded could be; everything that was loaded is closed again), ERR_INVALID_ARGUMENT (options).
 */
export async function openRepository(
  source: string | Repository,
  options: ControlOptions = {},
): Promise<RepositoryControl> {
  const control = new RepositoryControl(typeof source === "string" ? source : source.path, options);
  await control.start(typeof source === "string" ? undefined : source);
  return control;
}

// SPDX-License-Identifier: Apache-2.0
// Which of the versions on disk are served, which of them is the default, and what the labels stand for.
import { OrtserveError } from "../errors.js";
import type { ModelConfig } from "./model-config.js";
import type { VersionEntry } from "./repository.js";

/**
 * Those of the versions on disk (ascending) that the policy of `config` selects. `source`: where that stands, for messages.
 * @throws OrtserveError ERR_INVALID_CONFIG when it, a label or the default names a version that there is not
 */
export function selectVersions(found: VersionEntry[], config: ModelConfig, source: string): VersionEntry[] {
  const selected = applyPolicy(found, config, source);
  const numbers = selected.map(({ version }) => version);
  const { default_version: standard, version_labels: labels = {} } = config;
  if (standard !== undefined) check(source, "default_version", standard, numbers);
  for (const [label, version] of Object.entries(labels)) check(source, `version_labels.${label}`, version, numbers);
  return selected;
}

function applyPolicy(found: VersionEntry[], { versions: policy = "all" }: ModelConfig, source: string) {
  if (policy === "all") return found;
  if (!Array.isArray(policy)) return found.slice(-policy.latest);
  const there = found.map(({ version }) => version);
  for (const version of policy) check(source, "versions", version, there);
  return found.filter(({ version }) => policy.includes(version));
}

function check(source: string, key: string, version: string, there: readonly string[]): void {
  if (there.includes(version)) return;
  throw new OrtserveError(
    "ERR_INVALID_CONFIG",
    `${source}: '${key}': expected one of ${there.join(", ")}, got ${version}`,
  );
}

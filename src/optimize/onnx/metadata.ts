// SPDX-License-Identifier: Apache-2.0
// What a model says of itself, as text by key.
import type { ModelProto, StringEntry } from "./messages.js";

/** The model's metadata with `entries` in it, in place of those it has under the same keys. */
export function withEntries({ metadataProps }: ModelProto, entries: Readonly<Record<string, unknown>>): StringEntry[] {
  const added = Object.entries(entries).map(([key, value]) => ({ key, value: String(value) }));
  return [...metadataProps.filter(({ key = "" }) => !(key in entries)), ...added];
}

// SPDX-License-Identifier: Apache-2.0
// How long a request may take: what it asks for, else what its model's config says, and never more than the server allows.
import type { Servable } from "../serving/model-store.js";
import type { Settings } from "./options.js";

/** Milliseconds; 0: no limit. @param asked what the request asks for; 0: nothing. */
export function timeoutOf({ timeoutMs: most }: Settings, { config }: Servable, asked: number): number {
  const wanted = asked || config.deadline_ms || most;
  return most === 0 ? wanted : Math.min(wanted, most);
}

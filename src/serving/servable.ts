// SPDX-License-Identifier: Apache-2.0
// One version of one model, ready to take requests.
import type { Model } from "../runtime/model.js";
import type { ModelConfig } from "./model-config.js";

/** What is known of a version beside its model. Plain data: it may be sent to another thread. */
export interface ServableFacts {
  readonly name: string;
  readonly version: string;
  readonly config: ModelConfig;
  /** What was asked for in its configuration and has no effect here, one sentence each. */
  readonly notes: readonly string[];
}

export interface Servable extends ServableFacts {
  readonly model: Model;
  /** No longer routed to: its model is about to be closed, so whoever still holds it must look again. */
  retired: boolean;
}

/** A version that has not been used yet. */
export function makeServable({ name, version, config, notes }: ServableFacts, model: Model): Servable {
  return { name, version, model, config, notes, retired: false };
}

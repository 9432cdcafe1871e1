// SPDX-License-Identifier: Apache-2.0
// Routes on their way to an HTTP thread. Models travel by their id: the thread attaches to what the process has loaded.
import { OrtserveError } from "../../errors.js";
import { Model } from "../../runtime/model.js";
import type { ModelRoutes, RouteTable } from "../../serving/route-table.js";
import { makeServable, type Servable } from "../../serving/servable.js";
import type { ControlCalls, SentRoutes, SentServable, ThreadCalls } from "./calls.js";
import type { Channel } from "./channel.js";

/** The routes of one HTTP thread, seen from the thread that owns the models. */
export class RemoteRoutes implements RouteTable {
  readonly #channel: Channel<ThreadCalls, ControlCalls>;

  constructor(channel: Channel<ThreadCalls, ControlCalls>) {
    this.#channel = channel;
  }

  apply({ name, ready, defaultVersion, labels, others }: ModelRoutes): Promise<void> {
    const sent = ready.map(({ name, version, config, notes, model }) => ({
      ...{ name, version, config, notes },
      model: model.id,
    }));
    return this.#unlessGone(this.#channel.call("apply", { name, ready: sent, defaultVersion, labels, others }));
  }

  forget(name: string): Promise<void> {
    return this.#unlessGone(this.#channel.call("forget", name));
  }

  /** A thread that is gone gives no request to anything: what was asked of it holds. */
  async #unlessGone(call: Promise<void>): Promise<void> {
    try {
      await call;
    } catch (error) {
      if (!this.#channel.ended) throw error;
    }
  }
}

/** In the thread that serves. A model that was closed meanwhile is left out: routes without it are on their way. */
export function receivedRoutes({ ready, ...rest }: SentRoutes): ModelRoutes {
  return { ...rest, ready: ready.flatMap(attached) };
}

function attached({ model, ...facts }: SentServable): Servable[] {
  try {
    return [makeServable(facts, Model.attach(model))];
  } catch (error) {
    if (error instanceof OrtserveError && error.code === "ERR_MODEL_NOT_FOUND") return [];
    throw error;
  }
}

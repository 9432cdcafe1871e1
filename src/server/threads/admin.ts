// SPDX-License-Identifier: Apache-2.0
// The repository's owner lives in one thread; the others reach it through this.
import type { ControlMode, IndexEntry, LoadOverride, RepositoryAdmin } from "../../serving/repository-admin.js";
import type { ControlCalls, ThreadCalls } from "./calls.js";
import type { Channel } from "./channel.js";

export class RemoteAdmin implements RepositoryAdmin {
  readonly control: ControlMode;
  readonly #channel: Channel<ControlCalls, ThreadCalls>;

  constructor(control: ControlMode, channel: Channel<ControlCalls, ThreadCalls>) {
    this.control = control;
    this.#channel = channel;
  }

  index(): Promise<IndexEntry[]> {
    return this.#channel.call("index", undefined);
  }

  load(name: string, override?: LoadOverride): Promise<void> {
    return this.#channel.call("load", { name, override });
  }

  unload(name: string): Promise<void> {
    return this.#channel.call("unload", name);
  }
}

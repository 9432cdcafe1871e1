// SPDX-License-Identifier: Apache-2.0
// One HTTP thread, seen from the thread that controls the server.
import type { Worker } from "node:worker_threads";
import { OrtserveError } from "../../errors.js";
import type { ModelStore } from "../../serving/model-store.js";
import type { ControlCalls, HttpWorkerData, ThreadCalls } from "./calls.js";
import { Channel } from "./channel.js";
import { RemoteRoutes } from "./route-broadcast.js";
import { startHttpWorker } from "./worker-entry.js";

export class RemoteThread {
  readonly channel: Channel<ThreadCalls, ControlCalls>;
  /** Why the thread ended; resolves when it has. */
  readonly ended: Promise<Error>;
  readonly #worker: Worker;
  readonly #started: Promise<void>;

  /** Starts the thread; use {@link ready} before anything else. */
  constructor(data: HttpWorkerData, control: Omit<ControlCalls, "started">) {
    this.#worker = startHttpWorker({ workerData: data, name: `ortserve-http-${data.thread}` });
    let cause: Error | undefined;
    this.#worker.once("error", (error) => {
      cause = error instanceof Error ? error : new Error(String(error));
    });
    this.ended = new Promise((resolve) => {
      this.#worker.once("exit", (code) => {
        const error = cause ?? new OrtserveError("ERR_INTERNAL", `an HTTP thread ended with code ${code}`);
        this.channel.end(error);
        resolve(error);
      });
    });
    let started = () => {};
    this.#started = new Promise((resolve) => {
      started = resolve;
    });
    this.channel = new Channel(this.#worker, { ...control, started: () => started() });
  }

  /** Resolves when the thread routes as `models` does, and follows it. Rejects when it ends before. */
  async ready(models: ModelStore): Promise<void> {
    const failed = this.ended.then((error) => Promise.reject(error));
    await Promise.race([this.#started, failed]);
    const routes = new RemoteRoutes(this.channel);
    void this.ended.then(() => models.removeFollower(routes));
    await models.addFollower(routes);
  }

  /** Ends the thread, whatever it is doing, and its connections. */
  async terminate(): Promise<void> {
    await this.#worker.terminate();
    await this.ended;
  }
}

// SPDX-License-Identifier: Apache-2.0
// One HTTP thread, seen from the thread that controls the server.
import { setTimeout as delay } from "node:timers/promises";
import type { Worker } from "node:worker_threads";
import { OrtserveError } from "../../errors.js";
import type { ModelStore } from "../../serving/model-store.js";
import type { ControlCalls, HttpWorkerData, ThreadCalls } from "./calls.js";
import { Channel } from "./channel.js";
import { RemoteRoutes } from "./route-broadcast.js";
import { startHttpWorker } from "./worker-entry.js";

/** How long a thread may take to close its sockets, in ms. */
const stopMs = 1000;

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

  /** Closes the thread's sockets and ends it. False: it is blocked and left behind; it does not keep the process alive. */
  async end(): Promise<boolean> {
    const patience = new AbortController();
    const blocked = delay(stopMs, true, patience).catch(() => false);
    const stopped = this.channel.call("stop", undefined).catch(() => {}); // or it has ended
    const isBlocked = await Promise.race([blocked, stopped]);
    patience.abort();
    if (isBlocked) this.#worker.unref();
    else await this.#worker.terminate();
    return !isBlocked;
  }
}

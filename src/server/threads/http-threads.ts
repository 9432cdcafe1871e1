// SPDX-License-Identifier: Apache-2.0
// Several threads that serve over one engine. Each listens on the same address; the kernel deals connections out to them.
import { dirname } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { OrtserveError } from "../../errors.js";
import { startEngine } from "../../runtime/engine.js";
import { exitNow } from "../../runtime/thread-sockets.js";
import type { ModelStore } from "../../serving/model-store.js";
import type { RepositoryAdmin } from "../../serving/repository-admin.js";
import type { Logger } from "../../telemetry/log.js";
import type { FrontEnd } from "../front-end.js";
import { explainListenFailure } from "../listen-failure.js";
import type { Settings } from "../options.js";
import type { SharedState } from "../shared-state.js";
import type { ControlCalls } from "./calls.js";
import { RemoteThread } from "./remote-thread.js";
import { SharedAddress } from "./shared-address.js";

/** A thread that ended is started again after so long, in ms; twice as long each time it does not live to see a minute. */
const firstPauseMs = 100;
const longestPauseMs = 10_000;
const longLifeMs = 60_000;
/** A thread that does not come to drain itself, because something blocks it, is given so long beyond the grace, in ms. */
const blockedGraceMs = 1_000;
/** Threads may take so long to close their sockets when the process exits, in ms. */
const exitMs = 1_000;

export interface HttpThreadsParts {
  readonly models: ModelStore;
  /** Who loads and unloads models while they are served, if anybody. */
  readonly control: RepositoryAdmin | undefined;
  readonly defaultModel: string | undefined;
  readonly logger: Logger | undefined;
  readonly settings: Settings;
  readonly state: SharedState;
}

export class HttpThreads implements FrontEnd {
  readonly #parts: HttpThreadsParts;
  readonly #control: Omit<ControlCalls, "started">;
  readonly #threads: RemoteThread[] = [];
  readonly #stopping = new AbortController();
  #address: SharedAddress | undefined;

  constructor(parts: HttpThreadsParts) {
    this.#parts = parts;
    const { control, logger } = parts;
    this.#control = {
      log: ({ level, record, message }) => logger?.[level](record, message),
      setLogLevel: (level) => {
        if (logger) logger.level = level;
      },
      index: () => required(control).index(),
      load: ({ name, override }) => required(control).load(name, override),
      unload: (name) => required(control).unload(name),
    };
  }

  async listen(): Promise<number> {
    const { host, port, httpThreads } = this.#parts.settings;
    const indices = Array.from({ length: httpThreads }, (_, index) => index);
    try {
      await Promise.all(indices.map((index) => this.#start(index)));
      this.#address = await SharedAddress.claim(host, port);
      await Promise.all(indices.map((index) => this.#listen(index)));
    } catch (error) {
      await this.#end();
      throw error;
    }
    process.once("exit", this.#onExit);
    for (const index of indices) void this.#keep(index);
    return this.#address.port;
  }

  async drain(): Promise<void> {
    this.#stopping.abort();
    const patience = new AbortController();
    const limit = this.#parts.settings.graceMs + blockedGraceMs;
    const blocked = delay(limit, undefined, patience).catch(() => {});
    const drained = this.#threads.map((thread) => thread.channel.call("drain", undefined).catch(() => {}));
    await Promise.race([blocked, Promise.all(drained)]);
    patience.abort();
    await this.#end();
  }

  async #end(): Promise<void> {
    const ended = await Promise.all(this.#threads.map((thread) => thread.end()));
    if (ended.every(Boolean)) process.off("exit", this.#onExit);
    else this.#parts.logger?.error("an HTTP thread is blocked and was left behind");
    this.#address?.release();
  }

  /**
   * The process ends while threads serve. Node stops them wherever they are, and a socket's handler that is cut short ends the
   * process by a signal: so their sockets are closed first. With a thread that does not come to do so, no more is run at all.
   */
  readonly #onExit = (code: number): void => {
    const { state } = this.#parts;
    for (const thread of this.#threads) thread.channel.tell("stop", undefined);
    const deadline = performance.now() + exitMs;
    const isStopped = (_: RemoteThread, index: number) =>
      state.waitUntilStopped(index, Math.max(0, deadline - performance.now()));
    if (!this.#threads.every(isStopped)) exitNow(code);
  };

  /** Starts a thread that routes as this one does. */
  async #start(thread: number): Promise<void> {
    const { models, control, defaultModel, logger, settings, state } = this.#parts;
    const data = { settings, defaultModel, state: state.memory, thread, ortDir: dirname(startEngine().libraryPath) };
    const has = { logs: logger !== undefined, control: control?.control };
    const started = new RemoteThread({ ...data, ...has }, this.#control);
    this.#threads[thread] = started;
    state.setStopped(thread, false);
    await started.ready(models);
  }

  async #listen(thread: number): Promise<void> {
    const { host } = this.#parts.settings;
    const port = this.#address?.port ?? 0;
    const listens = await this.#threads[thread]?.channel.call("listen", port);
    if (!listens) throw await explainListenFailure(host, port);
  }

  /** Starts a thread again whenever it ends, until the server drains. */
  async #keep(index: number): Promise<void> {
    const { logger, state } = this.#parts;
    let pauseMs = firstPauseMs;
    for (;;) {
      const bornAt = performance.now();
      const error = await this.#threads[index]?.ended;
      state.setInFlight(index, 0); // its clients are gone
      state.setStopped(index, true);
      if (this.#stopping.signal.aborted) return;
      logger?.fatal({ err: error, thread: index }, "an HTTP thread ended; it is started again");
      if (performance.now() - bornAt > longLifeMs) pauseMs = firstPauseMs;
      await delay(pauseMs, undefined, this.#stopping).catch(() => {});
      if (this.#stopping.signal.aborted) return;
      pauseMs = Math.min(2 * pauseMs, longestPauseMs);
      await this.#startAgain(index);
    }
  }

  async #startAgain(index: number): Promise<void> {
    try {
      await this.#start(index);
      await this.#listen(index);
    } catch (error) {
      if (this.#stopping.signal.aborted) return;
      this.#parts.logger?.error({ err: error, thread: index }, "an HTTP thread could not be started again");
      await this.#threads[index]?.end();
    }
  }
}

function required(control: RepositoryAdmin | undefined): RepositoryAdmin {
  if (control) return control;
  throw new OrtserveError("ERR_INTERNAL", "this server has no owner of its repository");
}

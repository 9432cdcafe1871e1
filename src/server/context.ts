// SPDX-License-Identifier: Apache-2.0
// What the parts of one HTTP thread share.
import type { ModelPort } from "../runtime/model-port.js";
import type { InferenceService } from "../serving/inference-service.js";
import type { AccessLog } from "./access-log.js";
import type { Settings } from "./options.js";
import type { SharedState } from "./shared-state.js";
import { TimerWheel } from "./timer-wheel.js";

/** The part of the native port that requests from the wire use. */
export type WirePort = Pick<ModelPort, "submit" | "submitPrepared" | "openBody" | "cancel">;

/** What a thread is given. */
export interface ThreadParts {
  readonly service: InferenceService;
  readonly port: WirePort;
  readonly accessLog: AccessLog;
  readonly settings: Settings;
  readonly state: SharedState;
  /** Its number, from 0, among the threads of `state`. */
  readonly thread: number;
}

export class ServerContext {
  readonly service: InferenceService;
  readonly port: WirePort;
  readonly wheel = new TimerWheel();
  readonly accessLog: AccessLog;
  readonly settings: Settings;
  readonly #state: SharedState;
  readonly #thread: number;
  #inFlight = 0;

  constructor({ service, port, accessLog, settings, state, thread }: ThreadParts) {
    this.service = service;
    this.port = port;
    this.accessLog = accessLog;
    this.settings = settings;
    this.#state = state;
    this.#thread = thread;
  }

  /** Responses that this thread owes: HTTP requests and WebSocket messages without an answer yet. */
  get inFlight(): number {
    return this.#inFlight;
  }

  set inFlight(count: number) {
    this.#inFlight = count;
    this.#state.setInFlight(this.#thread, count);
  }

  /** Every reply ends its connection. True in all threads at once. */
  get draining(): boolean {
    return this.#state.draining;
  }
}

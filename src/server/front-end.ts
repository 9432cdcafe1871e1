// SPDX-License-Identifier: Apache-2.0
// What serves behind an OrtServer: the thread it was made in, or threads of its own.

import type { ThreadParts } from "./context.js";
import { HttpThread } from "./http-thread.js";
import { explainListenFailure } from "./listen-failure.js";

export interface FrontEnd {
  /** The port in use. Rejects with ERR_PORT_IN_USE, or ERR_INVALID_ARGUMENT when the address is unusable. */
  listen(): Promise<number>;
  /** Takes no new connections, lets requests in flight finish within the grace, and cuts off what is left. */
  drain(): Promise<void>;
}

/** Serves from the thread it is made in. */
export class LocalFrontEnd implements FrontEnd {
  readonly #thread: HttpThread;
  readonly #host: string;
  readonly #port: number;

  constructor(parts: ThreadParts) {
    this.#thread = new HttpThread(parts);
    this.#host = parts.settings.host;
    this.#port = parts.settings.port;
  }

  async listen(): Promise<number> {
    const port = this.#thread.listen(this.#host, this.#port, false);
    if (port === undefined) throw await explainListenFailure(this.#host, this.#port);
    return port;
  }

  drain(): Promise<void> {
    return this.#thread.drain();
  }
}

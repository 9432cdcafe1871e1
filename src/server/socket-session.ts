// SPDX-License-Identifier: Apache-2.0
// One WebSocket: each message is a request, each answer a message; many may be in flight and overtake each other.
import type { WebSocket } from "uWebSockets.js";
import { type ErrorCode, OrtserveError } from "../errors.js";
import type { Servable } from "../serving/model-store.js";
import type { ServerContext } from "./context.js";
import { httpStatus } from "./http-status.js";
import type { InferenceRoute, Params } from "./routes.js";
import { requestIdOf } from "./socket-id.js";
import { SocketInference } from "./socket-inference.js";

/** What uWebSockets.js keeps with the socket. */
export interface SocketData {
  session: SocketSession;
}

/** Answers up to this are gathered and sent together. */
const gatherBelow = 16 * 1024;

export class SocketSession {
  readonly context: ServerContext;
  readonly route: InferenceRoute;
  /** What the client asked for when it connected; 0: nothing. */
  readonly timeoutMs: number;
  readonly #params: Params;
  readonly #inFlight = new Set<SocketInference>();
  #target: Servable;
  #socket: WebSocket<SocketData> | undefined;
  #gathered: { message: Uint8Array | string; isBinary: boolean }[] = [];
  #ending = false;

  /** @throws OrtserveError when there is no such model */
  constructor(context: ServerContext, route: InferenceRoute, params: Params, timeoutMs: number) {
    this.context = context;
    this.route = route;
    this.#params = params;
    this.timeoutMs = timeoutMs;
    this.#target = this.find();
  }

  opened(socket: WebSocket<SocketData>): void {
    this.#socket = socket;
  }

  /** One request. `message` is valid only during the call. */
  received(message: ArrayBuffer, isBinary: boolean): void {
    const refusal = this.#refusal(message, isBinary) ?? this.#found();
    if (refusal !== undefined) {
      const [code, reason] = refusal;
      this.context.accessLog.failed({ ...this.record(), status: httpStatus[code], code, message: reason });
      this.sendError(requestIdOf(message, isBinary), code, reason);
      return;
    }
    const inference = new SocketInference(this, this.#target);
    this.#inFlight.add(inference);
    this.context.inFlight++;
    try {
      inference.submit(message, isBinary);
    } catch (error) {
      this.context.accessLog.bug(error);
      inference.fail("ERR_INTERNAL", "internal error", "");
    }
  }

  #refusal(message: ArrayBuffer, isBinary: boolean): [ErrorCode, string] | undefined {
    const { settings, draining } = this.context;
    if (draining) return ["ERR_SHUTTING_DOWN", "Server exiting"];
    if (isBinary && message.byteLength < 4) {
      const got = `got a message of ${message.byteLength} bytes`;
      return ["ERR_INVALID_JSON", `expected a binary message to begin with the length of its JSON (4 bytes), ${got}`];
    }
    if (this.#inFlight.size >= settings.socketInFlight) {
      return ["ERR_QUEUE_FULL", `expected at most ${settings.socketInFlight} requests in flight on one WebSocket`];
    }
    // There is no way to stop reading a socket, so a peer that does not read its answers gets no more work done.
    if ((this.#socket?.getBufferedAmount() ?? 0) > settings.socketBacklog / 2) {
      return ["ERR_QUEUE_FULL", "too many answers wait to be read on this WebSocket"];
    }
    return undefined;
  }

  /** @internal The version that answers now. @throws OrtserveError when there is none */
  find(): Servable {
    return this.route.find(this.context, this.#params);
  }

  /** A socket may outlive many versions: each message goes to the one that its path means by then. */
  #found(): [ErrorCode, string] | undefined {
    try {
      this.#target = this.find();
      return undefined;
    } catch (error) {
      if (error instanceof OrtserveError) return [error.code, error.message];
      throw error;
    }
  }

  /** Sends one answer. `message` may be borrowed memory: it is copied or sent before this returns. */
  send(message: Uint8Array, isBinary: boolean): void {
    if (this.#socket === undefined) return;
    if (message.byteLength > gatherBelow) {
      this.#flush();
      this.#socket?.send(message, isBinary);
    } else {
      this.#gather(message.slice(), isBinary);
    }
  }

  /** With the status that the same error has over HTTP, so that a client can tell its own mistake from a busy server. */
  sendError(id: string, code: ErrorCode, message: string): void {
    const error = { error: message, status: httpStatus[code] };
    this.#gather(JSON.stringify(id === "" ? error : { id, ...error }), false);
  }

  /** Answers that become ready in the same turn leave in one system call. */
  #gather(message: Uint8Array | string, isBinary: boolean): void {
    if (this.#socket === undefined) return;
    this.#gathered.push({ message, isBinary });
    if (this.#gathered.length === 1) queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    const gathered = this.#gathered;
    if (gathered.length === 0) return;
    this.#gathered = [];
    this.#socket?.cork(() => {
      for (const { message, isBinary } of gathered) this.#socket?.send(message, isBinary); // a send may close the socket
    });
  }

  /** @internal The inference has been answered, or will not be. */
  finished(inference: SocketInference): void {
    if (!this.#inFlight.delete(inference)) return;
    this.context.inFlight--;
    if (this.#ending) this.end();
  }

  /** Closes the socket as soon as everything in flight is answered. */
  end(): void {
    this.#ending = true;
    if (this.#inFlight.size > 0) return;
    this.#flush();
    this.#socket?.end(1001, "Server exiting");
  }

  /** The socket is gone: nobody waits for what is in flight. */
  closed(): void {
    this.#socket = undefined;
    this.#gathered = [];
    for (const inference of this.#inFlight) inference.abandon();
  }

  record({ name, version } = this.#target) {
    return { requestId: "", method: "WS", route: this.route.pattern, model: `${name}/${version}`, totalMs: 0 };
  }
}

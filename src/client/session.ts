// SPDX-License-Identifier: Apache-2.0
// Many requests for one model on one WebSocket: matched by id, bounded in number, carried over lost connections.
import { type Backoff, backoffOf } from "./backoff.js";
import type { Tensor } from "./datatypes.js";
import { type CallOptions, Deadline } from "./deadline.js";
import { type InferenceReply, type Outputs, splitMessage } from "./decode-reply.js";
import { encodeRequest, type RequestOptions, requestMessage } from "./encode-request.js";
import { InferenceError, invalidArgument, malformedReply } from "./inference-error.js";
import { type Inputs, resolveInputs } from "./input-values.js";
import type { ModelMetadata } from "./metadata.js";
import { PendingRequest, type SentRequest } from "./pending-request.js";
import { Socket, type SocketLike } from "./socket.js";

export interface SessionOptions extends CallOptions {
  readonly version?: string | number | undefined;
  /** Requests that are sent and not answered; more wait for a slot. Default 64. */
  readonly maxInFlight?: number | undefined;
  /** false: a lost connection ends the session. */
  readonly reconnect?: Partial<Backoff> | false | undefined;
}

export interface SessionInferOptions extends CallOptions, RequestOptions {
  readonly rawBytes?: boolean | undefined;
  /** Send again, up to 5 times in all, when the connection is lost before the answer. Default false. */
  readonly retry?: boolean | undefined;
}

/** What a session needs of its client. */
export interface SessionHost {
  /** Makes a connection. */
  open(): SocketLike;
  describe(deadline: Deadline): Promise<ModelMetadata>;
  /** Told why a call failed: what `describe` said may be out of date. */
  failed(error: unknown): void;
  readonly timeoutMs: number;
}

/** A request that costs the server its connection must not do so for ever. */
const mostSends = 5;

export class InferenceSession {
  readonly #host: SessionHost;
  readonly #socket: Socket;
  readonly #maxInFlight: number;
  readonly #reconnects: boolean;
  /** Ids of the calls that are not settled. */
  readonly #calls = new Set<string>();
  #queue: SentRequest[] = [];
  /** On the wire. One whose call has ended stays until its answer comes: the server still works on it. */
  readonly #inFlight = new Map<string, SentRequest>();
  #ids = 0;
  #onFirst: ((failure?: InferenceError) => void) | undefined;
  #onIdle: (() => void) | undefined;
  #closing: Promise<void> | undefined;
  #ended: InferenceError | undefined;

  private constructor(host: SessionHost, { maxInFlight = 64, reconnect = {} }: SessionOptions) {
    if (!Number.isInteger(maxInFlight) || maxInFlight < 1)
      throw invalidArgument(`expected maxInFlight of 1 or more, got ${maxInFlight}`);
    this.#host = host;
    this.#maxInFlight = maxInFlight;
    this.#reconnects = reconnect !== false;
    this.#socket = new Socket(() => host.open(), reconnect === false ? undefined : backoffOf(reconnect), {
      up: () => this.#up(),
      message: (data) => this.#received(data),
      down: (reason) => this.#down(reason),
    });
  }

  /** @internal Use `client.connect`. The first connection is tried once. */
  static async open(host: SessionHost, options: SessionOptions, deadline: Deadline): Promise<InferenceSession> {
    const session = new InferenceSession(host, options);
    const onEnd = () => session.#onFirst?.(deadline.error);
    deadline.signal.addEventListener("abort", onEnd);
    try {
      await new Promise<void>((resolve, reject) => {
        session.#onFirst = (failure) => (failure ? reject(failure) : resolve());
        if (deadline.error) reject(deadline.error);
        else session.#socket.connect();
      });
    } catch (error) {
      session.terminate();
      throw error;
    } finally {
      session.#onFirst = undefined;
      deadline.signal.removeEventListener("abort", onEnd);
    }
    return session;
  }

  /** Whether there is a connection now. */
  get connected(): boolean {
    return this.#socket.isUp;
  }

  /** Requests that the server has and has not answered. */
  get inFlight(): number {
    return this.#inFlight.size;
  }

  /** Calls that wait for a slot, or for the connection to come back. */
  get waiting(): number {
    return this.#queue.filter(({ isOpen }) => isOpen).length;
  }

  /** Sends a request as soon as there is a slot. The arrays must not change until the call has settled. */
  async infer<O extends Outputs = Record<string, Tensor>>(
    inputs: Inputs,
    options: SessionInferOptions = {},
  ): Promise<InferenceReply<O>> {
    if (this.#ended) throw this.#ended;
    if (this.#closing) throw new InferenceError("closed", "the session was closed");
    const { signal, timeoutMs = this.#host.timeoutMs } = options;
    const id = this.#newId(options.id);
    const deadline = new Deadline({ signal, timeoutMs });
    this.#calls.add(id);
    try {
      return await this.#run<O>(inputs, { ...options, id }, deadline);
    } catch (error) {
      this.#host.failed(error);
      throw error;
    } finally {
      deadline.release();
      this.#calls.delete(id);
      if (this.#calls.size === 0) this.#onIdle?.();
    }
  }

  /** As {@link infer}, but undefined at once when it would have to wait for a slot or a connection. */
  tryInfer<O extends Outputs = Record<string, Tensor>>(
    inputs: Inputs,
    options: SessionInferOptions = {},
  ): Promise<InferenceReply<O>> | undefined {
    const isOver = this.#ended !== undefined || this.#closing !== undefined;
    if (!isOver && (!this.#socket.isUp || this.#occupied() >= this.#maxInFlight)) return undefined;
    return this.infer<O>(inputs, options);
  }

  /** Takes no more calls, waits for those that were made, and closes the connection. */
  close(): Promise<void> {
    this.#closing ??= this.#drain();
    return this.#closing;
  }

  /** Closes at once: calls that are not settled reject with "closed". */
  terminate(): void {
    this.#end(new InferenceError("closed", "the session was closed"));
    const closed = this.#socket.close();
    this.#closing ??= closed;
  }

  async #drain(): Promise<void> {
    if (this.#calls.size > 0)
      await new Promise<void>((resolve) => {
        this.#onIdle = resolve;
      });
    await this.#socket.close();
  }

  async #run<O extends Outputs>(
    inputs: Inputs,
    options: SessionInferOptions & { id: string },
    deadline: Deadline,
  ): Promise<InferenceReply<O>> {
    const { id, retry = false, rawBytes = false } = options;
    const tensors = await resolveInputs(inputs, () => this.#host.describe(deadline));
    const end = deadline.error ?? this.#ended;
    if (end) throw end;
    const message = requestMessage(encodeRequest(tensors, options, deadline.timeoutMs));
    const request = new PendingRequest<O>(id, message, deadline, retry, rawBytes);
    this.#queue.push(request);
    this.#pump();
    try {
      return await request.settled;
    } finally {
      if (request.sends === 0) this.#queue = this.#queue.filter((other) => other !== request);
    }
  }

  #newId(given: string | undefined): string {
    const isTaken = (id: string) => this.#calls.has(id) || this.#inFlight.has(id);
    if (given === undefined) {
      while (isTaken(String(++this.#ids)));
      return String(this.#ids);
    }
    if (typeof given === "string" && given !== "" && !isTaken(given)) return given;
    throw invalidArgument(`expected an id that no request in flight has, got '${given}'`);
  }

  /** Slots in use, or about to be. */
  #occupied(): number {
    const abandoned = [...this.#inFlight.values()].filter(({ isOpen }) => !isOpen).length;
    return this.#calls.size + abandoned;
  }

  #pump(): void {
    while (this.#socket.isUp && this.#inFlight.size < this.#maxInFlight) {
      const request = this.#queue.shift();
      if (request === undefined) return;
      if (!request.isOpen) continue;
      request.sends++;
      this.#inFlight.set(request.id, request);
      this.#socket.send(request.message);
    }
  }

  #up(): void {
    this.#onFirst?.();
    this.#pump();
  }

  #received(data: unknown): void {
    try {
      if (typeof data !== "string" && !(data instanceof ArrayBuffer)) throw malformedReply("expected text or bytes");
      const reply = splitMessage(data);
      const request = this.#addressee(reply.head);
      this.#inFlight.delete(request.id);
      request.answer(reply);
      this.#pump();
    } catch (error) {
      // Somebody's answer is lost, and whose is unknown: only a new connection makes a clean start.
      this.#socket.drop(error as InferenceError);
    }
  }

  /** A server may answer without an id what it could not read; with one request in flight that is clear all the same. */
  #addressee({ id, error }: Readonly<Record<string, unknown>>): SentRequest {
    const only = this.#inFlight.size === 1 ? [...this.#inFlight.values()][0] : undefined;
    const request = typeof id === "string" ? this.#inFlight.get(id) : only;
    if (request !== undefined) return request;
    const text = typeof error === "string" ? `: ${error}` : "";
    throw malformedReply(`expected the id of a request in flight, got ${String(id)}${text}`);
  }

  #down(reason: InferenceError): void {
    if (this.#onFirst) {
      this.#onFirst(reason);
      return;
    }
    const lost = [...this.#inFlight.values()];
    this.#inFlight.clear();
    const again = this.#reconnects ? lost.filter(({ retry, sends }) => retry && sends < mostSends) : [];
    this.#queue = [...again, ...this.#queue];
    for (const request of lost) if (!again.includes(request)) fail(request, reason);
    if (!this.#reconnects) this.#end(reason);
  }

  #end(reason: InferenceError): void {
    this.#ended ??= reason;
    const requests = [...this.#inFlight.values(), ...this.#queue];
    this.#inFlight.clear();
    this.#queue = [];
    for (const request of requests) fail(request, reason);
  }
}

function fail(request: SentRequest, { code, message, cause }: InferenceError): void {
  request.fail(new InferenceError(code, message, { requestId: request.id, cause }));
}

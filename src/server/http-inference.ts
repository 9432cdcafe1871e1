// SPDX-License-Identifier: Apache-2.0
// One predict request over HTTP: collects the body, submits it, answers. Times out in both phases.
import type { ErrorCode } from "../errors.js";
import type { ReplyHandler, ReplyTiming, RequestBody } from "../runtime/model-port.js";
import type { Servable } from "../serving/model-store.js";
import { BodyInflater } from "./body-inflater.js";
import { type BodyFault, BodyProgress } from "./body-progress.js";
import type { ServerContext } from "./context.js";
import { timeoutOf } from "./deadline.js";
import type { BodyListener, Reply } from "./reply.js";
import type { RequestHead } from "./request-head.js";
import type { InferenceRoute, Params } from "./routes.js";
import { WheelEntry } from "./timer-wheel.js";

/** Most small requests are answered in the turn they come in, and never need one. */
class Timeout extends WheelEntry {
  readonly #inference: HttpInference;

  constructor(inference: HttpInference) {
    super();
    this.#inference = inference;
  }

  override onTimeout(): void {
    this.#inference.onTimeout();
  }
}

export class HttpInference implements ReplyHandler, BodyListener {
  readonly #context: ServerContext;
  readonly #reply: Reply;
  readonly #head: RequestHead;
  readonly #route: InferenceRoute;
  readonly #params: Params;
  #target: Servable;
  /** Of a body that comes in pieces. */
  #progress: BodyProgress | undefined;
  #inflater: BodyInflater | undefined;
  #body: RequestBody | undefined;
  #ticket = 0;
  /** Once it has waited. */
  #timeout: Timeout | undefined;
  #submitted = false;

  /** @throws OrtserveError when there is no such model */
  constructor(context: ServerContext, reply: Reply, head: RequestHead, route: InferenceRoute, params: Params) {
    this.#context = context;
    this.#reply = reply;
    this.#head = head;
    this.#route = route;
    this.#params = params;
    this.#target = route.find(context, params);
    reply.model = this.#target;
  }

  /** The version that was found. */
  get target(): Servable {
    return this.#target;
  }

  /** Begins to read. Everything else happens in callbacks. */
  start(): void {
    const { bodyTimeoutMs, bodyLimit } = this.#context.settings;
    const { contentLength, encoding } = this.#head;
    this.#reply.owner = this;
    if (encoding !== "") {
      this.#waitUpTo(bodyTimeoutMs);
      this.#inflater = new BodyInflater(this.#reply, bodyLimit, this);
      return;
    }
    if (contentLength !== undefined && contentLength > bodyLimit) {
      this.#takesIn(0);
      return;
    }
    // With a Content-Length the first callback comes at once, and arms the timer only if the body is incomplete.
    if (contentLength === undefined) this.#waitUpTo(bodyTimeoutMs);
    this.#reply.readBody(this);
  }

  /** @internal */
  onChunk(chunk: ArrayBuffer, isLast: boolean): void {
    const isWhole = isLast && this.#body === undefined && chunk.byteLength <= this.#context.settings.bodyLimit;
    if (isWhole) this.#submitWhole(chunk);
    else if (this.#takesIn(chunk.byteLength)) this.#collect(chunk, isLast);
  }

  /** @internal Of a compressed body. */
  onFault(fault: BodyFault): void {
    this.#refusedFor(fault);
  }

  /** Until the next part of the body, or the answer. Only a request that waits has times to tell of. */
  #waitUpTo(millis: number): void {
    this.#reply.startClock();
    this.#timeout ??= new Timeout(this);
    this.#context.wheel.arm(this.#timeout, millis);
  }

  #stopWaiting(): void {
    if (this.#timeout !== undefined) this.#context.wheel.disarm(this.#timeout);
  }

  /** Counts bytes of the body; false when they are too many, which was answered. */
  #takesIn(bytes: number): boolean {
    return !this.#refusedFor(this.#counted(bytes).sizeFault());
  }

  #counted(bytes: number): BodyProgress {
    const compressed = this.#head.encoding !== "";
    const expected = compressed ? undefined : this.#head.contentLength;
    this.#progress ??= new BodyProgress(this.#context.settings, expected, compressed);
    this.#progress.add(bytes);
    return this.#progress;
  }

  #collect(chunk: ArrayBuffer, isLast: boolean): void {
    if (this.#timeout === undefined) this.#waitUpTo(this.#context.settings.bodyTimeoutMs);
    if (chunk.byteLength > 0 && !this.#append(chunk)) return;
    if (isLast) this.#submitCollected();
  }

  #append(chunk: ArrayBuffer): boolean {
    try {
      const { contentLength, jsonSize, encoding } = this.#head;
      const expected = encoding === "" ? (contentLength ?? 0) : 0;
      this.#body ??= this.#context.port.openBody(expected, jsonSize, this.#context.settings.bodyLimit);
    } catch (error) {
      this.#release();
      this.#reply.sendThrown(error);
      return false;
    }
    const code = this.#body.append(chunk);
    if (code === undefined) return true;
    this.#release();
    this.#reply.sendError(code, `the request body of ${this.#counted(0).received} bytes or more could not be stored`);
    return false;
  }

  #submitWhole(chunk: ArrayBuffer): void {
    if (!this.#foundAgain()) return;
    const { port } = this.#context;
    const timeoutMs = this.#submitting();
    this.#submittedAs(
      port.submit(
        this.#target.model,
        this.#route.format,
        false,
        this.#head.jsonSize,
        chunk,
        0,
        chunk.byteLength,
        timeoutMs * 1000,
        this,
        this.#head.cacheUse,
      ),
      timeoutMs,
    );
  }

  #submitCollected(): void {
    if (!this.#foundAgain()) return;
    const body = this.#body as RequestBody;
    this.#body = undefined;
    const timeoutMs = this.#submitting();
    const { model } = this.#target;
    const { jsonSize, cacheUse } = this.#head;
    const { format } = this.#route;
    this.#submittedAs(body.submit(model, format, false, jsonSize, timeoutMs * 1000, this, cacheUse), timeoutMs);
  }

  /** The version may have been replaced while the body came: its successor answers, or the fault of there being none. */
  #foundAgain(): boolean {
    if (!this.#target.retired) return true;
    try {
      this.#target = this.#route.find(this.#context, this.#params);
      this.#reply.model = this.#target;
      return true;
    } catch (error) {
      this.#release();
      this.#reply.sendThrown(error);
      return false;
    }
  }

  #submitting(): number {
    this.#submitted = true;
    this.#stopWaiting();
    return timeoutOf(this.#context.settings, this.#target, this.#head.timeoutMs);
  }

  /**
   * The core drops what is late before it runs; the wheel answers in time when it is late while it runs. A negative ticket
   * is answered within this turn.
   */
  #submittedAs(ticket: number, timeoutMs: number): void {
    this.#ticket = ticket;
    if (ticket > 0 && timeoutMs > 0) this.#waitUpTo(timeoutMs);
  }

  reply(body: Uint8Array, jsonSize: number, timing: ReplyTiming, owned: boolean): void {
    this.#stopWaiting();
    this.#reply.sendPrediction(body, jsonSize, timing, owned);
  }

  fail(code: ErrorCode, message: string, _id: string, timing: ReplyTiming): void {
    this.#stopWaiting();
    this.#reply.sendFailure(code, message, timing);
  }

  /** @internal */
  onTimeout(): void {
    if (this.#submitted) {
      this.#context.port.cancel(this.#ticket);
      this.#reply.sendError("ERR_DEADLINE_EXCEEDED", "Request timeout expired");
    } else if (!this.#refusedFor(this.#counted(0).stallFault())) {
      this.#waitUpTo(this.#context.settings.bodyTimeoutMs);
    }
  }

  /** Answers with what is wrong with the body, if anything is; the rest of it is not worth reading then. */
  #refusedFor(fault: BodyFault | undefined): boolean {
    if (fault === undefined) return false;
    this.#release();
    this.#reply.sendError(fault.code, fault.message, true);
    return true;
  }

  /** @internal */
  onGone(): void {
    if (this.#ticket !== 0) this.#context.port.cancel(this.#ticket);
    this.#release();
  }

  #release(): void {
    this.#stopWaiting();
    this.#inflater?.stop();
    this.#body?.discard();
    this.#body = undefined;
  }
}

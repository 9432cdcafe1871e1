// SPDX-License-Identifier: Apache-2.0
// One prediction over HTTP whose body may hold images or sound: decodes them off the event loop, submits, answers in time.
import type { ErrorCode } from "../errors.js";
import { WireFormat } from "../native/binding.js";
import type { PreparedBody } from "../runtime/media-body.js";
import type { ReplyHandler, ReplyTiming } from "../runtime/model-port.js";
import type { Servable } from "../serving/model-store.js";
import { BufferedInference } from "./buffered-inference.js";
import { CommandBody } from "./command-body.js";
import type { ServerContext } from "./context.js";
import { timeoutOf } from "./deadline.js";
import { mediaRequest } from "./media-request.js";
import type { Reply } from "./reply.js";
import type { RequestHead } from "./request-head.js";
import { WheelEntry } from "./timer-wheel.js";

/** Who predicts, and how the request came. */
export interface MediaCall {
  readonly head: RequestHead;
  readonly contentType: string;
  readonly format: WireFormat;
  /** The version that answers now: it may change while a file is decoded. @throws OrtserveError when there is none */
  find(): Servable;
}

/** Whether requests of this kind to this model go through here. */
export function mayHoldMedia(target: Servable, format: WireFormat): boolean {
  return target.model.media !== undefined && format !== WireFormat.openInference;
}

/** Collects the body first. */
export function readMedia(context: ServerContext, reply: Reply, call: MediaCall): void {
  new CommandBody(context, reply, call.head, (body) => {
    if (call.head.jsonSize >= 0) submitAsItIs(context, reply, call, body);
    else new MediaInference(context, reply, call, body);
  });
}

function submitAsItIs(context: ServerContext, reply: Reply, { head, format, find }: MediaCall, body: Buffer): void {
  try {
    new BufferedInference(context, reply, head, find(), format, body, head.jsonSize);
  } catch (error) {
    reply.sendThrown(error);
  }
}

/** With the body in memory. */
export class MediaInference extends WheelEntry implements ReplyHandler {
  readonly #context: ServerContext;
  readonly #reply: Reply;
  readonly #call: MediaCall;
  #ticket = 0;

  /** @param otherwise what to do with a body that has no file in it; default: it is the JSON of the request */
  constructor(
    context: ServerContext,
    reply: Reply,
    call: MediaCall,
    body: Buffer,
    otherwise: (body: Buffer) => void = (json) => submitAsItIs(context, reply, call, json),
  ) {
    super();
    this.#context = context;
    this.#reply = reply;
    this.#call = call;
    reply.owner = this;
    this.#prepare(body, otherwise).catch((error: unknown) => {
      this.#context.wheel.disarm(this);
      this.#reply.sendThrown(error);
    });
  }

  async #prepare(body: Buffer, otherwise: (body: Buffer) => void): Promise<void> {
    const target = this.#call.find();
    const { media } = target.model;
    this.#reply.model = target;
    const timeoutMs = timeoutOf(this.#context.settings, target, this.#call.head.timeoutMs);
    if (timeoutMs > 0) this.#context.wheel.arm(this, timeoutMs);
    const startedAt = performance.now();
    const prepared = media && (await mediaRequest(media, this.#call.contentType, body, () => this.#reply.open));
    if (!this.#reply.open) return; // answered meanwhile: too late, or nobody waits
    if (prepared === undefined) {
      this.#context.wheel.disarm(this);
      otherwise(body);
      return;
    }
    const left = timeoutMs === 0 ? 0 : Math.max(timeoutMs - (performance.now() - startedAt), 0.001);
    this.#submit(target.retired ? this.#call.find() : target, prepared, left);
  }

  #submit(target: Servable, prepared: PreparedBody, timeoutMs: number): void {
    const { head, format } = this.#call;
    this.#reply.model = target;
    const micros = timeoutMs * 1000;
    this.#ticket = this.#context.port.submitPrepared(
      target.model,
      format,
      false,
      prepared,
      micros,
      this,
      head.cacheUse,
    );
  }

  reply(body: Uint8Array, jsonSize: number, timing: ReplyTiming, owned: boolean): void {
    this.#context.wheel.disarm(this);
    this.#reply.sendPrediction(body, jsonSize, timing, owned);
  }

  fail(code: ErrorCode, message: string, _id: string, timing: ReplyTiming): void {
    this.#context.wheel.disarm(this);
    this.#reply.sendFailure(code, message, timing);
  }

  override onTimeout(): void {
    if (this.#ticket !== 0) this.#context.port.cancel(this.#ticket);
    this.#reply.sendError("ERR_DEADLINE_EXCEEDED", "Request timeout expired");
  }

  onGone(): void {
    this.#context.wheel.disarm(this);
    if (this.#ticket !== 0) this.#context.port.cancel(this.#ticket);
  }
}

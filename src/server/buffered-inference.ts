// SPDX-License-Identifier: Apache-2.0
// One prediction whose body is in JavaScript memory already: submits it, and answers in time.
import type { ErrorCode } from "../errors.js";
import type { WireFormat } from "../native/binding.js";
import type { ReplyHandler, ReplyTiming } from "../runtime/model-port.js";
import type { Servable } from "../serving/model-store.js";
import type { ServerContext } from "./context.js";
import { timeoutOf } from "./deadline.js";
import type { Reply } from "./reply.js";
import type { RequestHead } from "./request-head.js";
import { WheelEntry } from "./timer-wheel.js";

export class BufferedInference extends WheelEntry implements ReplyHandler {
  readonly #context: ServerContext;
  readonly #reply: Reply;
  #ticket = 0;

  /** @param jsonSize as for `ModelPort.submit` */
  constructor(
    context: ServerContext,
    reply: Reply,
    head: RequestHead,
    target: Servable,
    format: WireFormat,
    body: Uint8Array,
    jsonSize: number,
  ) {
    super();
    this.#context = context;
    this.#reply = reply;
    reply.model = target;
    reply.owner = this;
    const timeoutMs = timeoutOf(context.settings, target, head.timeoutMs);
    const memory = body.buffer as ArrayBuffer;
    const { byteOffset, byteLength } = body;
    const micros = timeoutMs * 1000;
    const { model } = target;
    const { cacheUse } = head;
    const { port, wheel } = context;
    this.#ticket = port.submit(model, format, false, jsonSize, memory, byteOffset, byteLength, micros, this, cacheUse);
    if (this.#ticket > 0 && timeoutMs > 0) wheel.arm(this, timeoutMs);
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
    this.#context.port.cancel(this.#ticket);
    this.#reply.sendError("ERR_DEADLINE_EXCEEDED", "Request timeout expired");
  }

  onGone(): void {
    this.#context.wheel.disarm(this);
    this.#context.port.cancel(this.#ticket);
  }
}

// SPDX-License-Identifier: Apache-2.0
// One predict request that came as a WebSocket message.
import type { ErrorCode } from "../errors.js";
import type { ReplyHandler, ReplyTiming } from "../runtime/model-port.js";
import type { Servable } from "../serving/model-store.js";
import { timeoutOf } from "./deadline.js";
import { httpStatus } from "./http-status.js";
import type { SocketSession } from "./socket-session.js";
import { WheelEntry } from "./timer-wheel.js";

export class SocketInference extends WheelEntry implements ReplyHandler {
  readonly #session: SocketSession;
  readonly #target: Servable;
  readonly #startedAt = performance.now();
  #ticket = 0;
  #done = false;
  #late = false;

  constructor(session: SocketSession, target: Servable) {
    super();
    this.#session = session;
    this.#target = target;
  }

  submit(message: ArrayBuffer, isBinary: boolean): void {
    const { context, route, timeoutMs: asked } = this.#session;
    const target = this.#target;
    target.lastUsedAt = this.#startedAt;
    const timeoutMs = timeoutOf(context.settings, target, asked);
    const start = isBinary ? 4 : 0;
    const jsonSize = isBinary ? new DataView(message).getUint32(0, true) : -1;
    const length = message.byteLength - start;
    if (jsonSize > length) {
      const reason = `expected a JSON length of at most ${length} at the start of the message, got ${jsonSize}`;
      this.fail("ERR_INVALID_JSON", reason, "");
      return;
    }
    const { model } = target;
    const { format } = route;
    this.#ticket = context.port.submit(model, format, true, jsonSize, message, start, length, timeoutMs * 1000, this);
    if (this.#ticket !== 0 && timeoutMs > 0) context.wheel.arm(this, timeoutMs);
  }

  reply(body: Uint8Array, jsonSize: number, timing: ReplyTiming): void {
    if (this.#done) return;
    this.#session.send(body, jsonSize > 0);
    this.#finish();
    const { accessLog } = this.#session.context;
    if (!accessLog.verbose) return;
    const times = { queueMs: timing.queueMicros / 1000, runMs: timing.computeMicros / 1000 };
    accessLog.succeeded({ ...this.#session.record(this.#target), ...times, status: 200, totalMs: this.#elapsed() });
  }

  fail(code: ErrorCode, message: string, id: string): void {
    if (this.#done) return;
    if (this.#late) {
      code = "ERR_DEADLINE_EXCEEDED";
      message = "Request timeout expired";
    }
    this.#session.sendError(id, code, message);
    this.#finish();
    const record = { ...this.#session.record(this.#target), requestId: id, totalMs: this.#elapsed() };
    this.#session.context.accessLog.failed({ ...record, status: httpStatus[code], code, message });
  }

  /** The answer needs the request's id, which the core hands back with the cancelled request. */
  override onTimeout(): void {
    this.#late = true;
    this.#session.context.port.cancel(this.#ticket);
  }

  /** The socket is gone: drops the work. */
  abandon(): void {
    if (this.#done) return;
    this.#finish();
    this.#session.context.port.cancel(this.#ticket);
  }

  /** After the answer has been handed to the session: a session that is ending closes with its last one. */
  #finish(): void {
    this.#done = true;
    this.#session.context.wheel.disarm(this);
    this.#session.finished(this);
  }

  #elapsed(): number {
    return Math.round((performance.now() - this.#startedAt) * 1000) / 1000;
  }
}

// SPDX-License-Identifier: Apache-2.0
// One predict request that came as a WebSocket message.
import { type ErrorCode, OrtserveError } from "../errors.js";
import { hasStringValue, topLevelString } from "../runtime/json-scan.js";
import type { MediaReader, PreparedBody } from "../runtime/media-body.js";
import type { ReplyHandler, ReplyTiming } from "../runtime/model-port.js";
import type { Servable } from "../serving/model-store.js";
import { timeoutOf } from "./deadline.js";
import { httpStatus } from "./http-status.js";
import { mayHoldMedia } from "./media-inference.js";
import { mediaRequest } from "./media-request.js";
import type { SocketSession } from "./socket-session.js";
import { WheelEntry } from "./timer-wheel.js";

export class SocketInference extends WheelEntry implements ReplyHandler {
  readonly #session: SocketSession;
  #target: Servable;
  readonly #startedAt = performance.now();
  #ticket = 0;
  #done = false;
  #late = false;
  /** While files are decoded. */
  #preparing: { readonly id: string } | undefined;

  constructor(session: SocketSession, target: Servable) {
    super();
    this.#session = session;
    this.#target = target;
  }

  submit(message: ArrayBuffer, isBinary: boolean): void {
    const { context, route, timeoutMs: asked } = this.#session;
    const target = this.#target;
    const { model } = target;
    const { format } = route;
    const timeoutMs = timeoutOf(context.settings, target, asked);
    if (mayHoldMedia(target, format) && (!isBinary || model.media?.takes(new Uint8Array(message)))) {
      this.#prepare(Buffer.from(message.slice(0)), isBinary, timeoutMs); // the message's memory is lent for this call
      return;
    }
    const start = isBinary ? 4 : 0;
    const jsonSize = isBinary ? new DataView(message).getUint32(0, true) : -1;
    const length = message.byteLength - start;
    if (jsonSize > length) {
      const reason = `expected a JSON length of at most ${length} at the start of the message, got ${jsonSize}`;
      this.fail("ERR_INVALID_JSON", reason, "");
      return;
    }
    this.#ticket = context.port.submit(model, format, true, jsonSize, message, start, length, timeoutMs * 1000, this);
    if (this.#ticket > 0 && timeoutMs > 0) context.wheel.arm(this, timeoutMs);
  }

  /** A message with files in it, or one that is a file: they are decoded off the event loop first. */
  #prepare(message: Buffer, isFile: boolean, timeoutMs: number): void {
    const { context, route } = this.#session;
    const { format } = route;
    const id = isFile || !hasStringValue(message) ? "" : topLevelString(message.toString(), "id");
    this.#preparing = { id };
    if (timeoutMs > 0) context.wheel.arm(this, timeoutMs);
    const submit = (body: PreparedBody | undefined) => {
      if (this.#done) return;
      if (this.#target.retired) this.#target = this.#session.find(); // replaced meanwhile: its successor answers
      const { model } = this.#target;
      this.#preparing = undefined;
      const left = timeoutMs === 0 ? 0 : Math.max(timeoutMs - this.#elapsed(), 0.001) * 1000;
      this.#ticket =
        body === undefined
          ? context.port.submit(model, format, true, -1, memoryOf(message), 0, message.byteLength, left, this)
          : context.port.submitPrepared(model, format, true, body, left, this);
    };
    const type = isFile ? "application/octet-stream" : "";
    mediaRequest(this.#target.model.media as MediaReader, type, message, () => !this.#done)
      .then(submit)
      .catch((error: unknown) => {
        const known = error instanceof OrtserveError && error.code !== "ERR_INTERNAL";
        if (!known) context.accessLog.bug(error);
        this.fail(known ? error.code : "ERR_INTERNAL", known ? error.message : "internal error", id);
      });
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
    if (this.#preparing) {
      this.fail("ERR_DEADLINE_EXCEEDED", "Request timeout expired", this.#preparing.id);
      return;
    }
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

/** Of a buffer that has all of its memory. */
function memoryOf(message: Buffer): ArrayBuffer {
  return message.buffer as ArrayBuffer;
}

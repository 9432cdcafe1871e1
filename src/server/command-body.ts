// SPDX-License-Identifier: Apache-2.0
// The body of a request, inflated where it is compressed, read whole into JavaScript memory.
import { OrtserveError } from "../errors.js";
import { BodyInflater } from "./body-inflater.js";
import { type BodyFault, BodyProgress } from "./body-progress.js";
import type { ServerContext } from "./context.js";
import type { Reply } from "./reply.js";
import type { RequestHead } from "./request-head.js";
import { WheelEntry } from "./timer-wheel.js";

export class CommandBody extends WheelEntry {
  readonly #context: ServerContext;
  readonly #reply: Reply;
  readonly #progress: BodyProgress;
  readonly #chunks: Buffer[] = [];
  readonly #done: (body: Buffer) => void;
  #inflater: BodyInflater | undefined;

  /** Calls `done` with the whole body, or answers with what was wrong with it. */
  constructor(context: ServerContext, reply: Reply, head: RequestHead, done: (body: Buffer) => void) {
    super();
    this.#context = context;
    this.#reply = reply;
    const compressed = head.encoding !== "";
    this.#progress = new BodyProgress(context.settings, compressed ? undefined : head.contentLength, compressed);
    this.#done = done;
    reply.owner = this;
    reply.startClock();
    if (this.#refusedForSize()) return;
    context.wheel.arm(this, context.settings.bodyTimeoutMs);
    if (compressed) this.#inflater = new BodyInflater(reply, context.settings.bodyLimit, this);
    else reply.readBody(this);
  }

  /** @internal */
  onChunk(chunk: ArrayBuffer, isLast: boolean): void {
    this.#progress.add(chunk.byteLength);
    if (this.#refusedForSize()) return;
    if (chunk.byteLength > 0) this.#chunks.push(Buffer.from(chunk.slice(0))); // the chunk's memory is lent for this call
    if (!isLast) return;
    this.#context.wheel.disarm(this);
    this.#done(Buffer.concat(this.#chunks));
  }

  #refusedForSize(): boolean {
    const fault = this.#progress.sizeFault();
    if (fault !== undefined) this.onFault(fault);
    return fault !== undefined;
  }

  /** @internal Of a compressed body. */
  onFault(fault: BodyFault): void {
    this.#release();
    this.#reply.sendError(fault.code, fault.message, true); // the rest of the body is not worth reading
  }

  /** @internal */
  onGone(): void {
    this.#release();
  }

  #release(): void {
    this.#context.wheel.disarm(this);
    this.#inflater?.stop();
  }

  override onTimeout(): void {
    const fault = this.#progress.stallFault();
    if (fault === undefined) this.#context.wheel.arm(this, this.#context.settings.bodyTimeoutMs);
    else this.onFault(fault);
  }
}

/** The JSON value that a command's body is; undefined for an empty body. @throws OrtserveError ERR_INVALID_JSON */
export function jsonBody(body: Buffer): unknown {
  if (body.length === 0) return undefined;
  try {
    return JSON.parse(body.toString());
  } catch (error) {
    const reason = (error as Error).message;
    throw new OrtserveError("ERR_INVALID_JSON", `failed to parse the request JSON buffer: ${reason}`);
  }
}

// SPDX-License-Identifier: Apache-2.0
// The body of a request that is not a prediction, read whole into JavaScript memory.
import { OrtserveError } from "../errors.js";
import { BodyProgress } from "./body-progress.js";
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

  /** Calls `done` with the whole body, or answers with what was wrong with it. */
  constructor(context: ServerContext, reply: Reply, head: RequestHead, done: (body: Buffer) => void) {
    super();
    this.#context = context;
    this.#reply = reply;
    this.#progress = new BodyProgress(context.settings, head.contentLength);
    this.#done = done;
    reply.onGone = () => this.#context.wheel.disarm(this);
    if (this.#refusedForSize()) return;
    context.wheel.arm(this, context.settings.bodyTimeoutMs);
    reply.onBody((chunk, isLast) => this.#onChunk(chunk, isLast));
  }

  #onChunk(chunk: ArrayBuffer, isLast: boolean): void {
    this.#progress.add(chunk.byteLength);
    if (this.#refusedForSize()) return;
    if (chunk.byteLength > 0) this.#chunks.push(Buffer.from(chunk.slice(0))); // the chunk's memory is lent for this call
    if (!isLast) return;
    this.#context.wheel.disarm(this);
    this.#done(Buffer.concat(this.#chunks));
  }

  #refusedForSize(): boolean {
    const fault = this.#progress.sizeFault();
    if (fault === undefined) return false;
    this.#context.wheel.disarm(this);
    this.#reply.sendError(fault.code, fault.message, true); // the rest of the body is not worth reading
    return true;
  }

  override onTimeout(): void {
    const fault = this.#progress.stallFault();
    if (fault === undefined) this.#context.wheel.arm(this, this.#context.settings.bodyTimeoutMs);
    else this.#reply.sendError(fault.code, fault.message, true);
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

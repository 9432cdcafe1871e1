// SPDX-License-Identifier: Apache-2.0
// A compressed request body, inflated as it arrives and off the JS thread, by as much as is allowed and no further.
import { createUnzip, type Unzip } from "node:zlib";
import type { BodyFault } from "./body-progress.js";
import type { BodyListener, Reply } from "./reply.js";

const chunkSize = 64 * 1024;

/** Of the inflated bytes. */
export interface InflatedListener extends BodyListener {
  /** Instead of the last chunk: the body is not what its encoding says, or too large in its compressed form. */
  onFault(fault: BodyFault): void;
}

export class BodyInflater implements BodyListener {
  readonly #reply: Reply;
  readonly #limit: number;
  readonly #listener: InflatedListener;
  // Tells gzip from zlib by the first bytes, as clients confuse their names.
  readonly #unzip: Unzip = createUnzip({ chunkSize });
  #received = 0;
  #over = false;

  /** Begins to read. @param limit bytes that the compressed body may have; the listener bounds the inflated one. */
  constructor(reply: Reply, limit: number, listener: InflatedListener) {
    this.#reply = reply;
    this.#limit = limit;
    this.#listener = listener;
    this.#unzip.on("data", (chunk: Buffer) => this.#emit(chunk, false));
    this.#unzip.on("end", () => this.#emit(Buffer.alloc(0), true));
    this.#unzip.on("error", ({ message }) => {
      this.#fault({ code: "ERR_INVALID_JSON", message: `the compressed request body cannot be inflated: ${message}` });
    });
    reply.readBody(this);
  }

  /** Nothing is called any more. Idempotent. */
  stop(): void {
    this.#over = true;
    this.#unzip.destroy();
  }

  /** @internal */
  onChunk(chunk: ArrayBuffer, isLast: boolean): void {
    if (this.#over) return;
    this.#received += chunk.byteLength;
    if (this.#received > this.#limit) {
      const message = `expected a request body of at most ${this.#limit} bytes, got more`;
      this.#fault({ code: "ERR_BODY_TOO_LARGE", message });
      return;
    }
    if (chunk.byteLength > 0) this.#unzip.write(Buffer.from(chunk.slice(0))); // the chunk's memory is lent for this call
    if (isLast) this.#unzip.end();
  }

  #emit(chunk: Buffer, isLast: boolean): void {
    if (this.#over) return;
    if (isLast) this.#over = true;
    const { buffer, byteOffset, byteLength } = chunk;
    try {
      this.#listener.onChunk(buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer, isLast);
    } catch (error) {
      this.stop();
      this.#reply.sendBug(error);
    }
  }

  #fault(fault: BodyFault): void {
    if (this.#over) return;
    this.stop();
    this.#listener.onFault(fault);
  }
}

// SPDX-License-Identifier: Apache-2.0
// One request of a session, from the call until its promise is settled and its slot is free.
import type { Deadline } from "./deadline.js";
import { type InferenceReply, type Outputs, type RawReply, readReply } from "./decode-reply.js";
import { InferenceError } from "./inference-error.js";

/** A request as the session sees it, whatever its outputs. */
export interface SentRequest {
  readonly id: string;
  readonly message: Uint8Array<ArrayBuffer> | string;
  readonly retry: boolean;
  /** Times it has been put on the wire. */
  sends: number;
  /** False once the call has ended: answered, aborted, or out of time. */
  readonly isOpen: boolean;
  answer(reply: RawReply): void;
  fail(error: InferenceError): void;
}

export class PendingRequest<O extends Outputs> implements SentRequest {
  readonly id: string;
  readonly message: Uint8Array<ArrayBuffer> | string;
  readonly retry: boolean;
  readonly settled: Promise<InferenceReply<O>>;
  sends = 0;
  readonly #deadline: Deadline;
  readonly #rawBytes: boolean;
  readonly #onEnd = () => this.fail(this.#deadline.error as InferenceError);
  #settle: { resolve: (reply: InferenceReply<O>) => void; reject: (error: InferenceError) => void } | undefined;

  constructor(
    id: string,
    message: Uint8Array<ArrayBuffer> | string,
    deadline: Deadline,
    retry: boolean,
    rawBytes: boolean,
  ) {
    this.id = id;
    this.message = message;
    this.retry = retry;
    this.#deadline = deadline;
    this.#rawBytes = rawBytes;
    this.settled = new Promise((resolve, reject) => {
      this.#settle = { resolve, reject };
    });
    deadline.signal.addEventListener("abort", this.#onEnd);
  }

  get isOpen(): boolean {
    return this.#settle !== undefined;
  }

  answer(reply: RawReply): void {
    const { error, status } = reply.head;
    try {
      if (typeof error === "string") {
        const details = { requestId: this.id, ...(typeof status === "number" && { status }) };
        throw new InferenceError("refused", error, details);
      }
      const read = readReply<O>(reply, this.#rawBytes);
      this.#take()?.resolve(read);
    } catch (reason) {
      this.fail(reason as InferenceError);
    }
  }

  fail(error: InferenceError): void {
    this.#take()?.reject(error);
  }

  #take() {
    const settle = this.#settle;
    this.#settle = undefined;
    this.#deadline.signal.removeEventListener("abort", this.#onEnd);
    return settle;
  }
}

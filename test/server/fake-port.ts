// SPDX-License-Identifier: Apache-2.0
// Stands in for the native core: answers each request as its JSON body asks, so that tests decide what happens when.
import type { ErrorCode } from "../../src/errors.js";
import type { ReplyHandler, ReplyTiming, RequestBody } from "../../src/runtime/model-port.js";
import type { WirePort } from "../../src/server/context.js";

export interface Submitted {
  ticket: number;
  text: string;
  bytes: Buffer;
  jsonSize: number;
  framed: boolean;
  format: number;
  timeoutMicros: number;
  handler: ReplyHandler;
}

export const fakeTiming: ReplyTiming = { queueMicros: 1500, computeMicros: 2500, rows: 1, batchRows: 1, cache: "" };

/**
 * The body's `do` decides: "echo" (default) answers with the body, later; "inline" the same, at once; "hold" waits for
 * `answer`; "large" answers `size` bytes; "fail" fails with `code`.
 */
export class FakePort implements WirePort {
  readonly submitted: Submitted[] = [];
  readonly held: Submitted[] = [];
  readonly cancelled: number[] = [];
  openBodies = 0;
  #tickets = 0;

  submitPrepared: WirePort["submitPrepared"] = () => {
    throw new Error("the fake models take no media");
  };

  submit: WirePort["submit"] = (_model, format, framed, jsonSize, body, offset, length, timeoutMicros, handler) => {
    const bytes = Buffer.from(new Uint8Array(body, offset, length).slice());
    return this.#take({ bytes, jsonSize, framed, format, timeoutMicros, handler });
  };

  openBody: WirePort["openBody"] = (_expected, _jsonSize, maxSize): RequestBody => {
    this.openBodies++;
    const pieces: Buffer[] = [];
    return {
      append: (chunk) => {
        pieces.push(Buffer.from(new Uint8Array(chunk).slice()));
        return pieces.reduce((sum, { length }) => sum + length, 0) > maxSize ? "ERR_LIMIT_EXCEEDED" : undefined;
      },
      submit: (_model, format, framed, jsonSize, timeoutMicros, handler) => {
        this.openBodies--;
        return this.#take({ bytes: Buffer.concat(pieces), jsonSize, framed, format, timeoutMicros, handler });
      },
      discard: () => {
        this.openBodies--;
      },
    };
  };

  cancel: WirePort["cancel"] = (ticket) => {
    this.cancelled.push(ticket);
    const index = this.held.findIndex((request) => request.ticket === ticket);
    const [request] = index < 0 ? [] : this.held.splice(index, 1);
    if (request) setImmediate(() => request.handler.fail("ERR_CANCELLED", "cancelled", idOf(request), fakeTiming));
  };

  /** Answers a held request with its own body. */
  answer(request: Submitted): void {
    this.held.splice(this.held.indexOf(request), 1);
    request.handler.reply(request.bytes, 0, fakeTiming, false);
  }

  #take(arrived: Omit<Submitted, "ticket" | "text">): number {
    const request: Submitted = { ...arrived, ticket: ++this.#tickets, text: arrived.bytes.toString() };
    this.submitted.push(request);
    return this.#act(request, wish(request));
  }

  #act(request: Submitted, { do: action, size, code, message }: Wish): number {
    const { handler, bytes, ticket } = request;
    if (action === "inline") handler.reply(bytes, 0, fakeTiming, false);
    else if (action === "fail") handler.fail(code ?? "ERR_INTERNAL", message ?? "failed", idOf(request), fakeTiming);
    else if (action === "throw") throw new Error("the fake port was asked to throw");
    else if (action === "hold") this.held.push(request);
    else if (action === "large")
      setImmediate(() => handler.reply(new Uint8Array(size ?? 0).fill(97), 0, fakeTiming, true));
    else if (action === "binary") setImmediate(() => handler.reply(bytes, size ?? 2, fakeTiming, false));
    else setImmediate(() => handler.reply(bytes, 0, fakeTiming, false));
    return action === "inline" || action === "fail" ? 0 : ticket;
  }
}

interface Wish {
  do?: string;
  size?: number;
  code?: ErrorCode;
  message?: string;
}

function wish({ bytes, jsonSize }: Submitted): Wish {
  try {
    return JSON.parse(bytes.subarray(0, jsonSize > 0 ? jsonSize : bytes.length).toString()) ?? {};
  } catch {
    return {};
  }
}

function idOf(request: Submitted): string {
  return (wish(request) as { id?: string }).id ?? "";
}

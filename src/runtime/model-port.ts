// SPDX-License-Identifier: Apache-2.0
// The way in and out of the native core for one JS environment: submits requests, and hands each answer to its handler.
// Reading the completion records and the reply slabs happens here and nowhere else.
import { type ErrorCode, OrtserveError } from "../errors.js";
import {
  CacheUse,
  Completion,
  cacheOutcomes,
  firstPlace,
  largeReply,
  type NativeBinding,
  type NativePort,
  type NativeTensor,
  type NativeValue,
  ticketSlotMask,
  type WireFormat,
  wireFlags,
} from "../native/binding.js";
import type { NativeHistogram } from "../native/histogram-binding.js";
import { codeName, engineBinding } from "./engine.js";
import type { PreparedBody } from "./media-body.js";
import type { Model } from "./model.js";
import { nativeError } from "./native-error.js";

/** How long one request took, and in what company it ran. The object is reused: read it before the handler returns. */
export interface ReplyTiming {
  queueMicros: number;
  computeMicros: number;
  rows: number;
  batchRows: number;
  /** What became of the request in the prediction cache; "" when the model has none. */
  cache: (typeof cacheOutcomes)[number];
}

/** Receives the answer of one wire request: exactly one of the two is called, once. */
export interface ReplyHandler {
  /**
   * `body`: the whole reply. `jsonSize`: length of the JSON at its start when binary tensors follow, else 0.
   * `owned`: the memory may be kept, but not written or transferred, for other requests may get the same; otherwise the bytes
   * are valid only until the handler returns or uses the port again.
   */
  reply(body: Uint8Array, jsonSize: number, timing: ReplyTiming, owned: boolean): void;
  /** `id`: the request's own id, "" when it had none or could not be read. */
  fail(code: ErrorCode, message: string, id: string, timing: ReplyTiming): void;
}

/** The reply to a body that may come again, byte by byte. */
interface KeptReply {
  readonly body: Uint8Array;
  readonly jsonSize: number;
  /** Of the hit that it was kept for; the next ones take as little. */
  readonly timing: ReplyTiming;
}

/** Receives the answer of one embedded predict. */
export interface OutputHandler {
  outputs(values: NativeValue[], timing: ReplyTiming): void;
  fail(code: ErrorCode, message: string): void;
}

/** A request body that arrives in pieces. Ends with submit() or discard(). */
export interface RequestBody {
  /** Copies the piece. On failure (too long, out of memory) returns the code and the body can only be discarded. */
  append(chunk: ArrayBuffer): ErrorCode | undefined;
  /** As {@link ModelPort.submit}. */
  submit(
    model: Model,
    format: WireFormat,
    framed: boolean,
    jsonSize: number,
    timeoutMicros: number,
    reply: ReplyHandler,
    cacheUse?: CacheUse,
  ): number;
  discard(): void;
}

export class ModelPort {
  static #current: ModelPort | undefined;

  readonly #binding: NativeBinding;
  readonly #native: NativePort;
  // By slot (the low bits of a ticket): who waits, and the whole ticket, so that a stale ticket cancels nobody.
  readonly #handlers: (ReplyHandler | OutputHandler | undefined)[] = [];
  readonly #tickets: number[] = [];
  readonly #timing: ReplyTiming = { queueMicros: 0, computeMicros: 0, rows: 0, batchRows: 0, cache: "" };
  readonly #text = new TextDecoder();
  readonly #kept: KeptReply[] = []; // by place
  #inFlight = 0;
  #turnEnds = false; // an immediate is on its way to end this turn
  readonly #endTurn = () => {
    this.#turnEnds = false;
    this.#native.endTurn();
  };

  private constructor(binding: NativeBinding) {
    this.#binding = binding;
    this.#native = binding.openPort(
      (count) => this.#onReplies(count),
      (ticket, code, values, queueMicros, computeMicros) =>
        this.#onOutputs(ticket, code, values, queueMicros, computeMicros),
    );
  }

  /** The port of this JS environment (main thread or worker), opened on first use. */
  static current(): ModelPort {
    ModelPort.#current ??= new ModelPort(engineBinding());
    return ModelPort.#current;
  }

  /** Requests submitted through this port and not yet answered. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /**
   * Decodes a whole body and queues it. `framed`: a binary reply starts with a u32 little-endian JSON length (WebSocket).
   * `jsonSize`: length of the JSON at the start of a binary body, 0 for a raw binary body, -1 when all of it is JSON.
   * `body` is read before the call returns. `timeoutMicros`: 0 for no deadline.
   * Returns the ticket; 0 when `reply` was already called (a refusal, or a cached result); a negative ticket when it will be
   * called in this very turn of the event loop, because the model is so cheap that what came in one turn is run at its end.
   */
  submit(
    model: Model,
    format: WireFormat,
    framed: boolean,
    jsonSize: number,
    body: ArrayBuffer,
    offset: number,
    length: number,
    timeoutMicros: number,
    reply: ReplyHandler,
    cacheUse: CacheUse = CacheUse.use,
  ): number {
    const flags = wireFlags(format, framed, cacheUse);
    const ticket = this.#native.submit(model.native.handle, flags, jsonSize, body, offset, length, timeoutMicros);
    if (ticket < firstPlace) return this.#submitted(ticket, reply);
    const kept = this.#kept[ticket - firstPlace] as KeptReply;
    reply.reply(kept.body, kept.jsonSize, kept.timing, true);
    return 0;
  }

  /**
   * Collects a body in native memory as its pieces arrive. `expectedSize`: bytes to come, 0 when unknown; `jsonSize` as in
   * {@link submit}; `maxSize`: more bytes than this are refused. Throws ERR_OUT_OF_MEMORY.
   */
  openBody(expectedSize: number, jsonSize: number, maxSize: number): RequestBody {
    const native = this.#native;
    let body: number;
    try {
      body = native.openBody(expectedSize, jsonSize, maxSize);
    } catch (error) {
      throw nativeError(error);
    }
    return {
      append: (chunk) => {
        const code = native.appendBody(body, chunk);
        return code === 0 ? undefined : codeName(this.#binding, code);
      },
      submit: (model, format, framed, json, timeoutMicros, reply, cacheUse = CacheUse.use) => {
        const flags = wireFlags(format, framed, cacheUse);
        return this.#submitted(native.submitBody(model.native.handle, flags, json, body, timeoutMicros), reply);
      },
      discard: () => native.discardBody(body),
    };
  }

  /** As {@link submit}, for a body whose media are decoded already; see {@link NativePort.submitPrepared}. */
  submitPrepared(
    model: Model,
    format: WireFormat,
    framed: boolean,
    { json, attachments, first }: PreparedBody,
    timeoutMicros: number,
    reply: ReplyHandler,
    cacheUse: CacheUse = CacheUse.use,
  ): number {
    const bytes = new TextEncoder().encode(json);
    const { buffer, byteOffset, byteLength } = bytes;
    return this.#submitted(
      this.#native.submitPrepared(
        model.native.handle,
        wireFlags(format, framed, cacheUse),
        buffer as ArrayBuffer,
        byteOffset,
        byteLength,
        attachments,
        first,
        timeoutMicros,
      ),
      reply,
    );
  }

  /** Queues an embedded predict of what `preprocess` takes; see {@link NativePort.predictPrepared}. */
  predictPrepared(
    model: Model,
    { json, attachments, first }: PreparedBody,
    wanted: number[],
    timeoutMicros: number,
    handler: OutputHandler,
    cacheUse: CacheUse = CacheUse.use,
  ): number {
    return this.#keep(
      this.#native.predictPrepared(model.native.handle, json, attachments, first, wanted, timeoutMicros, cacheUse),
      handler,
    );
  }

  /** Queues an embedded predict; see {@link NativePort.predict}. The handler is never called before this returns. */
  predict(
    model: Model,
    inputs: (NativeTensor | undefined)[],
    wanted: number[],
    lend: boolean,
    timeoutMicros: number,
    handler: OutputHandler,
    cacheUse: CacheUse = CacheUse.use,
    histograms?: readonly NativeHistogram[],
  ): number {
    const { handle } = model.native;
    const ticket = this.#native.predict(handle, inputs, wanted, lend, timeoutMicros, cacheUse, histograms);
    return this.#keep(ticket, handler);
  }

  /**
   * Nobody wants the answer any more: queued work is dropped. The handler is still called, with ERR_CANCELLED unless the
   * answer was ready. A ticket that has been answered is ignored.
   */
  cancel(ticket: number): void {
    const open = Math.abs(ticket);
    const slot = open & ticketSlotMask;
    if (open !== 0 && this.#tickets[slot] === open && this.#handlers[slot]) this.#native.cancel(open);
  }

  #submitted(ticket: number, reply: ReplyHandler): number {
    if (ticket !== 0) return this.#keep(ticket, reply);
    this.#deliver(0, reply);
    return 0;
  }

  #keep(ticket: number, handler: ReplyHandler | OutputHandler): number {
    const open = Math.abs(ticket);
    const slot = open & ticketSlotMask;
    this.#handlers[slot] = handler;
    this.#tickets[slot] = open;
    if (ticket < 0 && !this.#turnEnds) {
      this.#turnEnds = true;
      setImmediate(this.#endTurn);
    }
    this.#inFlight++;
    return ticket;
  }

  #take(ticket: number): ReplyHandler | OutputHandler | undefined {
    const slot = ticket & ticketSlotMask;
    if (this.#tickets[slot] !== ticket) return undefined;
    const handler = this.#handlers[slot];
    this.#handlers[slot] = undefined;
    this.#inFlight--;
    return handler;
  }

  #onReplies(count: number): void {
    const records = this.#native.records;
    for (let i = 0; i < count; i++) {
      const handler = this.#take(records[i * Completion.size + Completion.ticket] ?? 0);
      try {
        if (handler) this.#deliver(i, handler as ReplyHandler);
      } catch (error) {
        throwLater(error);
      }
    }
  }

  #deliver(index: number, handler: ReplyHandler): void {
    const { records, slabs, large } = this.#native;
    const base = index * Completion.size;
    const field = (name: number) => records[base + name] ?? 0;
    const timing = this.#timing;
    timing.queueMicros = field(Completion.queueMicros);
    timing.computeMicros = field(Completion.computeMicros);
    timing.rows = field(Completion.rows);
    timing.batchRows = field(Completion.batchRows);
    timing.cache = cacheOutcomes[field(Completion.cache)] ?? "";
    const code = field(Completion.code);
    const offset = field(Completion.offset);
    const length = field(Completion.length);
    const owned = field(Completion.slab) === largeReply;
    const slab = owned ? undefined : slabs[field(Completion.slab)];
    if (code !== 0) {
      const idSize = field(Completion.idSize);
      const message = slab ? this.#text.decode(slab.subarray(offset, offset + length)) : "out of memory for the reply";
      const id = slab && idSize > 0 ? this.#text.decode(slab.subarray(offset - idSize, offset)) : "";
      handler.fail(codeName(this.#binding, code), message, id, timing);
      return;
    }
    const own = owned ? large[offset] : undefined;
    const body = own ? new Uint8Array(own, 0, length) : slab?.subarray(offset, offset + length);
    if (!body) throw new OrtserveError("ERR_INTERNAL", "a completion names a reply that does not exist");
    const jsonSize = field(Completion.jsonSize);
    if (field(Completion.place) > 0) this.#keepReply(field(Completion.place) - 1, body, jsonSize);
    handler.reply(body, jsonSize, timing, owned);
  }

  #keepReply(place: number, body: Uint8Array, jsonSize: number): void {
    this.#kept[place] = { body: body.slice(), jsonSize, timing: { ...this.#timing } };
    this.#native.keep(place);
  }

  #onOutputs(
    ticket: number,
    code: number,
    values: NativeValue[] | string,
    queueMicros: number,
    computeMicros: number,
  ): void {
    const handler = this.#take(ticket) as OutputHandler | undefined;
    if (!handler) return;
    try {
      if (typeof values === "string") {
        handler.fail(codeName(this.#binding, code), values);
      } else {
        this.#timing.queueMicros = queueMicros;
        this.#timing.computeMicros = computeMicros;
        handler.outputs(values, this.#timing);
      }
    } catch (error) {
      throwLater(error);
    }
  }
}

/** One handler's exception must not cost the others their answers: it is thrown again on its own turn. */
function throwLater(error: unknown): void {
  setImmediate(() => {
    throw error;
  });
}

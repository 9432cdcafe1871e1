// SPDX-License-Identifier: Apache-2.0
// The only code that writes to an HTTP response. A Reply is answered at most once; after that, and after the client has
// gone, every call on it does nothing. Nothing else in the server needs to know about aborts, corking or backpressure.

import type { HttpResponse } from "uWebSockets.js";
import { randomBytes } from "node:crypto";
import { type ErrorCode, OrtserveError } from "../errors.js";
import type { ReplyTiming } from "../runtime/model-port.js";
import type { Servable } from "../serving/model-store.js";
import { acceptedCoding, type Coding, compress } from "./content-coding.js";
import type { ServerContext } from "./context.js";
import { httpStatus, retryAfter, type StatusOverrides } from "./http-status.js";
import type { RequestHead } from "./request-head.js";
import { type CacheOutcome, json, octets, responseHead } from "./response-head.js";

/** Bodies up to this go out in one piece; larger ones are written as the client reads them. */
const streamAbove = 64 * 1024;

/** What the body of an error is, before it becomes JSON. */
export type ErrorBody = (code: ErrorCode, message: string, status: number) => unknown;
const plainError: ErrorBody = (_code, message) => ({ error: message });

const idPrefix = `${randomBytes(6).toString("hex")}-`;
let idCount = 0;

// The reply being written. cork() calls back before it returns, so one function serves every reply without a closure.
let writing: Reply;
const writeOut = () => writing.writeCorked();
// The response whose body is being listened to: uWebSockets.js has corked it already.
let corked: HttpResponse | undefined;

/** Body bytes as they arrive. */
export interface BodyListener {
  /** A chunk is valid only during the call. Not called any more once the reply is answered. */
  onChunk(chunk: ArrayBuffer, isLast: boolean): void;
}

export class Reply {
  readonly method: string;
  readonly route: string;
  /** Model that answers, once known; for the log. */
  model: Servable | undefined;
  /** How the route's protocol writes errors. */
  errorBody: ErrorBody = plainError;
  /** Statuses of the route's protocol. */
  statuses: StatusOverrides = {};
  /** Told once, when the client goes away before it was answered. */
  owner: { onGone(): void } | undefined;

  readonly #context: ServerContext;
  readonly #head: RequestHead;
  readonly #logged: boolean;
  #startedAt: number | undefined;
  #response: HttpResponse | undefined;
  #status = 200;
  #type = json;
  #body: string | Uint8Array = "";
  #owned = true;
  #close = false;
  #cache: CacheOutcome = "";
  #jsonSize = 0;
  #extraHeaders: string[] | undefined;

  constructor(context: ServerContext, response: HttpResponse, head: RequestHead, method: string, route: string) {
    this.#context = context;
    this.#response = response;
    this.#head = head;
    this.method = method;
    this.route = route;
    this.#logged = context.accessLog.verbose;
    if (this.#logged) this.startClock();
    context.inFlight++;
    response.onAborted(() => this.#aborted());
  }

  /** Times this request from now on, for the log. Reading the clock costs as much as reading a header or two. */
  startClock(): void {
    this.#startedAt ??= performance.now();
  }

  /** Still owed: neither answered nor abandoned by the client. */
  get open(): boolean {
    return this.#response !== undefined;
  }

  /** Adds a header to the answer. Neither part may come from the request unchecked. */
  addHeader(name: string, value: string): void {
    this.#extraHeaders ??= [];
    this.#extraHeaders.push(name, value);
  }

  /** Gives the body to `listener`, from now on. */
  readBody(listener: BodyListener): void {
    this.#response?.onData((chunk, isLast) => {
      if (this.#response === undefined) return; // answered before the body was complete: the rest is ignored
      corked = this.#response;
      try {
        listener.onChunk(chunk, isLast);
      } catch (error) {
        this.sendBug(error);
      } finally {
        corked = undefined;
      }
    });
  }

  /** Answers with a JSON value. */
  sendJson(value: unknown, status = 200): void {
    if (this.#response === undefined) return;
    this.nameRequest();
    this.#send(status, json, JSON.stringify(value), true);
    if (this.#logged) this.#log(undefined);
  }

  /** Answers with text or bytes of any type; the memory stays as it is from now on. */
  sendContent(type: string, body: string | Uint8Array, status = 200): void {
    if (this.#response === undefined) return;
    this.nameRequest();
    this.#send(status, type, body, true);
    if (this.#logged) this.#log(undefined);
  }

  /** Answers without a body. */
  sendEmpty(status: number): void {
    if (this.#response === undefined) return;
    this.nameRequest();
    this.#send(status, "", "", true);
  }

  /**
   * Answers with an encoded prediction. `jsonSize`: length of the leading JSON when tensors follow it, else 0.
   * `owned`: the memory stays valid while it is referenced; otherwise it is valid only during this call. Where nothing is
   * logged, and the client gave no id, the reply has none: what it would be found by is not there, and it costs more than
   * the headers beside it.
   */
  sendPrediction(body: Uint8Array, jsonSize: number, timing: ReplyTiming, owned: boolean): void {
    if (this.#response === undefined) return;
    if (this.#logged) this.nameRequest();
    this.#jsonSize = jsonSize;
    this.#cache = timing.cache;
    if (this.#head.timing || this.#context.settings.timingHeaders) {
      this.addHeader("Server-Timing", serverTiming(timing));
      this.addHeader("x-batch-size", String(timing.batchRows));
    }
    const type = jsonSize > 0 ? octets : json;
    const coding = this.#head.accepts === "" ? undefined : this.#codingFor(body);
    if (coding === undefined) this.#send(200, type, body, owned);
    else this.#sendCompressed(coding, type, body, owned);
    if (this.#logged) this.#log(timing);
  }

  /** Small replies gain nothing: they fit one packet either way. */
  #codingFor(body: Uint8Array): Coding | undefined {
    return body.byteLength < this.#context.settings.compressFrom ? undefined : acceptedCoding(this.#head.accepts);
  }

  #sendCompressed(coding: Coding, type: string, body: Uint8Array, owned: boolean): void {
    compress(coding, body, owned, (compressed, used, kept) => {
      if (this.#response === undefined) return; // the client has gone meanwhile
      if (used !== undefined) this.addHeader("Content-Encoding", used);
      this.#send(200, type, compressed, kept);
    });
  }

  /** Answers with the code's status and, in JSON, `errorBody`: `{"error": message}` by default. `close`: the connection cannot be used any further. */
  sendError(code: ErrorCode, message: string, close = false): void {
    if (this.#response === undefined) return;
    this.nameRequest();
    const wait = retryAfter(code, () => this.model?.model.backlogMillis() ?? 0);
    if (wait !== undefined) this.addHeader("Retry-After", wait);
    this.#close = close;
    const status = this.statuses[code] ?? httpStatus[code];
    this.#send(status, json, JSON.stringify(this.errorBody(code, message, status)), true);
    this.#context.accessLog.failed({ ...this.#record(undefined), code, message });
  }

  /** As {@link sendError}, for a prediction that failed: tells what the cache did, too. */
  sendFailure(code: ErrorCode, message: string, timing: ReplyTiming): void {
    this.#cache = timing.cache;
    this.sendError(code, message);
  }

  /** As {@link sendError}, for anything that was thrown; what is not an OrtserveError is a bug and is logged as one. */
  sendThrown(error: unknown): void {
    if (error instanceof OrtserveError && error.code !== "ERR_INTERNAL") this.sendError(error.code, error.message);
    else this.sendBug(error);
  }

  sendBug(error: unknown): void {
    this.#context.accessLog.bug(error);
    this.sendError("ERR_INTERNAL", "internal error");
  }

  /** Gives the response away, for an upgrade to WebSocket: the Reply counts as answered. */
  release(): HttpResponse | undefined {
    const response = this.#response;
    if (response !== undefined) this.#done();
    return response;
  }

  #send(status: number, type: string, body: string | Uint8Array, owned: boolean): void {
    this.#status = status;
    this.#type = type;
    this.#body = body;
    this.#owned = owned;
    if (this.#response === corked) {
      this.writeCorked();
      return;
    }
    writing = this;
    this.#response?.cork(writeOut);
  }

  /** @internal Writes status, headers and body; runs inside cork(). */
  writeCorked(): void {
    const response = this.#response as HttpResponse;
    const body = this.#body;
    const close = this.#close || this.#head.broken || this.#context.draining;
    this.#writeHead(response);
    if (this.method === "HEAD") {
      // Not endWithoutBody(length): it leaves the response pending, and the next request on the connection is cut off.
      if (close) response.writeHeader("Connection", "close");
      response.writeHeader("Content-Length", String(Buffer.byteLength(body)));
      this.#done();
      response.endWithoutBody();
    } else if (typeof body === "string" || body.byteLength <= streamAbove) {
      this.#done();
      response.end(body, close);
    } else {
      if (close) response.writeHeader("Connection", "close");
      this.#stream(response, body);
    }
  }

  #writeHead(response: HttpResponse): void {
    response.writeStatus(responseHead(this.#status, this.#type, this.#cache, this.#jsonSize));
    const { requestId } = this.#head;
    if (requestId !== "") response.writeHeader("x-request-id", requestId);
    const extra = this.#extraHeaders;
    for (let i = 0; extra && i < extra.length; i += 2) response.writeHeader(extra[i] as string, extra[i + 1] as string);
    if (this.#head.origin !== "") this.#writeCors(response);
  }

  #writeCors(response: HttpResponse): void {
    const { cors } = this.#context.settings;
    const any = cors.includes("*");
    if (!any && !cors.includes(this.#head.origin)) return;
    response.writeHeader("Access-Control-Allow-Origin", any ? "*" : this.#head.origin);
    response.writeHeader(
      "Access-Control-Expose-Headers",
      "Inference-Header-Content-Length, x-request-id, x-cache, x-batch-size, Server-Timing, Retry-After",
    );
    if (!any) response.writeHeader("Vary", "Origin");
  }

  /** Writes as much as the socket takes and goes on when it has drained: nothing is buffered beyond the body itself. */
  #stream(response: HttpResponse, body: Uint8Array): void {
    const total = body.byteLength;
    const start = response.getWriteOffset();
    const [, ended] = response.tryEnd(body, total);
    if (ended) {
      this.#done();
      return;
    }
    const rest = this.#owned ? body : body.slice(); // borrowed memory is gone once this call returns
    response.onWritable((offset) => {
      if (this.#response === undefined) return true;
      const [ok, finished] = response.tryEnd(rest.subarray(offset - start), total);
      if (finished) this.#done();
      return ok;
    });
  }

  /** Makes up an `x-request-id` where the request has none; the reply and its line in the log carry it. */
  nameRequest(): void {
    if (this.#head.requestId === "") this.#head.requestId = idPrefix + (idCount++).toString(36);
  }

  #done(): void {
    this.#response = undefined;
    this.owner = undefined;
    this.#context.inFlight--;
  }

  #aborted(): void {
    if (this.#response === undefined) return;
    const { owner } = this;
    this.#done();
    owner?.onGone();
  }

  #log(timing: ReplyTiming | undefined): void {
    this.#context.accessLog.succeeded(this.#record(timing));
  }

  #totalMs(): { totalMs?: number } {
    if (this.#startedAt === undefined) return {};
    return { totalMs: Math.round((performance.now() - this.#startedAt) * 1000) / 1000 };
  }

  #record(timing: ReplyTiming | undefined) {
    const { method, route, model } = this;
    const { requestId } = this.#head;
    const times = timing && { queueMs: timing.queueMicros / 1000, runMs: timing.computeMicros / 1000 };
    const modelName = model ? `${model.name}/${model.version}` : "";
    return { requestId, method, route, model: modelName, status: this.#status, ...this.#totalMs(), ...times };
  }
}

function serverTiming({ queueMicros, computeMicros }: ReplyTiming): string {
  return `queue;dur=${queueMicros / 1000}, run;dur=${computeMicros / 1000}`;
}

// SPDX-License-Identifier: Apache-2.0
// One HTTP exchange: sends, reads the whole answer, turns every failure into an InferenceError.
import type { Deadline } from "./deadline.js";
import { InferenceError, malformedReply } from "./inference-error.js";
import { parseJson } from "./json-text.js";
import { isObject } from "./metadata.js";

export type Fetch = typeof globalThis.fetch;

export interface HttpRequest {
  readonly method: "GET" | "POST";
  /** Begins with "/". */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer> | string;
}

export interface HttpReply {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

export class HttpTransport {
  readonly #base: string;
  readonly #fetch: Fetch;
  readonly #headers: Readonly<Record<string, string>>;

  /** @param base such as "http://127.0.0.1:8080", without a slash at the end */
  constructor(base: string, fetch: Fetch, headers: Readonly<Record<string, string>>) {
    this.#base = base;
    this.#fetch = fetch;
    this.#headers = headers;
  }

  /** Any answer, whatever its status. @throws InferenceError connection, timeout, aborted */
  async exchange({ method, path, headers, body }: HttpRequest, deadline: Deadline): Promise<HttpReply> {
    if (deadline.error) throw deadline.error;
    const fetch = this.#fetch; // a browser's fetch refuses to be called as a method
    const content = body === undefined ? {} : { body };
    try {
      const { signal } = deadline;
      const all = { ...this.#headers, ...headers };
      const response = await fetch(this.#base + path, { method, headers: all, signal, ...content });
      const bytes = new Uint8Array(await response.arrayBuffer());
      return { status: response.status, headers: response.headers, body: bytes };
    } catch (cause) {
      throw (
        deadline.error ??
        new InferenceError("connection", `${method} ${this.#base}${path}: ${reasonOf(cause)}`, { cause })
      );
    }
  }

  /** An answer that is a success. @throws InferenceError refused, and what {@link exchange} throws */
  async request(request: HttpRequest, deadline: Deadline): Promise<HttpReply> {
    const reply = await this.exchange(request, deadline);
    if (reply.status >= 200 && reply.status < 300) return reply;
    const { status } = reply;
    throw new InferenceError("refused", errorText(reply), { status, requestId: requestIdOf(reply) });
  }

  /** The JSON of a successful answer. @throws InferenceError malformed-reply, and what {@link request} throws */
  async json(request: HttpRequest, deadline: Deadline): Promise<unknown> {
    const reply = await this.request(request, deadline);
    try {
      return parseJson(new TextDecoder().decode(reply.body));
    } catch (cause) {
      throw malformedReply(`expected JSON from ${request.path}: ${(cause as Error).message}`, cause);
    }
  }
}

function requestIdOf({ headers }: HttpReply): string | undefined {
  return headers.get("x-request-id") ?? undefined;
}

/** The `error` of the body, else the body itself. */
function errorText({ status, body }: HttpReply): string {
  const text = new TextDecoder().decode(body);
  try {
    const value = parseJson(text);
    if (isObject(value) && typeof value.error === "string") return value.error;
  } catch {
    // not JSON: a proxy's page, perhaps
  }
  return text.trim() === "" ? `the server answered with status ${status}` : text.slice(0, 1000);
}

/** Node's fetch says only "fetch failed"; what happened is in the cause. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { message, cause } = error;
  return cause instanceof Error && cause.message !== "" ? `${message}: ${cause.message}` : message;
}

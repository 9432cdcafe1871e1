// SPDX-License-Identifier: Apache-2.0
// The client: metadata, predictions and inference over HTTP, sessions over WebSocket.

import type { Tensor } from "./datatypes.js";
import { type CallOptions, checkTimeout, Deadline } from "./deadline.js";
import { type InferenceReply, type Outputs, readReply, splitReply } from "./decode-reply.js";
import { encodeRequest, joinRequest, type RequestOptions } from "./encode-request.js";
import { type Fetch, HttpTransport } from "./http-transport.js";
import { InferenceError, invalidArgument, malformedReply } from "./inference-error.js";
import { type Inputs, resolveInputs } from "./input-values.js";
import { encodeJson } from "./json-text.js";
import { asModelMetadata, asServerMetadata, isObject, type ModelMetadata, type ServerMetadata } from "./metadata.js";
import { InferenceSession, type SessionOptions } from "./session.js";
import type { SocketConstructor } from "./socket.js";

export interface ClientOptions {
  /** Default: the global one. */
  readonly fetch?: Fetch | undefined;
  /** For sessions. Default: the global one, which Node 20 lacks: pass that of the package "ws". */
  readonly WebSocket?: SocketConstructor | undefined;
  /** Sent with every HTTP request, and on connecting where `WebSocket` takes `{ headers }` as third argument ("ws" does). */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** Of every call that names none, in ms. Default 0: none. */
  readonly timeoutMs?: number | undefined;
}

/** A version as it stands in a path. Default: the server's default version. */
export type Version = string | number;

export interface InferOptions extends CallOptions, RequestOptions {
  readonly version?: Version | undefined;
  /** BYTES outputs as the bytes of each element rather than as strings. Default false. */
  readonly rawBytes?: boolean | undefined;
}

export interface PredictOptions extends CallOptions {
  readonly version?: Version | undefined;
}

export interface PredictReply<P = unknown> {
  /** One entry per row: a value where the model has one output, an object by name where it has more. */
  readonly predictions: P[];
  readonly model: string;
  readonly version: string;
  /** The body's id. */
  readonly id?: string;
}

export class InferenceClient {
  readonly #url: URL;
  readonly #http: HttpTransport;
  readonly #options: ClientOptions;
  readonly #timeoutMs: number;
  readonly #metadata = new Map<string, ModelMetadata>();

  /** @param url of the server, such as "http://127.0.0.1:8080"; a path before the routes is kept. @throws InferenceError */
  constructor(url: string | URL, options: ClientOptions = {}) {
    this.#url = baseUrl(url);
    this.#options = options;
    this.#timeoutMs = checkTimeout(options.timeoutMs ?? 0);
    const fetch = options.fetch ?? globalThis.fetch;
    if (typeof fetch !== "function") throw invalidArgument("this environment has no fetch: pass one as an option");
    this.#http = new HttpTransport(this.#url.href.replace(/\/$/, ""), fetch, options.headers ?? {});
  }

  serverMetadata(options: CallOptions = {}): Promise<ServerMetadata> {
    return this.#within(options, async (deadline) =>
      asServerMetadata(await this.#http.json({ method: "GET", path: "/v2" }, deadline)),
    );
  }

  /** Whether the server says it is alive. Rejects when it cannot be reached. */
  live(options: CallOptions = {}): Promise<boolean> {
    return this.#healthy("/v2/health/live", options);
  }

  /** Whether the server takes requests. Rejects when it cannot be reached. */
  ready(options: CallOptions = {}): Promise<boolean> {
    return this.#healthy("/v2/health/ready", options);
  }

  modelMetadata(model: string, version?: Version, options: CallOptions = {}): Promise<ModelMetadata> {
    return this.#within(options, async (deadline) =>
      asModelMetadata(await this.#http.json({ method: "GET", path: modelPath(model, version) }, deadline)),
    );
  }

  /** Runs the model by the Open Inference Protocol. The arrays must not change until the call has settled. */
  infer<O extends Outputs = Record<string, Tensor>>(
    model: string,
    inputs: Inputs,
    options: InferOptions = {},
  ): Promise<InferenceReply<O>> {
    const { version, rawBytes = false } = options;
    const call = this.#within(options, async (deadline) => {
      const describe = () => this.#describe(model, version, deadline);
      const tensors = await resolveInputs(inputs, describe);
      const request = encodeRequest(tensors, options, deadline.timeoutMs);
      const hasBlobs = request.blobs.length > 0;
      const headers: Record<string, string> = hasBlobs
        ? { "Content-Type": "application/octet-stream", [jsonLength]: String(request.json.byteLength) }
        : { "Content-Type": "application/json" };
      const path = `${modelPath(model, version)}/infer`;
      const reply = await this.#http.request({ method: "POST", path, headers, body: joinRequest(request) }, deadline);
      return readReply<O>(splitReply(reply.body, jsonSizeOf(reply.headers, reply.body)), rawBytes);
    });
    return call.catch((error) => {
      this.#failed(modelPath(model, version), error);
      throw error;
    });
  }

  /** Runs the model by the simple route `/predict`. `body`: rows, columns or named features; see docs/http.md. */
  predict<P = unknown>(model: string, body: unknown, options: PredictOptions = {}): Promise<PredictReply<P>> {
    const { version } = options;
    return this.#within(options, async (deadline) => {
      const suffix = version === undefined ? "" : `/v${encodeURIComponent(version)}`;
      const path = `/predict/${encodeURIComponent(model)}${suffix}`;
      const headers = { "Content-Type": "application/json" };
      const reply = await this.#http.json({ method: "POST", path, headers, body: predictBody(body) }, deadline);
      if (isObject(reply) && Array.isArray(reply.predictions)) return reply as unknown as PredictReply<P>;
      throw malformedReply("expected an object with 'predictions'");
    });
  }

  /** Opens a WebSocket on which requests for one model travel. Resolves when it is open. */
  connect(model: string, options: SessionOptions = {}): Promise<InferenceSession> {
    return this.#within(options, async (deadline) => {
      const Socket = this.#options.WebSocket ?? (globalThis as { WebSocket?: SocketConstructor }).WebSocket;
      if (typeof Socket !== "function")
        throw invalidArgument(
          "this environment has no WebSocket: pass one, such as that of the package 'ws', as an option",
        );
      const path = modelPath(model, options.version);
      const url = `${this.#url.href.replace(/^http/, "ws").replace(/\/$/, "")}${path}/infer`;
      const { headers } = this.#options;
      const describe = (call: Deadline) => this.#describe(model, options.version, call);
      const failed = (error: unknown) => this.#failed(path, error);
      const open = () => (headers === undefined ? new Socket(url) : new Socket(url, [], { headers }));
      try {
        return await InferenceSession.open({ open, describe, failed, timeoutMs: this.#timeoutMs }, options, deadline);
      } catch (error) {
        // A WebSocket does not tell why it was refused; an unknown model is the usual reason, and HTTP says so.
        if (error instanceof InferenceError && error.code === "connection")
          await this.#describe(model, options.version, deadline).catch((reason) => {
            if (reason instanceof InferenceError && telling.includes(reason.status ?? 0)) throw reason;
          });
        throw error;
      }
    });
  }

  async #within<T>(options: CallOptions, call: (deadline: Deadline) => Promise<T>): Promise<T> {
    const { signal, timeoutMs = this.#timeoutMs } = options;
    const deadline = new Deadline({ signal, timeoutMs });
    try {
      return await call(deadline);
    } finally {
      deadline.release();
    }
  }

  async #healthy(path: string, options: CallOptions): Promise<boolean> {
    const { status } = await this.#within(options, (deadline) =>
      this.#http.exchange({ method: "GET", path }, deadline),
    );
    return status === 200;
  }

  /** Metadata for filling in shapes, kept from call to call. */
  async #describe(model: string, version: Version | undefined, deadline: Deadline): Promise<ModelMetadata> {
    const path = modelPath(model, version);
    const known = this.#metadata.get(path);
    if (known !== undefined) return known;
    const metadata = asModelMetadata(await this.#http.json({ method: "GET", path }, deadline));
    this.#metadata.set(path, metadata);
    return metadata;
  }

  /** A request that does not fit may mean that the model is another by now: its metadata is asked for anew next time. */
  #failed(path: string, error: unknown): void {
    if (error instanceof InferenceError && (error.code === "refused" || error.code === "invalid-argument"))
      this.#metadata.delete(path);
  }
}

/** Statuses of a metadata request that also explain why a WebSocket was refused. */
const telling = [401, 403, 404, 503];

const jsonLength = "Inference-Header-Content-Length";

function baseUrl(url: string | URL): URL {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch (cause) {
    throw new InferenceError("invalid-argument", `expected the URL of a server, got '${url}'`, { cause });
  }
  if (!/^https?:$/.test(parsed.protocol)) throw invalidArgument(`expected an http: or https: URL, got '${url}'`);
  parsed.search = "";
  parsed.hash = "";
  return parsed;
}

function modelPath(model: string, version: Version | undefined): string {
  if (typeof model !== "string" || model === "") throw invalidArgument(`expected the name of a model, got '${model}'`);
  const path = `/v2/models/${encodeURIComponent(model)}`;
  return version === undefined ? path : `${path}/versions/${encodeURIComponent(version)}`;
}

function jsonSizeOf(headers: Headers, body: Uint8Array): number {
  const size = headers.get(jsonLength);
  if (size !== null) return /^\d+$/.test(size) ? Number(size) : Number.NaN;
  if (headers.get("Content-Type")?.startsWith("application/octet-stream"))
    throw malformedReply(
      `the reply has blobs but no ${jsonLength}: a server of another origin must expose that header (CORS)`,
    );
  return body.byteLength;
}

function predictBody(body: unknown): string {
  try {
    return encodeJson(body);
  } catch (error) {
    throw new InferenceError("invalid-argument", `the body: ${(error as Error).message}`, { cause: error });
  }
}

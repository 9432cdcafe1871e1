// SPDX-License-Identifier: Apache-2.0
// From a table of routes to a uWebSockets.js app: wrong verbs, HEAD, OPTIONS and unknown paths follow from the table.
import type { HttpRequest, HttpResponse, TemplatedApp } from "uWebSockets.js";
import { OrtserveError } from "../errors.js";
import type { WireFormat } from "../native/binding.js";
import type { Servable } from "../serving/model-store.js";
import { CommandBody } from "./command-body.js";
import type { ServerContext } from "./context.js";
import { HttpInference } from "./http-inference.js";
import type { StatusOverrides } from "./http-status.js";
import { mayHoldMedia, readMedia } from "./media-inference.js";
import type { AliasDoc, CommandDoc, InferenceDoc, QueryDoc } from "./openapi/route-doc.js";
import { checkOrigin } from "./origin.js";
import { type ErrorBody, Reply } from "./reply.js";
import { type RequestHead, readHead } from "./request-head.js";

/** The path's parameters, percent-decoded. @throws OrtserveError ERR_INVALID_ARGUMENT for a malformed escape */
export type Params = (index: number) => string;

interface Route<Doc> {
  /** uWebSockets.js pattern, such as "/v2/models/:model". */
  readonly pattern: string;
  /** For /openapi.json and /docs; several where one pattern stands for several paths. */
  readonly doc: Doc | readonly Doc[] | AliasDoc;
  /** How the route's errors are written, its wrong verbs' included. Default: {"error": message}. */
  readonly errorBody?: ErrorBody;
  /** Where its protocol has other statuses than `httpStatus`. */
  readonly statuses?: StatusOverrides;
}

/** A query's request beyond its path. Valid until `handle` returns or waits. */
export type QueryRequest = Pick<HttpRequest, "getHeader" | "getQuery">;

/** A GET route; HEAD comes with it. What `handle` throws, or rejects with, becomes the answer. */
export interface QueryRoute extends Route<QueryDoc> {
  handle(context: ServerContext, params: Params, reply: Reply, request: QueryRequest): void | Promise<void>;
}

/** What a command is told. All of it may be kept. */
export interface CommandCall {
  /** The path's parameters, percent-decoded, in the order of the pattern. */
  readonly params: readonly string[];
  readonly query: URLSearchParams;
  /** Empty where the request has none. */
  readonly body: Buffer;
  /** `Content-Type`, "" where there is none. */
  readonly contentType: string;
  readonly head: RequestHead;
}

/** A route whose body is read whole before `handle` is called, which throws or rejects as above. */
export interface CommandRoute extends Route<CommandDoc> {
  readonly method: "POST" | "PUT" | "DELETE";
  /** Default false: web pages of other origins are refused. */
  readonly changesNothing?: boolean;
  handle(context: ServerContext, call: CommandCall, reply: Reply): void | Promise<void>;
}

/** A route that predicts: POST, and WebSocket where `socket` is not false. */
export interface InferenceRoute extends Route<InferenceDoc> {
  readonly format: WireFormat;
  readonly socket?: false;
  /** Which version is meant, now. @throws OrtserveError when there is no such model */
  find(context: ServerContext, params: Params): Servable;
}

/** The tables of a server. */
export interface Routes {
  readonly queries: readonly QueryRoute[];
  readonly commands: readonly CommandRoute[];
  readonly inferences: readonly InferenceRoute[];
}

type Handler = (reply: Reply, request: HttpRequest, head: ReturnType<typeof readHead>) => void | Promise<void>;

export function installRoutes(app: TemplatedApp, context: ServerContext, routes: Routes): void {
  const { queries, commands, inferences } = routes;
  const verbs = new Map<string, { names: string[]; errorBody: ErrorBody | undefined }>();
  const allow = ({ pattern, errorBody }: Pick<InferenceRoute, "pattern" | "errorBody">, ...names: string[]) =>
    verbs.set(pattern, { names: [...(verbs.get(pattern)?.names ?? []), ...names], errorBody });

  for (const route of queries) {
    const { pattern, errorBody } = route;
    allow(route, "GET", "HEAD");
    const handler: Handler = (reply, request) => {
      reply.startClock();
      return route.handle(context, paramsOf(request), reply, request);
    };
    app.get(pattern, guarded(context, "GET", pattern, handler, errorBody));
    app.head(pattern, guarded(context, "HEAD", pattern, handler, errorBody));
  }
  for (const route of commands) {
    const { method, pattern, errorBody } = route;
    allow(route, method);
    app[verbOf[method]](pattern, guarded(context, method, pattern, command(context, route), errorBody, route.statuses));
  }
  for (const route of inferences) {
    allow(route, "POST");
    app.post(route.pattern, guarded(context, "POST", route.pattern, predict(context, route), route.errorBody));
  }
  for (const [pattern, { names, errorBody }] of verbs) installRest(app, context, pattern, names, errorBody);
  app.any(
    "/*",
    guarded(context, "", "/*", (reply, request) => {
      reply.sendError("ERR_NOT_FOUND", `Not Found: there is no route ${request.getUrl()}`);
    }),
  );
}

/** OPTIONS, and every verb the route does not have. */
function installRest(
  app: TemplatedApp,
  context: ServerContext,
  pattern: string,
  names: readonly string[],
  errorBody: ErrorBody | undefined,
): void {
  const allowed = [...names, "OPTIONS"].join(", ");
  app.options(
    pattern,
    guarded(context, "OPTIONS", pattern, (reply, _request, head) => {
      reply.addHeader("Allow", allowed);
      if (head.origin !== "" && context.settings.cors.length > 0) {
        reply.addHeader("Access-Control-Allow-Methods", allowed);
        reply.addHeader(
          "Access-Control-Allow-Headers",
          "*, Content-Type, Inference-Header-Content-Length, x-request-id",
        );
        reply.addHeader("Access-Control-Max-Age", "86400");
      }
      reply.sendEmpty(204);
    }),
  );
  app.any(
    pattern,
    guarded(
      context,
      "",
      pattern,
      (reply, request) => {
        reply.addHeader("Allow", allowed);
        const method = request.getMethod().toUpperCase();
        reply.sendError("ERR_METHOD_NOT_ALLOWED", `Method Not Allowed: expected ${allowed}, got ${method}`);
      },
      errorBody,
    ),
  );
}

function predict(context: ServerContext, route: InferenceRoute): Handler {
  const count = countParams(route.pattern);
  return (reply, request, head) => {
    const params = keptParams(request, count);
    const inference = new HttpInference(context, reply, head, route, params);
    const { format } = route;
    if (!mayHoldMedia(inference.target, format)) {
      inference.start();
      return;
    }
    const contentType = request.getHeader("content-type");
    readMedia(context, reply, { head, contentType, format, find: () => route.find(context, params) });
  };
}

const verbOf = { POST: "post", PUT: "put", DELETE: "del" } as const;

function command(context: ServerContext, route: CommandRoute): Handler {
  const count = countParams(route.pattern);
  return (reply, request, head) => {
    if (!route.changesNothing) checkOrigin(context, head.origin, request);
    if (head.encoding !== "") {
      throw new OrtserveError("ERR_UNSUPPORTED", "a compressed body is supported for inference only");
    }
    const param = paramsOf(request);
    const params = Array.from({ length: count }, (_, index) => param(index));
    const query = new URLSearchParams(request.getQuery() ?? "");
    const contentType = request.getHeader("content-type");
    new CommandBody(context, reply, head, (body) => {
      answered(reply, () => route.handle(context, { params, query, body, contentType, head }, reply));
    });
  };
}

/** Runs a handler; what it throws, at once or later, becomes the answer. With its arguments rather than a closure for each request. */
function answered<A extends unknown[]>(reply: Reply, handler: (...args: A) => void | Promise<void>, ...args: A): void {
  try {
    handler(...args)?.catch((error: unknown) => reply.sendThrown(error));
  } catch (error) {
    reply.sendThrown(error);
  }
}

function refuse(reply: Reply, fault: OrtserveError): void {
  if (fault.code === "ERR_UNSUPPORTED") reply.addHeader("Accept-Encoding", "gzip, deflate");
  reply.sendThrown(fault);
}

/** `method` "": taken from the request. */
function guarded(
  context: ServerContext,
  method: string,
  route: string,
  handler: Handler,
  errorBody?: ErrorBody,
  statuses?: StatusOverrides,
) {
  return (response: HttpResponse, request: HttpRequest) => {
    const head = readHead(request);
    const reply = new Reply(context, response, head, method || request.getMethod().toUpperCase(), route);
    if (errorBody !== undefined) reply.errorBody = errorBody;
    if (statuses !== undefined) reply.statuses = statuses;
    if (head.fault) refuse(reply, head.fault);
    else answered(reply, handler, reply, request, head);
  };
}

/** How many parameters a pattern has. */
export function countParams(pattern: string): number {
  return pattern.split("/:").length - 1;
}

/** As {@link paramsOf}, to be kept beyond the request. @throws OrtserveError ERR_INVALID_ARGUMENT */
export function keptParams(request: HttpRequest, count: number): Params {
  const kept = new Array<string>(count);
  for (let index = 0; index < count; index++) kept[index] = decoded(request.getParameter(index));
  return (index) => kept[index] ?? "";
}

/** Parameters of the request's route. Valid as long as the request. */
export function paramsOf(request: HttpRequest): Params {
  return (index) => decoded(request.getParameter(index));
}

function decoded(raw: string): string {
  if (!raw.includes("%")) return raw;
  try {
    return decodeURIComponent(raw);
  } catch {
    throw new OrtserveError("ERR_INVALID_ARGUMENT", `expected percent-encoded UTF-8 in the path, got '${raw}'`);
  }
}

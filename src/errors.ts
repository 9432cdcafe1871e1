// SPDX-License-Identifier: Apache-2.0
// Every error ortserve raises: one table of codes, one class. HTTP statuses are decided in src/server, not here.

/** Stable error codes and what each means. `native/core/status.h` holds the same list; a test pins both. */
export const errorCodes = {
  ERR_INVALID_ARGUMENT: "A call or an option is wrong: the calling program must change.",
  ERR_INVALID_JSON: "The body is not the JSON, or the binary framing, that the wire format asks for.",
  ERR_INVALID_INPUT: "The request is well-formed, but names, shapes, datatypes or values do not fit the model.",
  ERR_LIMIT_EXCEEDED: "A configured bound on bytes, elements, nesting or rows was passed.",
  ERR_UNSUPPORTED: "Valid, but not available in this build or for this model.",
  ERR_QUEUE_FULL: "The model's queue is full: the request was refused at once.",
  ERR_QUEUE_TIMEOUT: "The request waited longer for its run, or was certain to, than its queue timeout.",
  ERR_DEADLINE_EXCEEDED: "The deadline passed, or was certain to pass, before the result was ready.",
  ERR_CANCELLED: "The caller went away or cancelled the request.",
  ERR_MODEL_CLOSED: "The model was closed before the request ran.",
  ERR_OUT_OF_MEMORY: "A buffer limit was reached or an allocation failed.",
  ERR_RUN_FAILED: "ONNX Runtime failed while running the model on this input.",
  ERR_MODEL_NOT_FOUND: "There is no such model, version or model file.",
  ERR_LOAD_FAILED: "The model file exists, but ONNX Runtime cannot load it.",
  ERR_PROVIDER_UNAVAILABLE: "A required execution provider cannot be used on this machine.",
  ERR_LIBRARY_UNAVAILABLE: "The ONNX Runtime library or the native addon is missing or does not fit.",
  ERR_NOT_FOUND: "No such route, or no shared memory region of that name.",
  ERR_SINGULAR: "The equations to be solved have no unique solution.",
  ERR_INTERNAL: "This is a bug in ortserve.",
  ERR_INVALID_CONFIG: "A configuration file or a command-line option is wrong.",
  ERR_METHOD_NOT_ALLOWED: "The route exists, but not for this HTTP method.",
  ERR_BODY_TOO_LARGE: "The request body is larger than the limit.",
  ERR_BODY_TIMEOUT: "The request body did not arrive in time.",
  ERR_UNSUPPORTED_MEDIA_TYPE: "The request body is of a type that the route does not read.",
  ERR_NOT_READY: "The server is loading its models; this one is not loaded yet.",
  ERR_SHUTTING_DOWN: "The server is draining and takes no new requests.",
  ERR_PORT_IN_USE: "Another server listens on this address.",
  ERR_NOT_ALLOWED: "The server was not started with what would allow this.",
  ERR_ORIGIN_REFUSED: "A web page of another origin asked for what only pages of this server, and of --cors, may.",
  ERR_GOAL_MISSED: "A model that was to be made better would be slower or worse than asked; it was not written.",
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** The only error class ortserve throws or rejects with. */
export class OrtserveError extends Error {
  override readonly name = "OrtserveError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

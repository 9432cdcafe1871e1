// SPDX-License-Identifier: Apache-2.0
// The one error class of the client.

/** Stable codes of {@link InferenceError} and what each means. */
export const inferenceErrorCodes = {
  "invalid-argument": "The call is wrong, or this environment lacks what it needs: nothing was sent.",
  refused: "The server answered with an error; `status` tells which kind.",
  "malformed-reply": "What came back is not an answer by the protocol.",
  connection: "The server could not be reached, or the connection was lost before the answer came.",
  timeout: "`timeoutMs` passed before the answer came.",
  aborted: "The caller's signal was aborted; `cause` is its reason.",
  closed: "The session was closed.",
} as const;

export type InferenceErrorCode = keyof typeof inferenceErrorCodes;

export interface InferenceErrorDetails {
  status?: number | undefined;
  requestId?: string | undefined;
  cause?: unknown;
}

/** What every method of the client rejects with. */
export class InferenceError extends Error {
  override readonly name = "InferenceError";
  readonly code: InferenceErrorCode;
  /** HTTP status of the answer; undefined where none came. Over WebSocket, what it would have been. */
  readonly status: number | undefined;
  /** The server's `x-request-id` over HTTP, the request's own id over WebSocket; undefined where none is known. */
  readonly requestId: string | undefined;

  constructor(code: InferenceErrorCode, message: string, { status, requestId, cause }: InferenceErrorDetails = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
    this.status = status;
    this.requestId = requestId;
  }
}

export function invalidArgument(message: string): InferenceError {
  return new InferenceError("invalid-argument", message);
}

export function malformedReply(message: string, cause?: unknown): InferenceError {
  return new InferenceError("malformed-reply", message, { cause });
}

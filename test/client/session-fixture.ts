// SPDX-License-Identifier: Apache-2.0
// What the tests of sessions share: a session on a scripted server, and how its calls fail.
import assert from "node:assert/strict";
import { WebSocket } from "ws";
import {
  InferenceClient,
  InferenceError,
  type InferenceErrorCode,
  type InferenceSession,
  type SessionInferOptions,
  type SessionOptions,
  type Tensor,
} from "../../src/client/index.js";

/** Without waits worth mentioning, so that tests need none. */
export const fastReconnect = { initialMs: 1, maxMs: 5, jitter: 0 };

export function openSession(url: string, options: SessionOptions = {}): Promise<InferenceSession> {
  return new InferenceClient(url, { WebSocket }).connect("m", { reconnect: fastReconnect, ...options });
}

/** An input that needs no metadata; the scripted server answers with the same number. */
export const valued = (value: number) => ({ x: { data: Int32Array.of(value), shape: [1] } });

/** The answer's number. */
export async function echo(session: InferenceSession, value: number, options?: SessionInferOptions): Promise<number> {
  const { outputs } = await session.infer<{ y: Tensor<"INT32"> }>(valued(value), options);
  return outputs.y.data[0] ?? Number.NaN;
}

export async function failure(call: Promise<unknown>, code: InferenceErrorCode): Promise<InferenceError> {
  const error = await call.then(
    () => assert.fail("it succeeded"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof InferenceError, String(error));
  assert.equal(error.code, code, error.message);
  return error;
}

// SPDX-License-Identifier: Apache-2.0
// Pins the HTTP status of every error code: a change here is a change for every client.
import assert from "node:assert/strict";
import { test } from "node:test";
import { errorCodes } from "../../src/errors.js";
import { httpStatus, retryAfter, statusLine } from "../../src/server/http-status.js";

test("every error code has a status, and no other", () => {
  assert.deepEqual(Object.keys(httpStatus).sort(), Object.keys(errorCodes).sort());
});

test("the statuses are these", () => {
  const byStatus: Record<number, string[]> = {};
  for (const [code, status] of Object.entries(httpStatus))
    byStatus[status] = [...(byStatus[status] ?? []), code].sort();
  assert.deepEqual(byStatus, {
    400: ["ERR_INVALID_ARGUMENT", "ERR_INVALID_INPUT", "ERR_INVALID_JSON", "ERR_LIMIT_EXCEEDED"],
    403: ["ERR_ORIGIN_REFUSED"],
    404: ["ERR_MODEL_NOT_FOUND", "ERR_NOT_FOUND"],
    405: ["ERR_METHOD_NOT_ALLOWED"],
    408: ["ERR_BODY_TIMEOUT"],
    413: ["ERR_BODY_TOO_LARGE"],
    415: ["ERR_UNSUPPORTED_MEDIA_TYPE"],
    499: ["ERR_CANCELLED"],
    500: [
      "ERR_GOAL_MISSED",
      "ERR_INTERNAL",
      "ERR_INVALID_CONFIG",
      "ERR_LIBRARY_UNAVAILABLE",
      "ERR_LOAD_FAILED",
      "ERR_PORT_IN_USE",
      "ERR_PROVIDER_UNAVAILABLE",
      "ERR_RUN_FAILED",
      "ERR_SINGULAR",
    ],
    501: ["ERR_UNSUPPORTED"],
    503: [
      "ERR_MODEL_CLOSED",
      "ERR_NOT_ALLOWED",
      "ERR_NOT_READY",
      "ERR_OUT_OF_MEMORY",
      "ERR_QUEUE_FULL",
      "ERR_QUEUE_TIMEOUT",
      "ERR_SHUTTING_DOWN",
    ],
    504: ["ERR_DEADLINE_EXCEEDED"],
  });
});

test("every status has its reason phrase", () => {
  for (const status of Object.values(httpStatus)) assert.match(statusLine(status), /^\d{3} [A-Z][A-Za-z ]+$/);
  for (const status of Object.values(httpStatus)) assert.doesNotMatch(statusLine(status), /Unknown/);
});

test("clients are told to come back exactly where that helps", () => {
  const codes = Object.keys(errorCodes) as (keyof typeof errorCodes)[];
  assert.deepEqual(
    codes.filter((code) => retryAfter(code) !== undefined),
    ["ERR_QUEUE_FULL", "ERR_QUEUE_TIMEOUT", "ERR_OUT_OF_MEMORY", "ERR_NOT_READY", "ERR_SHUTTING_DOWN"],
  );
});

for (const [backlogMs, seconds] of [
  [0, "1"],
  [1000, "1"],
  [1000.5, "2"],
  [59_999, "60"],
  [3_600_000, "60"],
] as const) {
  test(`a queue that takes ${backlogMs} ms sends clients away for ${seconds} s`, () => {
    assert.equal(
      retryAfter("ERR_QUEUE_FULL", () => backlogMs),
      seconds,
    );
    assert.equal(
      retryAfter("ERR_SHUTTING_DOWN", () => backlogMs),
      "1",
    );
  });
}

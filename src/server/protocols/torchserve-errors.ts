// SPDX-License-Identifier: Apache-2.0
// TorchServe's errors: {"code": status, "type": the Java exception's name, "message": ...}.
import { type ErrorCode, OrtserveError } from "../../errors.js";
import type { ErrorBody } from "../reply.js";

const typesOfStatus: Readonly<Record<number, string>> = {
  400: "BadRequestException",
  404: "ResourceNotFoundException",
  405: "MethodNotAllowedException",
  501: "NotImplementedException",
  503: "ServiceUnavailableException",
};

const versionMessage = /^Model version: /;

export const torchServeError: ErrorBody = (code, message, status) => ({
  code: status,
  type: code === "ERR_MODEL_NOT_FOUND" ? missingType(message) : typeOf(code, status),
  message,
});

function missingType(message: string): string {
  return versionMessage.test(message) ? "ModelVersionNotFoundException" : "ModelNotFoundException";
}

function typeOf(code: ErrorCode, status: number): string {
  if (code === "ERR_UNSUPPORTED_MEDIA_TYPE") return "UnsupportedMediaTypeException";
  return typesOfStatus[status] ?? (status < 500 ? "BadRequestException" : "InternalServerException");
}

/** TorchServe's words for what is not there. */
export function notFound(name: string, version = ""): OrtserveError {
  const message =
    version === "" ? `Model not found: ${name}` : `Model version: ${version} does not exist for model: ${name}`;
  return new OrtserveError("ERR_MODEL_NOT_FOUND", message);
}

// SPDX-License-Identifier: Apache-2.0
// Bodies of the model repository extension: all of them may be empty.
import { OrtserveError } from "../../errors.js";
import type { LoadOverride } from "../../serving/repository-admin.js";

type JsonObject = Record<string, unknown>;

/** The JSON object in a body; {} when it is empty. @throws OrtserveError ERR_INVALID_JSON */
export function requestObject(body: Buffer): JsonObject {
  if (body.length === 0) return {};
  let value: unknown;
  try {
    value = JSON.parse(body.toString());
  } catch (error) {
    throw new OrtserveError("ERR_INVALID_JSON", `failed to parse the request JSON buffer: ${(error as Error).message}`);
  }
  if (isObject(value)) return value;
  throw new OrtserveError("ERR_INVALID_JSON", `expected a JSON object, got ${JSON.stringify(value)?.slice(0, 80)}`);
}

/** undefined: a plain load. @throws OrtserveError ERR_INVALID_JSON, ERR_INVALID_ARGUMENT */
export function readLoadRequest(body: Buffer): LoadOverride | undefined {
  const entries = Object.entries(parametersOf(body));
  if (entries.length === 0) return undefined;
  const files = new Map<string, Uint8Array>();
  let config: string | undefined;
  for (const [key, value] of entries) {
    const isFile = key.startsWith("file:");
    if (!isFile && key !== "config") throw invalid(`unexpected parameter '${key}', expected config or file:PATH`);
    if (typeof value !== "string") {
      throw invalid(`expected a string for the parameter '${key}', got ${JSON.stringify(value)?.slice(0, 80)}`);
    }
    if (isFile) files.set(key.slice("file:".length), fromBase64(key, value));
    else config = value;
  }
  if (config === undefined) throw invalid("expected the parameter 'config' beside the files, got none");
  return { config, files };
}

/** @throws OrtserveError ERR_INVALID_JSON, ERR_INVALID_ARGUMENT */
export function readUnloadRequest(body: Buffer): void {
  for (const [key, value] of Object.entries(parametersOf(body))) {
    if (key !== "unload_dependents") throw invalid(`unexpected parameter '${key}', expected unload_dependents`);
    if (typeof value !== "boolean") throw invalid("expected a boolean for the parameter 'unload_dependents'");
  }
}

function parametersOf(body: Buffer): JsonObject {
  const { parameters = {} } = requestObject(body);
  if (isObject(parameters)) return parameters;
  throw invalid(`expected an object for 'parameters', got ${JSON.stringify(parameters)?.slice(0, 80)}`);
}

/** Buffer.from() skips what is not base64, which would leave a damaged file. */
function fromBase64(key: string, text: string): Buffer {
  const bytes = Buffer.from(text, "base64");
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  if (text.length % 4 === 0 && bytes.length === (text.length / 4) * 3 - padding) return bytes;
  throw invalid(`expected base64 for the parameter '${key}'`);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function invalid(message: string): OrtserveError {
  return new OrtserveError("ERR_INVALID_ARGUMENT", message);
}

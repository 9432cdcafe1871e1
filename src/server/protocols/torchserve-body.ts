// SPDX-License-Identifier: Apache-2.0
// What the body of a TorchServe prediction means for an ONNX model: JSON as for /predict, or the bytes of the only input.
import { isUtf8 } from "node:buffer";
import { OrtserveError } from "../../errors.js";
import type { ModelMetadata } from "../../runtime/model.js";
import { type FormField, parseMultipart } from "../multipart.js";

/** What the core is given, in the wire format of /predict. */
export interface ModelBody {
  readonly bytes: Uint8Array;
  /** -1: all of it is JSON; 0: it is the data of the only input. */
  readonly jsonSize: -1 | 0;
}

type Reader = (content: Buffer, model: ModelMetadata, contentType: string) => ModelBody;

/** By content type, without parameters; "image/*" stands for all images. What turns pictures into tensors belongs here. */
const readers: ReadonlyMap<string, Reader> = new Map<string, Reader>([
  ["", (content) => (looksLikeJson(content) ? json(content) : raw(content))],
  ["application/json", json],
  ["application/octet-stream", raw],
  ["text/*", text],
  [
    "application/x-www-form-urlencoded",
    (content, model) => (looksLikeJson(content) ? json(content) : fromFields(parseUrlEncoded(content), model)),
  ],
  ["multipart/form-data", (content, model, contentType) => fromFields(parseMultipart(contentType, content), model)],
]);
const accepted = "application/json, application/octet-stream, multipart/form-data or application/x-www-form-urlencoded";

/**
 * @param contentType of the request, or of a part of it
 * @throws OrtserveError ERR_UNSUPPORTED_MEDIA_TYPE, ERR_INVALID_JSON, ERR_INVALID_INPUT, ERR_LIMIT_EXCEEDED
 */
export function readModelBody(contentType: string, content: Buffer, model: ModelMetadata): ModelBody {
  const [first = ""] = contentType.split(";");
  const type = first.trim().toLowerCase();
  const reader = readers.get(type) ?? readers.get(type.replace(/\/.*/, "/*"));
  if (reader !== undefined) return reader(content, model, contentType);
  throw new OrtserveError("ERR_UNSUPPORTED_MEDIA_TYPE", `expected a body of type ${accepted}, got '${type}'`);
}

/** A list is taken for rows. */
function json(content: Buffer): ModelBody {
  if (firstByte(content) !== "[") return { bytes: content, jsonSize: -1 };
  return { bytes: Buffer.concat([Buffer.from('{"instances":'), content, Buffer.from("}")]), jsonSize: -1 };
}

function raw(content: Buffer): ModelBody {
  return { bytes: content, jsonSize: 0 };
}

function text(content: Buffer, { name, inputs }: ModelMetadata, contentType: string): ModelBody {
  if (looksLikeJson(content)) return json(content);
  if (inputs.length === 1 && inputs[0]?.datatype === "BYTES") return raw(content);
  throw new OrtserveError(
    "ERR_UNSUPPORTED_MEDIA_TYPE",
    `model '${name}' does not take text: expected a body of type ${accepted}, got '${contentType}'`,
  );
}

function fromFields(fields: readonly FormField[], model: ModelMetadata): ModelBody {
  const [only, ...more] = fields;
  if (only === undefined) throw new OrtserveError("ERR_INVALID_INPUT", "expected a form field 'data', got none");
  const isWhole = only.name === "data" || only.name === "body" || !isText(only);
  if (more.length > 0 || !isWhole) return { bytes: Buffer.from(objectOf(fields, model)), jsonSize: -1 };
  const isJsonFile = only.filename.endsWith(".json") && looksLikeJson(only.content);
  return readModelBody(isJsonFile ? "application/json" : only.type, only.content, model);
}

/** Several fields are inputs, or features, by name. */
function objectOf(fields: readonly FormField[], model: ModelMetadata): string {
  const strings = new Set(
    model.inputs.flatMap(({ datatype, name, features }) => (datatype === "BYTES" ? [name, ...features] : [])),
  );
  const members = fields.map((field) => {
    if (!isText(field)) {
      throw new OrtserveError(
        "ERR_INVALID_INPUT",
        `expected text in form field '${field.name}' beside others, got ${field.type || "bytes"}: please send several inputs as JSON`,
      );
    }
    return `${JSON.stringify(field.name)}:${valueOfField(field.content.toString(), strings.has(field.name))}`;
  });
  return `{${members.join(",")}}`;
}

function isText({ type, content }: FormField): boolean {
  return type === "application/json" || type.startsWith("text/") || (type === "" && isUtf8(content));
}

/** As it is where it is JSON, or a number that JSON lacks; else a string. */
function valueOfField(content: string, isString: boolean): string {
  const value = content.trim();
  const taken = isString ? /^["[{]/ : /^/;
  if (!isString && /^-?(NaN|Inf|Infinity)$/.test(value)) return value;
  try {
    JSON.parse(value);
    if (taken.test(value)) return value;
  } catch {}
  return JSON.stringify(content);
}

function parseUrlEncoded(content: Buffer): FormField[] {
  if (!isUtf8(content)) {
    throw new OrtserveError(
      "ERR_INVALID_INPUT",
      "expected application/x-www-form-urlencoded text, got bytes: please name the type application/octet-stream",
    );
  }
  return [...new URLSearchParams(content.toString())].map(([name, value]) => {
    return { name, type: "text/plain", filename: "", content: Buffer.from(value) };
  });
}

/** Whether bytes of unknown type are JSON. Numbers in binary that begin and end so have bytes that text has not. */
function looksLikeJson(content: Buffer): boolean {
  const first = firstByte(content);
  if (first !== "{" && first !== "[") return false;
  const last = content.subarray(-64).toString("latin1").trimEnd().at(-1);
  const head = content.subarray(0, 4096).toString("latin1");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return (last === "}" || last === "]") && !/[\x00-\x08\x0b\x0c\x0e-\x1f]/.test(head) && isUtf8(content);
}

function firstByte(content: Buffer): string | undefined {
  return content.subarray(0, 64).toString("latin1").trimStart()[0];
}

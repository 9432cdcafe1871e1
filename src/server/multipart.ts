// SPDX-License-Identifier: Apache-2.0
// multipart/form-data (RFC 7578) in a body that is all there. Strict: what is not exactly as clients write it is refused.
import { OrtserveError } from "../errors.js";

/** One field of a form. */
export interface FormField {
  readonly name: string;
  /** In lower case, without parameters; "" where the part has none. */
  readonly type: string;
  /** "" where the part has none. */
  readonly filename: string;
  /** A view of the body. */
  readonly content: Buffer;
}

const mostFields = 256;
const mostHeaderBytes = 8192;
const lineBreak = "\r\n";

/**
 * @param contentType of the request; names the boundary
 * @throws OrtserveError ERR_INVALID_JSON for a body that is not framed as said, ERR_LIMIT_EXCEEDED for more than 256 fields
 */
export function parseMultipart(contentType: string, body: Buffer): FormField[] {
  const boundary = boundaryOf(contentType);
  const opening = `--${boundary}${lineBreak}`;
  const separator = Buffer.from(`${lineBreak}--${boundary}`);
  if (body.subarray(0, opening.length).toString("latin1") !== opening) {
    throw wrong(`expected '--${boundary}' at the start of the body`);
  }
  const fields: FormField[] = [];
  let at = opening.length;
  while (true) {
    const end = body.indexOf(separator, at);
    if (end < 0) throw wrong(`expected '--${boundary}' after part ${fields.length + 1}: the body is cut short`);
    if (fields.length === mostFields) {
      throw new OrtserveError("ERR_LIMIT_EXCEEDED", `expected at most ${mostFields} form fields, got more`);
    }
    fields.push(readPart(body.subarray(at, end), fields.length + 1));
    at = end + separator.length;
    const next = body.subarray(at, at + 2).toString("latin1");
    if (next === "--") return fields;
    if (next !== lineBreak)
      throw wrong(`expected a line break or '--' after the boundary behind part ${fields.length}`);
    at += 2;
  }
}

function boundaryOf(contentType: string): string {
  const [, quoted, plain] = /;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))\s*(?:;|$)/i.exec(contentType) ?? [];
  const boundary = quoted ?? plain;
  if (boundary !== undefined) return boundary;
  throw wrong(`expected 'multipart/form-data; boundary=...' of 1 to 70 characters, got '${contentType.slice(0, 120)}'`);
}

function readPart(part: Buffer, number: number): FormField {
  const end = part.indexOf(`${lineBreak}${lineBreak}`);
  if (end < 0 || end > mostHeaderBytes)
    throw wrong(`expected headers of at most ${mostHeaderBytes} bytes in part ${number}`);
  const headers = readHeaders(part.subarray(0, end).toString("utf8"), number);
  const disposition = headers.get("content-disposition") ?? "";
  const name = parameterOf(disposition, "name");
  if (!/^form-data\s*;/i.test(disposition) || name === undefined) {
    throw wrong(
      `expected 'Content-Disposition: form-data; name="..."' in part ${number}, got '${disposition.slice(0, 120)}'`,
    );
  }
  const encoding = headers.get("content-transfer-encoding")?.toLowerCase() ?? "binary";
  if (!["binary", "7bit", "8bit"].includes(encoding)) {
    throw wrong(`expected Content-Transfer-Encoding binary in part ${number}, got '${encoding}'`);
  }
  const [type = ""] = (headers.get("content-type") ?? "").split(";");
  const filename = parameterOf(disposition, "filename") ?? "";
  return { name, type: type.trim().toLowerCase(), filename, content: part.subarray(end + 4) };
}

function readHeaders(text: string, number: number): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of text.split(lineBreak)) {
    const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n]*?)[ \t]*$/.exec(line) ?? [];
    if (name === undefined || value === undefined)
      throw wrong(`expected 'Name: value' in the headers of part ${number}`);
    if (headers.has(name.toLowerCase())) throw wrong(`expected one ${name} in part ${number}, got several`);
    headers.set(name.toLowerCase(), value);
  }
  return headers;
}

/** Encoders write quotes and line breaks as %22, %0D and %0A; a backslash is a backslash. */
function parameterOf(disposition: string, name: string): string | undefined {
  // One after the other, from the left: what looks like a parameter inside another's value is none.
  const raw = [...disposition.matchAll(/;\s*([^\s;="]+)="([^"]*)"/g)].find(
    ([, key]) => key?.toLowerCase() === name,
  )?.[2];
  return raw?.replace(/%(22|0D|0A)/gi, (code) => decodeURIComponent(code));
}

function wrong(message: string): OrtserveError {
  return new OrtserveError("ERR_INVALID_JSON", `malformed multipart/form-data: ${message}`);
}

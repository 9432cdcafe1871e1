// SPDX-License-Identifier: Apache-2.0
// Bodies of requests to a model that takes images or sound: one file, a form, or JSON with files in it.
import { constants, isUtf8 } from "node:buffer";
import { OrtserveError } from "../errors.js";
import { hasStringValue } from "../runtime/json-scan.js";
import { drawFirst, type MediaFile, type MediaReader, type PreparedBody } from "../runtime/media-body.js";
import { type FormField, parseMultipart } from "./multipart.js";

const fileTypes = /^(image|audio|video)\/|^application\/octet-stream$/;

/**
 * What the core is given; undefined for a body without any file, which is submitted as it is.
 * @param contentType of the request; "" where it names none. What the bytes are counts more: curl calls everything a form.
 * @param wanted false when nobody waits for the answer any more: nothing more is decoded then
 * Rejects with ERR_INVALID_INPUT, ERR_INVALID_JSON, ERR_LIMIT_EXCEEDED, ERR_QUEUE_FULL, ERR_CANCELLED or ERR_UNSUPPORTED.
 */
export async function mediaRequest(
  media: MediaReader,
  contentType: string,
  body: Buffer,
  wanted: () => boolean,
): Promise<PreparedBody | undefined> {
  const type = (contentType.split(";")[0] ?? "").trim().toLowerCase();
  if (type === "multipart/form-data") return fromForm(media, parseMultipart(contentType, body), wanted);
  if (media.takes(body) || fileTypes.test(type)) return media.fromFile(body, wanted);
  if (!hasStringValue(body)) return undefined; // tensors as they are, perhaps large
  return body.length <= constants.MAX_STRING_LENGTH && isUtf8(body)
    ? media.fromJson(body.toString(), wanted)
    : undefined;
}

/** Files under the names of inputs, or one under any name; several of a name are rows. Other fields are values of the row. */
async function fromForm(
  media: MediaReader,
  fields: readonly FormField[],
  wanted: () => boolean,
): Promise<PreparedBody> {
  const files: MediaFile[] = [];
  const values: string[] = [];
  for (const field of fields) {
    if (!media.has(field.name) && !isFile(field)) {
      values.push(`${JSON.stringify(field.name)}:${jsonValue(field.content.toString())}`);
      continue;
    }
    const input = media.has(field.name) ? field.name : media.only;
    const row = files.filter((file) => file.input === input).length;
    files.push({ input, file: field.content, place: row === 0 ? "" : ` in row ${row}` });
  }
  if (files.length === 0) {
    const names = fields.map(({ name }) => `'${name}'`).join(", ") || "no field";
    throw new OrtserveError("ERR_INVALID_INPUT", `expected a file in the form, got ${names}`);
  }
  const attachments = await media.decode(files, wanted);
  const first = drawFirst();
  const inputs = [...new Set(files.map(({ input }) => input))];
  const numbers = (input: string) => files.flatMap((file, index) => (file.input === input ? [first + index] : []));
  const rows = numbers(inputs[0] as string).map((_, row) => {
    const members = inputs.flatMap((input) => {
      const number = numbers(input)[row];
      return number === undefined ? [] : [`${JSON.stringify(input)}:${number}`];
    });
    return `{${[...members, ...values].join(",")}}`;
  });
  return { json: `{"instances":[${rows.join(",")}]}`, attachments, first };
}

function isFile({ filename, type, content }: FormField): boolean {
  return filename !== "" || fileTypes.test(type) || !isUtf8(content);
}

/** A JSON scalar as it is, else a string. */
function jsonValue(content: string): string {
  const text = content.trim();
  return /^(-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?|true|false|null|-?(NaN|Infinity))$/.test(text)
    ? text
    : JSON.stringify(content);
}

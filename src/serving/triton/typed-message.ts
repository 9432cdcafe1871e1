// SPDX-License-Identifier: Apache-2.0
// From text format, or JSON, to a ModelConfig whose fields are known and have their types.
import { OrtserveError } from "../../errors.js";
import { didYouMean } from "../../runtime/nearest-name.js";
import { type FieldType, type MessageName, messages, type Scalar } from "./descriptor.js";
import type { TextMessage, TextValue } from "./text-format.js";

type ValueOf<T> = T extends "string" | "enum"
  ? string
  : T extends "integer" | "count"
    ? number
    : T extends "bool"
      ? boolean
      : T extends MessageName
        ? TypedMessage<T>
        : T extends `${infer E}[]`
          ? ValueOf<E>[]
          : T extends `${infer E}{}`
            ? Record<string, ValueOf<E>>
            : unknown;

/** Absent fields are left out. */
export type TypedMessage<N extends MessageName> = {
  -readonly [K in keyof (typeof messages)[N]]?: ValueOf<(typeof messages)[N][K]>;
};

/** A value of either notation; `line` where it stands in a text, 0 in JSON. */
type Raw = { value: unknown; line: number };

/** @throws OrtserveError ERR_INVALID_CONFIG naming source, field, what was expected and what came */
export function typedConfig(fields: TextMessage | object, source: string): TypedMessage<"ModelConfig"> {
  return new Typing(source, fields instanceof Map).message(
    "ModelConfig",
    { value: fields, line: 0 },
    "",
  ) as TypedMessage<"ModelConfig">;
}

class Typing {
  readonly #source: string;
  readonly #isText: boolean;

  constructor(source: string, isText: boolean) {
    this.#source = source;
    this.#isText = isText;
  }

  message(name: MessageName, raw: Raw, path: string): Record<string, unknown> {
    const fields = this.#entries(raw.value);
    if (fields === undefined) throw this.#fault(path, "a message", raw);
    const known = messages[name] as Record<string, FieldType>;
    const typed: Record<string, unknown> = {};
    for (const [key, values] of fields) {
      const type = Object.hasOwn(known, key) ? known[key] : undefined;
      const where = path === "" ? key : `${path}.${key}`;
      if (type === undefined) {
        const hint = didYouMean(key, Object.keys(known)) || `; known: ${Object.keys(known).join(", ")}`;
        throw this.#error(`unknown field '${where}'${hint}`, values[0]?.line ?? raw.line);
      }
      typed[key] = this.#field(type, values, where);
    }
    return typed;
  }

  #field(type: FieldType, values: Raw[], path: string): unknown {
    if (type.startsWith("any")) return true;
    if (type.endsWith("[]")) return values.map((raw, i) => this.#one(type.slice(0, -2), raw, `${path}.${i}`));
    if (type.endsWith("{}")) return this.#map(type.slice(0, -2), values, path);
    const [only, second] = values;
    if (only === undefined || second !== undefined) {
      throw this.#error(`'${path}': expected one value, got ${values.length}`, second?.line ?? 0);
    }
    return this.#one(type, only, path);
  }

  /** In JSON an object; in text format a list of {key, value}. */
  #map(type: string, values: Raw[], path: string): Record<string, unknown> {
    const typed: [string, unknown][] = [];
    for (const raw of values) {
      const fields = this.#entries(raw.value);
      if (fields === undefined) throw this.#fault(path, "an entry with key and value", raw);
      if (!this.#isText) {
        for (const [key, [value]] of fields) if (value) typed.push([key, this.#one(type, value, `${path}.${key}`)]);
        continue;
      }
      const [key, value] = ["key", "value"].map((name) => fields.find(([field]) => field === name)?.[1][0]);
      if (key === undefined) throw this.#error(`'${path}': expected an entry with key and value`, raw.line);
      const name = this.#scalar("string", key, `${path}.key`) as string;
      typed.push([name, this.#one(type, value ?? { value: new Map(), line: raw.line }, `${path}.${name}`)]);
    }
    return Object.fromEntries(typed);
  }

  #one(type: string, raw: Raw, path: string): unknown {
    return type in messages ? this.message(type as MessageName, raw, path) : this.#scalar(type as Scalar, raw, path);
  }

  #scalar(type: Scalar, raw: Raw, path: string): unknown {
    const { value } = raw;
    const text = this.#isText ? (value as TextValue) : undefined;
    const kind = text?.kind ?? typeof value;
    const word = text === undefined ? value : text.kind === "message" ? "" : text.text;
    if (type === "string" && kind === "string") return word;
    if (type === "enum" && kind === (this.#isText ? "identifier" : "string")) return word;
    if (type === "bool" && kind === "boolean") return word;
    if (type === "bool" && kind === "identifier" && /^(true|t|false|f)$/i.test(String(word))) {
      return /^t/i.test(String(word));
    }
    // JSON writes 64-bit integers as text.
    const isDigits = !this.#isText && kind === "string" && /^-?[0-9]+$/.test(String(word));
    const number = kind === "number" || isDigits ? integerOf(String(word)) : Number.NaN;
    if ((type === "integer" || (type === "count" && number >= 0)) && Number.isSafeInteger(number)) return number;
    throw this.#fault(path, expectations[type], raw);
  }

  #fault(path: string, expected: string, { value, line }: Raw): OrtserveError {
    const text = this.#isText ? (value as TextValue) : undefined;
    const got = text === undefined ? JSON.stringify(value) : text.kind === "message" ? "a message" : text.text;
    return this.#error(`'${path}': expected ${expected}, got ${String(got).slice(0, 80)}`, line);
  }

  #error(text: string, line: number): OrtserveError {
    return new OrtserveError("ERR_INVALID_CONFIG", `${this.#source}: ${line > 0 ? `line ${line}: ` : ""}${text}`);
  }

  /** The fields of a message; each value of JSON in a list, as text format has them. */
  #entries(value: unknown): [string, Raw[]][] | undefined {
    if (this.#isText) {
      const fields =
        value instanceof Map ? (value as TextMessage) : (value as TextValue & { fields?: TextMessage }).fields;
      const entries = fields && [...fields];
      return entries?.map(([key, values]) => [key, values.map((one) => ({ value: one, line: one.line }))]);
    }
    if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
    return Object.entries(value).map(([key, field]) => [
      key,
      (Array.isArray(field) ? field : [field]).map((one: unknown) => ({ value: one, line: 0 })),
    ]);
  }
}

const expectations: Readonly<Record<Scalar, string>> = {
  string: "text in quotes",
  enum: "a name",
  bool: "true or false",
  integer: "a whole number",
  count: "a whole number of at least 0",
};

/** Decimal, hexadecimal or octal. */
function integerOf(text: string): number {
  const [, sign = "", digits = ""] = /^(-?)(.*)$/.exec(text) ?? [];
  const value = /^0[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number(digits);
  return sign === "-" ? -value : value;
}

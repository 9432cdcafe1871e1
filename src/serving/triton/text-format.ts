// SPDX-License-Identifier: Apache-2.0
// Protocol buffers' text format, as far as it can be read without a schema.
import { OrtserveError } from "../../errors.js";
import { type Token, tokenize } from "./text-tokens.js";

/** A value with where it stands. Identifiers are enum values and booleans; a schema tells. */
export type TextValue =
  | { kind: "identifier" | "number" | "string"; text: string; line: number }
  | { kind: "message"; fields: TextMessage; line: number };

/** Fields in order, each with all its values: without a schema, any field may be repeated. */
export type TextMessage = Map<string, TextValue[]>;

/** Deeper nesting is an attack on the stack. */
const mostNesting = 64;

/** @param source for messages. @throws OrtserveError ERR_INVALID_CONFIG naming source, line and column */
export function parseTextFormat(text: string, source: string): TextMessage {
  return new Parser(tokenize(text, source), source).message("", 0);
}

class Parser {
  readonly #tokens: Token[];
  readonly #source: string;
  #next = 0;

  constructor(tokens: Token[], source: string) {
    this.#tokens = tokens;
    this.#source = source;
  }

  /** Up to `end`, which is consumed; "": the end of the text. */
  message(end: string, depth: number): TextMessage {
    if (depth > mostNesting) throw this.#fault(`expected at most ${mostNesting} messages inside each other`);
    const fields: TextMessage = new Map();
    while (!this.#take(end)) {
      const name = this.#token();
      if (name.kind !== "identifier") throw this.#fault(`expected a field's name${end && ` or '${end}'`}`, name);
      const colon = this.#take(":");
      const values = this.#values(colon, depth);
      fields.set(name.text, [...(fields.get(name.text) ?? []), ...values]);
      if (!this.#take(",")) this.#take(";");
    }
    return fields;
  }

  #values(colon: boolean, depth: number): TextValue[] {
    if (!this.#take("[")) return [this.#value(colon, depth)];
    const values: TextValue[] = [];
    while (!this.#take("]")) {
      if (values.length > 0 && !this.#take(",")) throw this.#fault("expected ',' or ']'", this.#peek());
      values.push(this.#value(true, depth));
    }
    return values;
  }

  #value(colon: boolean, depth: number): TextValue {
    const token = this.#token();
    const { kind, text, line } = token;
    if (kind === "symbol" && (text === "{" || text === "<")) {
      return { kind: "message", fields: this.message(text === "{" ? "}" : ">", depth + 1), line };
    }
    if (!colon) throw this.#fault("expected ':' or '{'", token);
    if (kind === "symbol" && text === "-") return this.#negative(line);
    if (kind === "symbol" || kind === "end") throw this.#fault("expected a value", token);
    if (kind !== "string") return { kind, text, line };
    let whole = text;
    while (this.#peek().kind === "string") whole += this.#token().text; // adjacent strings are one
    return { kind, text: whole, line };
  }

  #negative(line: number): TextValue {
    const token = this.#token();
    const isNumber = token.kind === "number" || /^(inf|infinity|nan)$/i.test(token.text);
    if (!isNumber || token.kind === "string") throw this.#fault("expected a number", token);
    return { kind: "number", text: `-${token.text}`, line };
  }

  #peek(): Token {
    return this.#tokens[this.#next] as Token;
  }

  #token(): Token {
    const token = this.#peek();
    if (token.kind !== "end") this.#next++;
    return token;
  }

  /** `symbol` "": the end. */
  #take(symbol: string): boolean {
    const token = this.#peek();
    const isIt = symbol === "" ? token.kind === "end" : token.kind === "symbol" && token.text === symbol;
    if (isIt) this.#token();
    return isIt;
  }

  #fault(expected: string, token: Token = this.#peek()): OrtserveError {
    const got = token.kind === "end" ? "the end of the file" : `'${token.text.slice(0, 40)}'`;
    return new OrtserveError(
      "ERR_INVALID_CONFIG",
      `${this.#source}: line ${token.line}, column ${token.column}: ${expected}, got ${got}`,
    );
  }
}

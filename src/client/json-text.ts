// SPDX-License-Identifier: Apache-2.0
// JSON as the server speaks it. Unlike the built-in JSON object, it carries NaN, Infinity and -Infinity as bare words
// and 64-bit integers exactly, as BigInt.

/**
 * Text of a JSON value. Numbers that JSON lacks become bare words, a BigInt its digits, a typed array a list.
 * Properties that are undefined, functions or symbols are left out. @throws TypeError for what has no text, or a cycle
 */
export function encodeJson(value: unknown): string {
  return encode(value, []);
}

function encode(value: unknown, parents: readonly unknown[]): string {
  if (typeof value === "number") return Object.is(value, -0) ? "-0" : String(value);
  if (typeof value === "bigint" || typeof value === "boolean" || value === null) return String(value);
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value !== "object") throw new TypeError(`a value of type ${typeof value} has no JSON form`);
  if (parents.includes(value)) throw new TypeError("the value contains itself");
  const here = [...parents, value];
  if ("toJSON" in value && typeof value.toJSON === "function") return encode(value.toJSON(), here);
  if (Array.isArray(value)) return `[${value.map((item) => encode(item, here)).join(",")}]`;
  if (ArrayBuffer.isView(value)) return encodeView(value);
  const entries = Object.entries(value).filter(
    ([, item]) => !["undefined", "function", "symbol"].includes(typeof item),
  );
  return `{${entries.map(([key, item]) => `${JSON.stringify(key)}:${encode(item, here)}`).join(",")}}`;
}

function encodeView(view: ArrayBufferView): string {
  if (view instanceof DataView) throw new TypeError("a DataView has no JSON form");
  return `[${Array.from(view as unknown as ArrayLike<number | bigint>, (item) => encode(item, [])).join(",")}]`;
}

/** What JSON.parse would refuse, or round: a bare word outside or inside a string, or 16 digits that begin a number. */
const needsCare = /NaN|Infinity|(?<![.\d])\d{16}/;

/** Value of a JSON text. Integers beyond 2^53 become BigInt. @throws SyntaxError */
export function parseJson(text: string): unknown {
  return needsCare.test(text) ? new JsonReader(text).whole() : JSON.parse(text);
}

/** `lastIndex` decides where each of these matches. */
const space = /[ \t\n\r]*/y;
const word = /true|false|null|NaN|-?Infinity/y;
const number = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;

const words: Readonly<Record<string, unknown>> = {
  true: true,
  false: false,
  null: null,
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  "-Infinity": Number.NEGATIVE_INFINITY,
};

class JsonReader {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  whole(): unknown {
    const value = this.#value();
    if (this.#peek() !== "") this.#fail("the end");
    return value;
  }

  #value(): unknown {
    const first = this.#peek();
    if (first === "{") return this.#object();
    if (first === "[") return this.#array();
    if (first === '"') return this.#string();
    const bare = this.#match(word);
    return bare ? words[bare[0]] : this.#number();
  }

  #object(): Record<string, unknown> {
    const entries: [string, unknown][] = [];
    this.#list("}", () => {
      if (this.#peek() !== '"') this.#fail("a string");
      const key = this.#string();
      if (this.#peek() !== ":") this.#fail("':'");
      this.#at++;
      entries.push([key, this.#value()]);
    });
    return Object.fromEntries(entries); // not by assignment, which would take "__proto__" for the prototype
  }

  #array(): unknown[] {
    const items: unknown[] = [];
    this.#list("]", () => items.push(this.#value()));
    return items;
  }

  #list(end: string, readItem: () => void): void {
    this.#at++;
    if (this.#peek() === end) {
      this.#at++;
      return;
    }
    for (;;) {
      readItem();
      const next = this.#peek();
      if (next !== "," && next !== end) this.#fail(`',' or '${end}'`);
      this.#at++;
      if (next === end) return;
    }
  }

  #string(): string {
    const text = this.#text;
    let end = text.indexOf('"', this.#at + 1);
    while (end > 0 && this.#isEscaped(end)) end = text.indexOf('"', end + 1);
    if (end < 0) this.#fail("the end of the string");
    const value: string = JSON.parse(text.slice(this.#at, end + 1));
    this.#at = end + 1;
    return value;
  }

  /** An odd number of backslashes stands before the quote. */
  #isEscaped(quote: number): boolean {
    let start = quote;
    while (this.#text[start - 1] === "\\") start--;
    return (quote - start) % 2 === 1;
  }

  #number(): number | bigint {
    const match = this.#match(number);
    if (match === null) return this.#fail("a value");
    const [text, fraction, exponent] = match;
    const value = Number(text);
    const isWhole = fraction === undefined && exponent === undefined;
    return isWhole && !Number.isSafeInteger(value) ? BigInt(text) : value;
  }

  #match(pattern: RegExp): RegExpExecArray | null {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    if (match) this.#at = pattern.lastIndex;
    return match;
  }

  /** The next character that is not white space; "" at the end. */
  #peek(): string {
    this.#match(space);
    return this.#text[this.#at] ?? "";
  }

  #fail(expected: string): never {
    const got = this.#text.slice(this.#at, this.#at + 20);
    throw new SyntaxError(`expected ${expected} at position ${this.#at}, got ${got === "" ? "the end" : `'${got}'`}`);
  }
}

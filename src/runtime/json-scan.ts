// SPDX-License-Identifier: Apache-2.0
// Finds values in JSON text without reading them: what is not looked for stays as it was written, numbers of 64 bits, NaN
// and all. Malformed text is not judged here but by the core, which says where the fault is.

/** Thrown where the text is not JSON; the caller leaves it to the core. */
export class NotJson extends Error {}

const scalarEnd = /[,\]}\s]/g;

const quote = 0x22;
const backslash = 0x5c;
const colon = 0x3a;
const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d];

/** Whether UTF-8 JSON has a string that is not a key. Of the text between strings nothing is read in JavaScript. */
export function hasStringValue(json: Buffer): boolean {
  for (let start = json.indexOf(quote); start >= 0; ) {
    let end = start;
    do end = json.indexOf(quote, end + 1);
    while (end >= 0 && isEscaped(json, end));
    if (end < 0) return true; // whatever it is, it is for somebody else to judge
    let after = end + 1;
    while (after < json.length && (json[after] as number) <= 0x20) after++;
    if (json[after] !== colon) return true;
    start = json.indexOf(quote, after);
  }
  return false;
}

function isEscaped(json: Buffer, at: number): boolean {
  let slashes = 0;
  while (json[at - 1 - slashes] === backslash) slashes++;
  return slashes % 2 === 1;
}

/** The string that stands under `key` at the top of the text; "" where there is none. */
export function topLevelString(text: string, key: string): string {
  const scan = new JsonScan(text);
  let value = "";
  try {
    scan.object((name) => {
      if (name === key && scan.peek() === '"') value = scan.string();
      else scan.skip();
    });
  } catch (error) {
    if (!(error instanceof NotJson)) throw error;
  }
  return value;
}

/** Walks one text. Recursion is only as deep as the caller's. */
export class JsonScan {
  readonly text: string;
  at = 0;

  constructor(text: string) {
    this.text = text;
  }

  /** The first character of the next token; "" at the end. */
  peek(): string {
    while (" \t\n\r".includes(this.text[this.at] ?? "x")) this.at++;
    return this.text[this.at] ?? "";
  }

  /** Calls `member` at each member's value, which it must go past. */
  object(member: (key: string) => void): void {
    this.#list("{", "}", () => {
      const key = this.string();
      this.#expect(":");
      member(key);
    });
  }

  array(item: (index: number) => void): void {
    let index = 0;
    this.#list("[", "]", () => item(index++));
  }

  /** The string that comes next. */
  string(): string {
    if (this.peek() !== '"') throw new NotJson();
    const start = this.at;
    this.#pastString();
    const raw = this.text.slice(start + 1, this.at - 1);
    if (!raw.includes("\\")) return raw;
    try {
      return JSON.parse(`"${raw}"`) as string;
    } catch {
      throw new NotJson();
    }
  }

  /** Goes past any value. */
  skip(): void {
    const first = this.peek();
    if (first === '"') {
      this.#pastString();
      return;
    }
    if (first !== "[" && first !== "{") {
      this.at = this.#find(scalarEnd, this.at);
      return;
    }
    let depth = 0;
    do depth += this.#pastBracket();
    while (depth > 0);
  }

  /** Past the next bracket outside of a string; by how much it changes the depth. */
  #pastBracket(): number {
    const { text } = this;
    for (let at = this.at; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === quote) {
        this.at = at;
        this.#pastString();
        at = this.at - 1;
      } else if (code === openBracket || code === openBrace || code === closeBracket || code === closeBrace) {
        this.at = at + 1;
        return code === openBracket || code === openBrace ? 1 : -1;
      }
    }
    throw new NotJson();
  }

  #list(open: string, close: string, item: () => void): void {
    this.#expect(open);
    if (this.peek() === close) {
      this.at++;
      return;
    }
    while (true) {
      item();
      if (this.peek() === close) break;
      this.#expect(",");
    }
    this.at++;
  }

  #expect(token: string): void {
    if (this.peek() !== token) throw new NotJson();
    this.at++;
  }

  #pastString(): void {
    for (let end = this.at + 1; ; end++) {
      end = this.text.indexOf('"', end);
      if (end < 0) throw new NotJson();
      let slashes = 0;
      while (this.text[end - 1 - slashes] === "\\") slashes++;
      if (slashes % 2 === 1) continue;
      this.at = end + 1;
      return;
    }
  }

  #find(what: RegExp, from: number): number {
    what.lastIndex = from;
    const found = what.exec(this.text);
    if (!found) throw new NotJson();
    return found.index;
  }
}

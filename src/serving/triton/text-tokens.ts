// SPDX-License-Identifier: Apache-2.0
// The words of protocol buffers' text format.
import { OrtserveError } from "../../errors.js";

export interface Token {
  kind: "identifier" | "number" | "string" | "symbol" | "end";
  /** Of a string: what it stands for, one UTF-16 unit per character. */
  text: string;
  line: number;
  column: number;
}

// Each alternative begins with another character, so a text of any kind is read in time linear to its length.
const word =
  /[ \t\r\f\v]+|#[^\n]*|(?<newline>\n)|(?<number>(?:[0-9]|\.[0-9])(?:[eE][+-]|[A-Za-z0-9_.])*)|(?<identifier>[A-Za-z_][A-Za-z0-9_]*)|(?<string>"(?:[^"\\\n]|\\[^\n])*"|'(?:[^'\\\n]|\\[^\n])*')|(?<symbol>[{}<>[\]:,;-])/y;

/** The last token is the end. @throws OrtserveError ERR_INVALID_CONFIG naming source, line and column */
export function tokenize(text: string, source: string): Token[] {
  const tokens: Token[] = [];
  let line = 1;
  let lineStart = 0;
  const scanner = new RegExp(word);
  for (let at = 0; at < text.length; at = scanner.lastIndex) {
    scanner.lastIndex = at;
    const groups = scanner.exec(text)?.groups;
    const column = at - lineStart + 1;
    if (groups === undefined) throw unreadable(text, at, line, column, source);
    const [kind, found] = Object.entries(groups).find(([, value]) => value !== undefined) ?? [];
    if (kind === "newline") {
      line++;
      lineStart = scanner.lastIndex;
    } else if (kind !== undefined && found !== undefined) {
      const value = kind === "string" ? unescaped(found.slice(1, -1)) : found;
      tokens.push({ kind: kind as Token["kind"], text: value, line, column });
    }
  }
  tokens.push({ kind: "end", text: "", line, column: text.length - lineStart + 1 });
  return tokens;
}

function unreadable(text: string, at: number, line: number, column: number, source: string): OrtserveError {
  const char = String.fromCodePoint(text.codePointAt(at) as number);
  const what = char === '"' || char === "'" ? "a string that ends on its line" : "text format";
  return new OrtserveError(
    "ERR_INVALID_CONFIG",
    `${source}: line ${line}, column ${column}: expected ${what}, got ${JSON.stringify(text.slice(at, at + 20))}`,
  );
}

const escapes: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

function unescaped(text: string): string {
  if (!text.includes("\\")) return text;
  return text.replace(
    /\\(?:([0-7]{1,3})|[xX]([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([\s\S]))/g,
    (whole, octal?: string, hex?: string, unit?: string, point?: string, char?: string) => {
      if (octal !== undefined) return String.fromCharCode(Number.parseInt(octal, 8) & 0xff);
      if (hex !== undefined || unit !== undefined)
        return String.fromCharCode(Number.parseInt((hex ?? unit) as string, 16));
      const code = point === undefined ? -1 : Number.parseInt(point, 16);
      if (code >= 0) return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
      return escapes[char as string] ?? (char as string);
    },
  );
}

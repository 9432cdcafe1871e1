// SPDX-License-Identifier: Apache-2.0
// Where images and sounds stand in JSON of the predict form: {"b64": "..."}, a data URL, or base64 text.
import { OrtserveError } from "../errors.js";
import { JsonScan, NotJson } from "./json-scan.js";

/** One image or sound in the text. */
export interface MediaSpot {
  readonly input: string;
  /** The value's place in the text. */
  readonly start: number;
  readonly end: number;
  readonly file: Uint8Array;
  /** " in row 3", or "" for the first. */
  readonly place: string;
}

/**
 * @param inputs names of the inputs that take media
 * @param nameless the input that a value without a name belongs to, if it is one of them
 * @returns in the order of the text; undefined when the text is not such JSON
 * @throws OrtserveError ERR_INVALID_INPUT for what is not base64
 */
export function findMedia(
  text: string,
  inputs: ReadonlySet<string>,
  nameless: string | undefined,
): MediaSpot[] | undefined {
  const finder = new Finder(text, inputs, nameless);
  try {
    finder.top();
    return finder.spots;
  } catch (error) {
    if (error instanceof NotJson) return undefined;
    throw error;
  }
}

class Finder {
  readonly spots: MediaSpot[] = [];
  readonly #scan: JsonScan;
  readonly #inputs: ReadonlySet<string>;
  readonly #nameless: string | undefined;

  constructor(text: string, inputs: ReadonlySet<string>, nameless: string | undefined) {
    this.#scan = new JsonScan(text);
    this.#inputs = inputs;
    this.#nameless = nameless;
  }

  top(): void {
    this.#scan.object((key) => {
      if (key === "instances") this.#values(this.#nameless, true);
      else if (key === "inputs") this.#values(this.#nameless, false);
      else this.#named(key, 0);
    });
  }

  /** All rows of `input`, or objects that name inputs. */
  #values(input: string | undefined, isRows: boolean): void {
    if (this.#scan.peek() === "[") this.#scan.array((row) => this.#value(input, row, isRows));
    else this.#value(input, 0, true);
  }

  #value(input: string | undefined, row: number, mayName: boolean): void {
    const start = this.#scan.at;
    const first = this.#scan.peek();
    if (first === "{" && !this.#isBase64Object() && mayName) {
      this.#scan.object((key) => this.#named(key, row));
      return;
    }
    if (input === undefined || (first !== '"' && first !== "{")) this.#scan.skip();
    else this.#take(input, row, start);
  }

  #named(key: string, row: number): void {
    if (!this.#inputs.has(key)) this.#scan.skip();
    else if (this.#scan.peek() === "[") this.#scan.array((index) => this.#value(key, row + index, false));
    else this.#value(key, row, false);
  }

  #isBase64Object(): boolean {
    return /^\{\s*"b64"\s*:/.test(this.#scan.text.slice(this.#scan.at, this.#scan.at + 64));
  }

  #take(input: string, row: number, start: number): void {
    const place = row === 0 ? "" : ` in row ${row}`;
    const content = this.#scan.peek() === '"' ? this.#scan.string() : this.#base64Of();
    this.spots.push({ input, start, end: this.#scan.at, file: fileOf(content, input, place), place });
  }

  #base64Of(): string {
    let content: string | undefined;
    this.#scan.object((key) => {
      if (key !== "b64") return this.#scan.skip();
      if (content !== undefined) {
        throw new OrtserveError("ERR_INVALID_JSON", "duplicate key 'b64' in the request JSON");
      }
      content = this.#scan.string();
    });
    return content ?? "";
  }
}

/** The bytes of base64 text or a data URL. */
export function fileOf(content: string, input: string, place: string): Uint8Array {
  const [, url] = /^data:[^,;]*(?:;[^,;]*)*;base64,(.*)$/s.exec(content) ?? [];
  const base64 = url ?? content;
  if (base64 !== "" && /^[A-Za-z0-9+/_-]+={0,2}$/.test(base64)) return Buffer.from(base64, "base64");
  const got = content.length > 40 ? `${content.slice(0, 40)}…` : content;
  throw new OrtserveError(
    "ERR_INVALID_INPUT",
    `expected base64 text or a data URL for input '${input}'${place}, got ${JSON.stringify(got)}`,
  );
}

// SPDX-License-Identifier: Apache-2.0
// One line on a terminal that says how far the work is; nothing where stderr is no terminal.

export class ProgressLine {
  readonly #stream: NodeJS.WriteStream;
  #last = 0;
  #shown = false;

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    this.#stream = stream;
  }

  show(stage: string, done: number, of: number): void {
    const isLast = done === of;
    if (!this.#stream.isTTY || (!isLast && done > 0 && Date.now() - this.#last < 100)) return;
    this.#last = Date.now();
    this.#shown = true;
    const bar = of > 1 ? ` ${"#".repeat(Math.round((24 * done) / of)).padEnd(24, ".")} ${done}/${of}` : "";
    this.#stream.write(`\r\x1b[K${stage}${bar}`);
  }

  clear(): void {
    if (this.#shown) this.#stream.write("\r\x1b[K");
    this.#shown = false;
  }
}

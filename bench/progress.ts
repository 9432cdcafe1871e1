// SPDX-License-Identifier: Apache-2.0
/** What is going on now: one line that renews itself on a terminal, plain lines elsewhere. */
export class Progress {
  private readonly start = performance.now();
  private readonly live = process.stderr.isTTY;

  readonly log = (line: string): void => {
    const text = `[${this.elapsed()}] ${line}`;
    if (this.live) process.stderr.write(`\r\x1b[2K${text.replaceAll("\n", " ").slice(0, process.stderr.columns - 1)}`);
    else process.stderr.write(`${text}\n`);
  };

  end(): void {
    if (this.live) process.stderr.write("\r\x1b[2K");
  }

  private elapsed(): string {
    const seconds = Math.floor((performance.now() - this.start) / 1000);
    return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  }
}

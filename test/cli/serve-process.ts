// SPDX-License-Identifier: Apache-2.0
// `ortserve serve` as a child process.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export class ServeProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  stdout = "";
  stderr = "";
  readonly #watchers = new Set<() => void>();

  constructor(...words: string[]) {
    this.child = spawn(process.execPath, ["--import", "tsx", main, ...words], { stdio: ["ignore", "pipe", "pipe"] });
    this.child.stdout?.on("data", (chunk) => this.#take("stdout", chunk));
    this.child.stderr?.on("data", (chunk) => this.#take("stderr", chunk));
    this.ended = once(this.child, "close").then(([code, signal]) => {
      for (const watcher of this.#watchers) watcher();
      return { code, signal, stdout: this.stdout, stderr: this.stderr };
    });
  }

  /** Waits for a log line with this message. Rejects when the process ends first. */
  async logged(message: RegExp): Promise<Record<string, unknown>> {
    for (;;) {
      const lines = this.stdout.split("\n").filter((line) => line.startsWith("{"));
      const found = lines.map((line) => JSON.parse(line)).find(({ msg }) => message.test(msg));
      if (found) return found;
      if (this.child.exitCode !== null)
        throw new Error(`ended without logging ${message}: ${this.stdout}${this.stderr}`);
      await new Promise<void>((resolve) => this.#watchers.add(resolve));
      this.#watchers.clear();
    }
  }

  async listening(): Promise<URL> {
    const { url } = await this.logged(/^listening/);
    return new URL(url as string);
  }

  #take(stream: "stdout" | "stderr", chunk: Buffer): void {
    this[stream] += chunk.toString();
    for (const watcher of this.#watchers) watcher();
  }
}

/** Runs the command line to its end. */
export function runCli(...words: string[]): Promise<Ended> {
  return new ServeProcess(...words).ended;
}

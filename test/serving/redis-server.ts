// SPDX-License-Identifier: Apache-2.0
// A real Redis on a unix socket of its own, which tests may stop, kill and start again.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Redis } from "ioredis";

export class RedisServer {
  readonly #folder = mkdtempSync(join(tmpdir(), "ortserve-redis-"));
  readonly #arguments: readonly string[];
  #child: ChildProcess | undefined;

  private constructor(more: readonly string[]) {
    this.#arguments = ["--port", "0", "--unixsocket", this.path, "--save", "", "--dir", this.#folder, ...more];
  }

  /** `more`: further options, such as "--requirepass", "secret". */
  static async start(...more: string[]): Promise<RedisServer> {
    const server = new RedisServer(more);
    await server.start();
    return server;
  }

  get path(): string {
    return join(this.#folder, "redis.sock");
  }

  get url(): string {
    return `unix://${this.path}`;
  }

  /** After {@link kill}: on the same socket, with nothing stored. */
  async start(): Promise<void> {
    const child = spawn("redis-server", this.#arguments, { stdio: ["ignore", "pipe", "inherit"] });
    this.#child = child;
    await new Promise<void>((resolve, reject) => {
      child.once("error", (error) =>
        reject(new Error("redis-server is needed: apt-get install redis-server", { cause: error })),
      );
      child.once("exit", (code) => reject(new Error(`redis-server ended with ${code}`)));
      const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
      lines.on("line", (line) => {
        if (/ready to accept connections/i.test(line)) resolve();
      });
    });
  }

  signal(name: "SIGSTOP" | "SIGCONT"): void {
    this.#child?.kill(name);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Looks, or changes, from outside. */
  async use<T>(body: (redis: Redis) => Promise<T>): Promise<T> {
    const redis = new Redis(this.path);
    try {
      return await body(redis);
    } finally {
      redis.disconnect();
    }
  }
}

// SPDX-License-Identifier: Apache-2.0
// One server under test as a child process: started, paused while others are measured, metered, stopped.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { onCores } from "../load/cores.js";
import type { LoadResult } from "../load/load.js";
import type { Window } from "../results.js";

export interface LoopDelay {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Whether loop_delay.mjs is preloaded. */
  readonly reportsLoopDelay: boolean;
}

const startTimeoutMs = 60_000;
const stopTimeoutMs = 10_000;

export class ServerProcess {
  readonly port: number;
  private readonly child: ChildProcess;
  private readonly reportsLoopDelay: boolean;
  private complaint = "";

  private constructor(child: ChildProcess, port: number, reportsLoopDelay: boolean) {
    this.child = child;
    this.port = port;
    this.reportsLoopDelay = reportsLoopDelay;
    const keep = (chunk: Buffer) => {
      this.complaint = (this.complaint + chunk).slice(-4000);
    };
    child.stdout?.on("data", keep);
    child.stderr?.on("data", keep);
  }

  /** Starts the program, on `cores` alone where they are given, and waits until GET /healthz answers 200. */
  static async start(describe: (port: number) => Launch, cores?: string): Promise<ServerProcess> {
    const port = await freePort();
    const { command, args, env, reportsLoopDelay } = describe(port);
    const stdio = ["ignore", "pipe", "pipe", "ipc"] as const;
    const child = spawn(...onCores(cores, command, args), { env: { ...process.env, ...env }, stdio: [...stdio] });
    const server = new ServerProcess(child, port, reportsLoopDelay);
    await server.untilHealthy();
    return server;
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** While paused the process gets no CPU: nothing it does in the background disturbs the server under test. */
  pause(): void {
    this.child.kill("SIGSTOP");
  }

  resume(): void {
    this.child.kill("SIGCONT");
  }

  /** User and system time since the start, seconds. */
  private cpuSeconds(): number {
    if (process.platform !== "linux") return psCpuSeconds(this.pid);
    const stat = readFileSync(`/proc/${this.pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" "); // the name before it may hold spaces
    return (Number(fields[11]) + Number(fields[12])) / clockTicks;
  }

  private rssBytes(): number {
    return Number(execFileSync("ps", ["-o", "rss=", "-p", String(this.pid)], { encoding: "utf8" })) * 1024;
  }

  /** What the process takes while `load` runs. */
  async meter(load: () => Promise<LoadResult>): Promise<Window> {
    const [cpu, start] = [this.cpuSeconds(), performance.now()];
    const result = await load();
    const wallSeconds = (performance.now() - start) / 1000;
    return { load: result, cpuSeconds: this.cpuSeconds() - cpu, wallSeconds, rssBytes: this.rssBytes() };
  }

  async resetLoopDelay(): Promise<void> {
    if (this.reportsLoopDelay) await this.ask("loop-delay:reset");
  }

  /** Milliseconds; undefined where the server is no Node.js process. */
  async loopDelay(): Promise<LoopDelay | undefined> {
    return this.reportsLoopDelay ? ((await this.ask("loop-delay:read")) as LoopDelay) : undefined;
  }

  async stop(): Promise<void> {
    this.resume();
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = once(this.child, "exit");
    this.child.kill("SIGTERM");
    const timer = setTimeout(() => this.child.kill("SIGKILL"), stopTimeoutMs);
    await gone;
    clearTimeout(timer);
  }

  private async ask(question: string): Promise<unknown> {
    const answer = once(this.child, "message");
    this.child.send(question);
    return (await answer)[0];
  }

  private async untilHealthy(): Promise<void> {
    const deadline = Date.now() + startTimeoutMs;
    while (Date.now() < deadline) {
      if (this.child.exitCode !== null) break;
      const reply = await fetch(`http://127.0.0.1:${this.port}/healthz`).catch(() => undefined);
      if (reply?.ok) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    this.child.kill("SIGKILL");
    throw new Error(`the server did not start: ${this.child.spawnargs.join(" ")}\n${this.complaint}`);
  }
}

const clockTicks =
  process.platform === "linux" ? Number(execFileSync("getconf", ["CLK_TCK"], { encoding: "utf8" })) : 100;

function psCpuSeconds(pid: number): number {
  const time = execFileSync("ps", ["-o", "time=", "-p", String(pid)], { encoding: "utf8" }).trim(); // [[D-]H:]M:S
  return time.split(/[-:]/).reduce((total, part, i, parts) => {
    const unit = [1, 60, 3600, 86_400][parts.length - 1 - i] ?? 0;
    return total + Number(part) * unit;
  }, 0);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no free port");
  return address.port;
}

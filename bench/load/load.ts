// SPDX-License-Identifier: Apache-2.0
// Load on one server for one window: closed loop by wrk where it is installed, everything else by our own generator.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import type { BenchRequest } from "../workloads.js";
import { onCores } from "./cores.js";
import type { GeneratorJob } from "./generator.js";

/** Percentiles of the latency profile; 50, 90, 99 and 99.9 also make the tables. */
export const profilePercentiles = [
  1, 10, 25, 50, 60, 70, 75, 80, 85, 90, 92.5, 95, 96, 97, 98, 98.5, 99, 99.3, 99.5, 99.7, 99.8, 99.9, 99.95, 99.99,
];

export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  /** Replies that were not 200, connections that broke, requests without a reply. */
  readonly failed: number;
  /** [percentile, microseconds], ascending. */
  readonly profile: readonly (readonly [number, number])[];
  readonly maxMicros: number;
  /** Open loop: how late the generator itself sent (99th percentile, microseconds) when a connection was free. */
  readonly lagMicros?: number;
}

export interface Target {
  readonly port: number;
  readonly request: BenchRequest;
}

const hasWrk = spawnSync("wrk", ["-v"]).error === undefined;
/** Of wrk: one where cores are few, so that the others are the server's. */
const wrkThreads = Math.max(1, Math.floor(availableParallelism() / 4));
export const closedLoopTool = hasWrk ? wrkVersion() : "bench/load/generator.ts";

/** The request as files that both load tools read; `dispose` when done. */
export class RequestFiles {
  private readonly folder = mkdtempSync(join(tmpdir(), "ortserve-bench-"));
  readonly body = join(this.folder, "body");
  readonly headers = join(this.folder, "headers");
  /** Every request of the closed loop gets other numbers; only for JSON, and only where wrk is installed. */
  readonly unique: boolean;

  constructor(request: BenchRequest, unique = false) {
    this.unique = unique;
    writeFileSync(this.body, request.body);
    const lines = Object.entries(request.headers).map(([name, value]) => `${name}: ${value}\n`);
    writeFileSync(this.headers, lines.join(""));
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** `connections` clients, on `cores` alone where they are given, each sending its next request when the reply to the last one is there. */
export async function closedLoop(url: URL, files: RequestFiles, connections: number, seconds: number, cores?: string) {
  if (!hasWrk && (files.unique || cores !== undefined)) {
    throw new Error("unique requests, and cores of its own, need wrk, which is not installed");
  }
  if (!hasWrk) return generate({ ...jobOf(url, files), connections, seconds, rate: 0 });
  const script = join(import.meta.dirname, "post.lua");
  const args = [
    `-t${Math.min(wrkThreads, connections)}`,
    `-c${connections}`,
    `-d${Math.ceil(seconds)}s`,
    "--timeout",
    "10s",
    "-s",
    script,
    url.href,
  ];
  const percentiles = profilePercentiles.join(" ");
  const env = {
    BENCH_BODY: files.body,
    BENCH_HEADERS: files.headers,
    BENCH_PERCENTILES: percentiles,
    BENCH_UNIQUE: files.unique ? "1" : "",
  };
  return lastJsonLine("wrk", await output(...onCores(cores, "wrk", args), env));
}

/** `rate` requests per second, whatever the server does; latencies count from the moment a request was due. */
export function openLoop(url: URL, files: RequestFiles, rate: number, seconds: number): Promise<LoadResult> {
  return generate({ ...jobOf(url, files), connections: 256, seconds, rate });
}

function jobOf(url: URL, files: RequestFiles) {
  return { url: url.href, bodyFile: files.body, headersFile: files.headers, percentiles: profilePercentiles };
}

async function generate(job: GeneratorJob): Promise<LoadResult> {
  const program = join(import.meta.dirname, "generator.ts");
  return lastJsonLine(
    "generator",
    await output(process.execPath, ["--import", "tsx", program, JSON.stringify(job)], {}),
  );
}

function output(command: string, args: string[], env: Record<string, string>): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    let complaint = "";
    child.stdout.on("data", (chunk) => (text += chunk));
    child.stderr.on("data", (chunk) => (complaint += chunk));
    child.on("error", reject);
    child.on("close", (code) => (code === 0 ? resolve(text) : reject(new Error(`${command}: ${complaint || text}`))));
  });
}

function lastJsonLine(tool: string, text: string): LoadResult {
  const line = text.trim().split("\n").at(-1) ?? "";
  if (!line.startsWith("{")) throw new Error(`${tool} printed no result:\n${text}`);
  return JSON.parse(line);
}

function wrkVersion(): string {
  return /^wrk \S+/.exec(spawnSync("wrk", ["-v"], { encoding: "utf8" }).stdout)?.[0] ?? "wrk";
}

// SPDX-License-Identifier: Apache-2.0
// Load generator, run as its own process with a GeneratorJob as JSON in argv[2]; prints one LoadResult as JSON.
// Open loop: request i is due at start + i / rate and its latency counts from then, even when it had to wait for a free
// connection: a server that stalls is charged for every request that it kept waiting (no coordinated omission).
import { readFileSync } from "node:fs";
import { Connection } from "./connection.js";
import { summarize } from "./latencies.js";

export interface GeneratorJob {
  readonly url: string;
  readonly bodyFile: string;
  /** "name: value" lines. */
  readonly headersFile: string;
  readonly connections: number;
  readonly seconds: number;
  /** Requests per second; 0: closed loop. */
  readonly rate: number;
  readonly percentiles: readonly number[];
}

const graceMs = 2000; // replies may come this long after the window

class Generator {
  private readonly job: GeneratorJob;
  private readonly connections: readonly Connection[];
  private readonly start = performance.now();
  private readonly end: number;
  private readonly interval: number;
  private readonly latencies: number[] = [];
  private readonly lags: number[] = [];
  private readonly idle: Connection[] = [];
  private readonly waiting: number[] = []; // due times nobody could be found for yet
  private firstWaiting = 0;
  private sent = 0;
  private answered = 0;
  private failed = 0;
  private lastAnswer = this.start;

  constructor(job: GeneratorJob, connections: readonly Connection[]) {
    this.job = job;
    this.connections = connections;
    this.end = this.start + job.seconds * 1000;
    this.interval = job.rate > 0 ? 1000 / job.rate : 0;
    for (const connection of connections) {
      connection.onReply = (due, ok) => this.answer(connection, due, ok);
      this.idle.push(connection);
    }
  }

  async run(): Promise<void> {
    if (this.job.rate > 0) await this.sendOnSchedule();
    else for (const connection of this.idle.splice(0)) this.send(connection, performance.now());
    const deadline = this.end + graceMs;
    while (this.answered + this.failed < this.sent && performance.now() < deadline) await sleep(5);
    while (performance.now() < this.end) await sleep(5);
    this.chargeUnanswered();
  }

  private async sendOnSchedule(): Promise<void> {
    const total = Math.floor(this.job.seconds * this.job.rate);
    for (let i = 0; i < total; ) {
      const now = performance.now();
      for (; i < total && this.start + i * this.interval <= now; i++) this.due(this.start + i * this.interval, now);
      const gap = this.start + i * this.interval - performance.now();
      // A timer is good to a millisecond only: the last stretch is spun, serving sockets meanwhile.
      await (gap > 2 ? sleep(gap - 1.5) : new Promise(setImmediate));
    }
  }

  private due(at: number, now: number): void {
    const connection = this.idle.pop();
    if (connection === undefined) {
      this.waiting.push(at);
      return;
    }
    this.lags.push(now - at);
    this.send(connection, at);
  }

  private send(connection: Connection, at: number): void {
    this.sent++;
    connection.send(at);
  }

  private answer(connection: Connection, at: number, ok: boolean): void {
    const now = performance.now();
    if (ok) {
      this.answered++;
      this.lastAnswer = now;
      this.latencies.push(now - at);
    } else {
      this.failed++;
    }
    if (!connection.usable) return;
    const next = this.waiting[this.firstWaiting];
    if (next !== undefined) {
      this.firstWaiting++;
      this.send(connection, next);
    } else if (this.job.rate === 0 && now < this.end) {
      this.send(connection, now);
    } else {
      this.idle.push(connection);
    }
  }

  /** Requests that were due and got no reply have failed, and have waited at least until now. */
  private chargeUnanswered(): void {
    const now = performance.now();
    const inFlight = this.connections.flatMap(({ pendingSince }) => (pendingSince === undefined ? [] : [pendingSince]));
    for (const at of [...inFlight, ...this.waiting.slice(this.firstWaiting)]) {
      this.latencies.push(now - at);
      this.failed++;
    }
  }

  result() {
    const seconds = (Math.max(this.lastAnswer, this.start + 1) - this.start) / 1000;
    const { profile, max } = summarize(this.latencies, this.job.percentiles);
    const lag = this.lags.length > 0 ? { lagMicros: summarize(this.lags, [99]).profile[0]?.[1] ?? 0 } : {};
    return { requests: this.answered, seconds, failed: this.failed, profile, maxMicros: max, ...lag };
  }
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

function requestBytes(job: GeneratorJob, url: URL): Buffer {
  const body = readFileSync(job.bodyFile);
  const headers = readFileSync(job.headersFile, "utf8").replaceAll("\n", "\r\n");
  const head = `POST ${url.pathname} HTTP/1.1\r\nhost: ${url.host}\r\n${headers}content-length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head, "latin1"), body]);
}

const job: GeneratorJob = JSON.parse(process.argv[2] ?? "");
const url = new URL(job.url);
const bytes = requestBytes(job, url);
const connections = await Promise.all(
  Array.from({ length: job.connections }, () => Connection.open(url.hostname, Number(url.port), bytes)),
);
const generator = new Generator(job, connections);
await generator.run();
console.log(JSON.stringify(generator.result()));
process.exit(0);

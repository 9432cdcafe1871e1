// SPDX-License-Identifier: Apache-2.0
// One workload on every server, interleaved: round after round each server gets the same short windows while the others
// are paused, so that a slow minute of the machine hits all of them alike.
import { closedLoop, type LoadResult, openLoop, RequestFiles } from "../load/load.js";
import type { BenchModel } from "../models/models.js";
import type { CeilingPoint, ClosedPoint, OpenPoint, Window, WorkloadResult } from "../results.js";
import { type BenchRequest, buildRequest, type Workload } from "../workloads.js";
import { checkReply } from "./check.js";
import { ServerProcess } from "./process.js";
import type { ServerKind } from "./servers.js";
import { inTurn, median, summarizeWindows } from "./summary.js";

export interface CompareOptions {
  readonly rounds: number;
  /** Seconds of one window. */
  readonly seconds: number;
  readonly concurrency: (workload: Workload) => readonly number[];
  /** Measures the bare loop for a share of a round; empty when it could not be built. */
  readonly ceiling: (model: BenchModel, batches: readonly number[]) => Promise<CeilingPoint[]>;
  readonly log: (line: string) => void;
}

const rowsPerRequest = 1;
const openLoopShare = 0.5; // of the throughput the reference peer reached in its closed loop
const referencePeer = "fastify";

export async function compareWorkload(
  workload: Workload,
  model: BenchModel,
  kinds: readonly ServerKind[],
  options: CompareOptions,
): Promise<WorkloadResult> {
  const request = await buildRequest(workload, model);
  const files = new RequestFiles(request);
  const comparison = new Comparison(workload, request, files, options);
  try {
    for (const kind of kinds) await comparison.start(kind, model);
    return await comparison.measure(model);
  } finally {
    await comparison.stop();
    files.dispose();
  }
}

class Comparison {
  private readonly servers = new Map<string, ServerProcess>();
  private readonly ceilings = new Set<string>(); // servers that predict nothing: one window per round is enough
  private readonly left: Record<string, string> = {};
  private readonly closed = new Map<string, { server: string; connections: number; windows: Window[] }>();
  private readonly open = new Map<string, { server: string; rate: number; windows: Window[] }>();
  private readonly ceiling: CeilingPoint[] = [];

  private readonly workload: Workload;
  private readonly request: BenchRequest;
  private readonly files: RequestFiles;
  private readonly options: CompareOptions;

  constructor(workload: Workload, request: BenchRequest, files: RequestFiles, options: CompareOptions) {
    this.workload = workload;
    this.request = request;
    this.files = files;
    this.options = options;
  }

  /** Starts, checks, warms up and pauses one server. One that fails is left out and named. */
  async start(kind: ServerKind, model: BenchModel): Promise<void> {
    let server: ServerProcess | undefined;
    try {
      server = await ServerProcess.start((port) => kind.launch(model, port, this.workload.heavy));
      if (kind.predicts) await checkReply(server.port, this.workload.encoding, this.request);
      await closedLoop(this.url(server), this.files, 8, 1);
      server.pause();
      this.servers.set(kind.id, server);
      if (!kind.predicts) this.ceilings.add(kind.id);
    } catch (error) {
      await server?.stop();
      this.left[kind.id] = (error as Error).message;
      this.options.log(`${kind.title} is left out: ${(error as Error).message}`);
    }
  }

  async measure(model: BenchModel): Promise<WorkloadResult> {
    const { rounds } = this.options;
    for (let round = 0; round < rounds; round++) {
      for (const connections of this.options.concurrency(this.workload)) await this.closedRound(connections, round);
      this.ceiling.push(...(await this.options.ceiling(model, this.workload.ceilingBatches)));
    }
    const rate = this.openLoopRate();
    if (this.workload.openLoop && rate > 0) {
      for (let round = 0; round < rounds; round++) {
        for (const id of this.order(round)) if (!this.ceilings.has(id)) await this.openRound(id, rate, round);
      }
    }
    return this.result();
  }

  async stop(): Promise<void> {
    for (const server of this.servers.values()) await server.stop();
  }

  private order(round: number): string[] {
    return inTurn([...this.servers.keys()], round);
  }

  /** One step of the ladder: what is compared is measured close together. */
  private async closedRound(connections: number, round: number): Promise<void> {
    const load = (url: URL) => closedLoop(url, this.files, connections, this.options.seconds);
    for (const id of this.order(round)) {
      if (this.ceilings.has(id) && connections !== this.workload.headline) continue;
      const window = await this.window(id, load);
      if (window === undefined) continue;
      entry(this.closed, `${id}/${connections}`, () => ({ server: id, connections, windows: [] })).windows.push(window);
      this.progress(round, id, `${connections} connections`, window.load);
    }
  }

  private async openRound(id: string, rate: number, round: number): Promise<void> {
    const window = await this.window(id, (url) => openLoop(url, this.files, rate, this.options.seconds));
    if (window === undefined) return;
    entry(this.open, id, () => ({ server: id, rate, windows: [] })).windows.push(window);
    this.progress(round, id, `${rate} requests/s due`, window.load);
  }

  /** A server that fails under load is left out from here on. */
  private async window(id: string, load: (url: URL) => Promise<LoadResult>): Promise<Window | undefined> {
    const server = this.servers.get(id);
    if (server === undefined) return undefined;
    server.resume();
    try {
      await server.resetLoopDelay();
      const window = await server.meter(() => load(this.url(server)));
      const loopDelay = await server.loopDelay();
      return { ...window, ...(loopDelay ? { loopDelay } : {}) };
    } catch (error) {
      this.left[id] = (error as Error).message;
      this.options.log(`${id} is left out from here on: ${(error as Error).message}`);
      this.servers.delete(id);
      await server.stop();
      return undefined;
    } finally {
      server.pause();
    }
  }

  private openLoopRate(): number {
    const rates = [...this.closed.values()]
      .filter(({ server }) => server === referencePeer)
      .map(({ windows }) => summarizeWindows(referencePeer, windows, rowsPerRequest).requestsPerSecond);
    return rates.length === 0 ? 0 : Math.floor(openLoopShare * Math.max(...rates));
  }

  private progress(round: number, id: string, what: string, load: LoadResult): void {
    const rate = Math.round(load.requests / load.seconds);
    const where = `${this.workload.id}, round ${round + 1} of ${this.options.rounds}`;
    const failed = load.failed > 0 ? `, ${load.failed} failed` : "";
    this.options.log(`${where}: ${id}, ${what}: ${rate} requests/s${failed}`);
  }

  private url(server: ServerProcess): URL {
    return new URL(this.request.path, `http://127.0.0.1:${server.port}`);
  }

  private result(): WorkloadResult {
    const { id, title, headline } = this.workload;
    const closed = [...this.closed.values()].map(
      ({ server, connections, windows }): ClosedPoint => ({
        ...summarizeWindows(server, windows, rowsPerRequest),
        connections,
      }),
    );
    const open = [...this.open.values()].map(
      ({ server, rate, windows }): OpenPoint => ({ ...summarizeWindows(server, windows, rowsPerRequest), rate }),
    );
    const requestBytes = this.request.body.length;
    return { id, title, requestBytes, headline, closed, open, ceiling: mediansOf(this.ceiling), left: this.left };
  }
}

function entry<T>(map: Map<string, T>, key: string, create: () => T): T {
  const value = map.get(key) ?? create();
  map.set(key, value);
  return value;
}

/** The median over the rounds of each combination of batch and threads. */
function mediansOf(points: readonly CeilingPoint[]): CeilingPoint[] {
  const groups = new Map<string, CeilingPoint[]>();
  for (const point of points) entry(groups, `${point.batch}/${point.threads}`, () => [] as CeilingPoint[]).push(point);
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const runsPerSecond = median(group.map((point) => point.runsPerSecond));
    return [{ ...first, runsPerSecond, rowsPerSecond: runsPerSecond * first.batch }];
  });
}

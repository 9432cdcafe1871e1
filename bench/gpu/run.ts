// SPDX-License-Identifier: Apache-2.0
// `npm run bench -- --gpu`: rows per second and latencies on a GPU, over HTTP and embedded, beside the bare loop; then what CUDA
// graphs and byte inputs change.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { devices } from "../../src/runtime/devices.js";
import { commit, describeMachine } from "../machine.js";
import { buildNative } from "../native.js";
import { resultFile, root, runProgram, writeResult } from "../program.js";
import { Progress } from "../progress.js";
import type { Table } from "../report/tables.js";
import { textTable } from "../report/text.js";
import { type GpuNetwork, prepareNetworks } from "./networks.js";
import { type GpuBenchOptions, parseOptions, usage } from "./options.js";
import { bareLoop, embedded, overHttp, type Point, type Setting } from "./subject.js";

const progress = new Progress();

/** One batch size; `share`: of the bare loop's rows per second. */
interface Row {
  readonly batch: number;
  readonly bare: Point | undefined;
  readonly embedded: Point;
  readonly http: Point;
}

interface NetworkResult {
  readonly network: string;
  readonly rows: readonly Row[];
}

/** The same calls before and after a change. */
interface Change {
  readonly what: string;
  readonly network: string;
  readonly batch: number;
  readonly before: Point;
  readonly after: Point;
}

class GpuBench {
  private readonly folder = join(root, "build", "gpu-bench");
  private readonly options: GpuBenchOptions;
  private readonly bare: boolean;

  constructor(options: GpuBenchOptions) {
    this.options = options;
    mkdirSync(this.folder, { recursive: true });
    const complaint = buildNative(progress.log, ["device_loop"]);
    if (complaint !== undefined) progress.log(`the bare loop is left out: ${complaint}`);
    this.bare = complaint === undefined;
  }

  async measure() {
    const { dry, architectures, precisions } = this.options;
    const folder = join(root, "build", "gpu-networks");
    const networks = await prepareNetworks({ folder, dry, architectures, precisions, log: progress.log });
    const usable = networks.filter(({ precision }) => precision !== "int8" || this.options.provider !== "cuda");
    const results: NetworkResult[] = [];
    for (const network of usable) results.push({ network: network.name, rows: await this.compare(network) });
    const changes = [...(await this.graphs(usable)), ...this.bytes(results)];
    return { results, changes };
  }

  private setting(network: GpuNetwork, options: Readonly<Record<string, boolean>> = {}): Setting {
    const { provider, seconds, batches } = this.options;
    return { network, provider, options, seconds, maxRows: Math.max(...batches), folder: this.folder };
  }

  private async compare(network: GpuNetwork): Promise<Row[]> {
    const { batches } = this.options;
    const setting = this.setting(network);
    progress.log(`${network.name}: bare loop`);
    const bare = this.bare ? await bareLoop(setting, batches) : new Map<number, Point>();
    progress.log(`${network.name}: embedded`);
    const own = await embedded(setting, batches);
    progress.log(`${network.name}: HTTP`);
    const http = await overHttp(setting, batches);
    return batches.map((batch) => ({
      batch,
      bare: bare.get(batch),
      embedded: own.get(batch) as Point,
      http: http.get(batch) as Point,
    }));
  }

  /** Small batches, whose kernels take less time to run than to launch. */
  private async graphs(networks: readonly GpuNetwork[]): Promise<Change[]> {
    const batches = this.options.batches.filter((rows) => rows <= 8);
    const key = this.options.provider === "tensorrt" ? "trt_cuda_graph_enable" : "enable_cuda_graph";
    const changes: Change[] = [];
    for (const network of networks.filter(({ precision }) => precision !== "u8")) {
      progress.log(`${network.name}: CUDA graphs`);
      const [before, after] = [this.setting(network), this.setting(network, { [key]: true })];
      const small = { maxRows: Math.max(...batches) };
      const plain = await embedded({ ...before, ...small }, batches);
      const captured = await embedded({ ...after, ...small }, batches);
      for (const batch of batches) {
        const pair = { before: plain.get(batch) as Point, after: captured.get(batch) as Point };
        changes.push({ what: "CUDA graphs", network: network.name, batch, ...pair });
      }
    }
    return changes;
  }

  /** From what was measured over HTTP. */
  private bytes(results: readonly NetworkResult[]): Change[] {
    const of = (name: string) => results.find(({ network }) => network === name)?.rows ?? [];
    return this.options.architectures.flatMap((architecture) => {
      const after = of(`${architecture}-u8`);
      return of(`${architecture}-fp32`).flatMap(({ batch, http }) => {
        const bytes = after.find((row) => row.batch === batch);
        return bytes ? [{ what: "UINT8 input", network: architecture, batch, before: http, after: bytes.http }] : [];
      });
    });
  }
}

const whole = (value: number) => Math.round(value).toLocaleString("en");
const times = (point: Point) => `${whole(point.p50Micros)} / ${whole(point.p99Micros)}`;

function networkTable({ network, rows }: NetworkResult, provider: string): Table {
  return {
    title: `${network} on ${provider}: rows/s, and p50 / p99 of a request in µs`,
    header: ["batch", "bare loop", "", "embedded", "", "of bare", "HTTP", "", "of bare"],
    rows: rows.map(({ batch, bare, embedded: own, http }) => {
      const share = (point: Point) => (bare ? `${Math.round((100 * point.rowsPerSecond) / bare.rowsPerSecond)} %` : "");
      const [first, second] = bare ? [whole(bare.rowsPerSecond), times(bare)] : ["", ""];
      const ours = (point: Point) => [whole(point.rowsPerSecond), times(point), share(point)];
      return [String(batch), first, second, ...ours(own), ...ours(http)];
    }),
  };
}

function changeTable(changes: readonly Change[]): Table {
  return {
    title: "before and after: rows/s, and p50 / p99 in µs",
    header: ["change", "network", "batch", "before", "", "after", "", "ratio"],
    rows: changes.map(({ what, network, batch, before, after }) => {
      const ratio = (after.rowsPerSecond / before.rowsPerSecond).toFixed(2);
      const both = [whole(before.rowsPerSecond), times(before), whole(after.rowsPerSecond), times(after)];
      return [what, network, String(batch), ...both, ratio];
    }),
  };
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (options === "help") {
    console.log(usage);
    return;
  }
  const { results, changes } = await new GpuBench(options).measure();
  progress.end();
  console.log();
  for (const result of results) console.log(textTable(networkTable(result, options.provider)));
  console.log(textTable(changeTable(changes)));
  const { gpus, driver } = devices();
  const about = { date: new Date().toISOString(), commit: commit(), machine: describeMachine(), gpus, driver, options };
  const text = `${JSON.stringify({ ...about, results, changes }, undefined, 1)}\n`;
  writeResult(resultFile(about.date, ".json", "gpu-"), text);
}

await runProgram(progress, main);

// SPDX-License-Identifier: Apache-2.0
// `npm run bench`: everything in one run, interleaved, then the reports.
import { readFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { compareWorkload } from "./compare/compare.js";
import { type ServerKind, serverKinds } from "./compare/servers.js";
import { measureCopies } from "./copies.js";
import { type Feature, features } from "./features/features.js";
import { measureFeature } from "./features/measure.js";
import { judgeGoals } from "./goals.js";
import { commit, describeMachine } from "./machine.js";
import { decodeBench } from "./micro/decode.bench.js";
import { encodeBench } from "./micro/encode.bench.js";
import { runBench } from "./micro/run.bench.js";
import { submitBench } from "./micro/submit.bench.js";
import { prepareModel } from "./models/models.js";
import { buildNative, coreBench, ortLoop } from "./native.js";
import { type BenchOptions, parseOptions, usage } from "./options.js";
import { resultFile, root, runProgram, writeResult } from "./program.js";
import { Progress } from "./progress.js";
import { htmlReport } from "./report/html.js";
import { markdownReport } from "./report/markdown.js";
import { withNumbers } from "./report/readme.js";
import {
  copyTable,
  featureTable,
  goalTable,
  headlineTable,
  microTables,
  openLoopTable,
  type Table,
} from "./report/tables.js";
import { textTable } from "./report/text.js";
import type { BenchResults, CopyResult, FeatureResult, MicroResult, WorkloadResult } from "./results.js";
import { type Workload, workloads } from "./workloads.js";

const progress = new Progress();
const busyLoad = 0.5; // other programs take a core half of the time: ratios suffer, worst for servers that use every core

class BenchRun {
  private readonly options: BenchOptions;
  private readonly notes: string[] = [];
  private readonly started = performance.now();
  private nativeBuilt = false;

  constructor(options: BenchOptions) {
    this.options = options;
  }

  async measure(): Promise<BenchResults> {
    const busy = loadavg()[0] ?? 0;
    if (busy > busyLoad) this.note(`the machine was busy before the run began: load average ${busy.toFixed(1)}`);
    const complaint = buildNative(progress.log);
    this.nativeBuilt = complaint === undefined;
    if (complaint !== undefined) this.note(`the native benchmarks are left out: ${complaint}`);
    const kinds = serverKinds.filter((kind) => this.options.servers.includes(kind.id) && this.canRun(kind));
    const compared: WorkloadResult[] = [];
    for (const workload of workloads.filter(({ id }) => this.options.workloads.includes(id))) {
      const result = await this.compare(workload, kinds);
      if (result !== undefined) compared.push(result);
    }
    const featureResults: FeatureResult[] = [];
    for (const feature of features.filter(({ id }) => this.options.features.includes(id))) {
      const result = await this.attempt(feature.id, () => this.feature(feature), undefined);
      if (result !== undefined) featureResults.push(result);
    }
    const micro = await this.pieces();
    const copies = await this.attempt("the copy counts", measureCopies, [] as CopyResult[]);
    return {
      schema: 1,
      date: new Date().toISOString(),
      command: ["npm run bench", ...(process.argv.length > 2 ? ["--", ...process.argv.slice(2)] : [])].join(" "),
      commit: commit(),
      seconds: (performance.now() - this.started) / 1000,
      machine: describeMachine(),
      workloads: compared,
      features: featureResults,
      micro,
      copies,
      goals: judgeGoals(compared, featureResults, copies),
      notes: this.notes,
    };
  }

  private async compare(workload: Workload, kinds: readonly ServerKind[]): Promise<WorkloadResult | undefined> {
    const model = await prepareModel(workload.model);
    if (model === undefined) {
      this.note(`workload ${workload.id} is left out: there is no model models/${workload.model}`);
      return undefined;
    }
    const { rounds, duration, quick } = this.options;
    return compareWorkload(workload, model, kinds, {
      ...{ rounds, seconds: duration, log: progress.log },
      concurrency: quick ? ({ headline }) => [1, headline] : ({ concurrency }) => concurrency,
      ceiling: async (of, batches) => (this.nativeBuilt ? ortLoop(of, batches, duration) : []),
    });
  }

  private async feature(feature: Feature): Promise<FeatureResult | undefined> {
    const model = await prepareModel(feature.model);
    const { rounds, duration } = this.options;
    return model && measureFeature(feature, model, { rounds: rounds * duration, log: progress.log });
  }

  private async pieces(): Promise<MicroResult[]> {
    const milliseconds = this.options.quick ? 200 : 500;
    const none: MicroResult[] = [];
    const native = this.nativeBuilt ? await this.attempt("core_bench", coreBench, none) : none;
    const decode = await this.attempt("decode", () => decodeBench(milliseconds), none);
    const encode = await this.attempt("encode", () => encodeBench(milliseconds), none);
    const run = await this.attempt("run", () => runBench(milliseconds), none);
    const submit = await this.attempt("submit", () => submitBench(milliseconds), none);
    return [...native, ...decode, ...encode, ...run, ...submit];
  }

  /** A part that cannot run here is noted in the report; the others go on. */
  private async attempt<T>(what: string, part: () => Promise<T>, otherwise: T): Promise<T> {
    progress.log(`Measuring ${what} ...`);
    try {
      return await part();
    } catch (error) {
      this.note(`${what} could not be measured: ${(error as Error).message}`);
      return otherwise;
    }
  }

  private canRun(kind: ServerKind): boolean {
    const why = kind.missing(progress.log);
    if (why !== undefined) this.note(`${kind.title} is left out: ${why}`);
    return why === undefined;
  }

  private note(text: string): void {
    this.notes.push(text.slice(0, 400));
    progress.log(text);
  }
}

function printResults(results: BenchResults): void {
  const tables: (Table | undefined)[] = [
    ...microTables(results),
    copyTable(results),
    ...results.workloads.flatMap((workload) => [headlineTable(workload), openLoopTable(workload)]),
    ...results.features.map(featureTable),
    goalTable(results.goals),
  ];
  console.log();
  for (const table of tables) if (table !== undefined && table.rows.length > 0) console.log(textTable(table));
}

function writeReports(results: BenchResults, full: boolean): void {
  writeResult(resultFile(results.date, ".json"), `${JSON.stringify(results, undefined, 1)}\n`);
  writeResult(resultFile(results.date, ".html"), htmlReport(results));
  if (!full) return;
  const readme = join(root, "README.md");
  writeResult(join(root, "docs", "benchmarks.md"), markdownReport(results));
  writeResult(readme, withNumbers(readFileSync(readme, "utf8"), results));
}

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  if (options === "help") {
    console.log(usage);
    return;
  }
  const results = await new BenchRun(options).measure();
  progress.end();
  printResults(results);
  writeReports(results, options.full);
}

await runProgram(progress, main);

// SPDX-License-Identifier: Apache-2.0
// The results as tables of text, the same for the terminal, the HTML report and docs/benchmarks.md.
import { serverKinds } from "../compare/servers.js";
import type {
  BenchResults,
  ClosedPoint,
  FeatureResult,
  Goal,
  Measured,
  OpenPoint,
  WorkloadResult,
} from "../results.js";

export interface Table {
  readonly title: string;
  readonly header: readonly string[];
  /** First column left-aligned, the others right. */
  readonly rows: readonly (readonly string[])[];
}

export const serverTitle = (id: string) => serverKinds.find((kind) => kind.id === id)?.title ?? id;

export function goalTable(goals: readonly Goal[]): Table {
  const rows = goals.map(({ text, target, measured, unit, passed }) => [
    text,
    withUnit(target, unit),
    measured === undefined ? "not measured" : withUnit(measured, unit),
    passed === undefined ? "-" : passed ? "pass" : "MISS",
  ]);
  return { title: "Goals", header: ["goal", "target", "measured", ""], rows };
}

/** One row per server at the headline concurrency, then the bare loop. */
export function headlineTable(workload: WorkloadResult): Table {
  const points = workload.closed.filter((point) => point.connections === workload.headline);
  const base = points.find((point) => point.server === "fastify")?.requestsPerSecond;
  const ceiling = [...workload.ceiling].sort((a, b) => b.rowsPerSecond - a.rowsPerSecond)[0];
  const rows = points.map((point) => [serverTitle(point.server), ...measuredCells(point), ratio(point, base)]);
  if (ceiling !== undefined) rows.push(ceilingRow(ceiling, base));
  const title = `${workload.id}: ${workload.title} (${bytes(workload.requestBytes)}), ${workload.headline} connections`;
  return { title, header: ["server", ...measuredHeader, "vs Fastify"], rows };
}

/** Requests/s, p50 and p99 of every server at every step of the ladder. */
export function ladderTable(workload: WorkloadResult): Table {
  const steps = [...new Set(workload.closed.map((point) => point.connections))].sort((a, b) => a - b);
  const servers = [...new Set(workload.closed.map((point) => point.server))];
  const rows = servers.map((server) => [
    serverTitle(server),
    ...steps.map((step) => {
      const point = workload.closed.find((each) => each.server === server && each.connections === step);
      return point === undefined ? "-" : `${count(point.requestsPerSecond)} / ${time(point.p50)} / ${time(point.p99)}`;
    }),
  ]);
  const title = `${workload.id}: requests/s / p50 / p99 by connections`;
  return { title, header: ["server", ...steps.map(String)], rows };
}

export function openLoopTable(workload: WorkloadResult): Table | undefined {
  const rate = workload.open[0]?.rate;
  if (rate === undefined) return undefined;
  const rows = workload.open.map((point) => [serverTitle(point.server), ...measuredCells(point), lag(point)]);
  const title = `${workload.id}: open loop, ${count(rate)} requests/s due, latency from the due time`;
  return { title, header: ["server", ...measuredHeader, "sender's lag p99"], rows };
}

/** One row per variant; the first one is what the others are compared with. */
export function featureTable(feature: FeatureResult): Table {
  const base = feature.points[0]?.requestsPerSecond ?? Number.NaN;
  const rows = feature.points.map((point) => [
    point.reloads > 0 ? `${point.title} (${point.reloads} of them)` : point.title,
    ...measuredCells(point).filter((_, i) => measuredHeader[i] !== "loop delay p99"),
    `${(point.requestsPerSecond / base).toFixed(2)}x`,
  ]);
  const header = ["variant", ...measuredHeader.filter((name) => name !== "loop delay p99"), "vs first"];
  return { title: `${feature.id}: ${feature.title}, ${feature.connections} connections`, header, rows };
}

export function microTables(results: BenchResults): Table[] {
  const pieces = [...new Set(results.micro.map(({ piece }) => piece))];
  return pieces.map((piece) => {
    const own = results.micro.filter((result) => result.piece === piece);
    const names = [...new Set(own.map(({ name }) => name))];
    const cell = (name: string, side: string) => {
      const found = own.find((result) => result.name === name && result.side === side);
      return found === undefined ? "-" : `${nanoseconds(found.nanoseconds)} / ${found.per}`;
    };
    const rows = names.map((name) => [name, cell(name, "native"), cell(name, "js")]);
    return { title: `Piece: ${piece}`, header: ["", "core (C++)", "JavaScript"], rows };
  });
}

export function copyTable(results: BenchResults): Table {
  const rows = results.copies.map((copy) => [
    copy.path,
    bytes(copy.payloadIn),
    times(copy.copiedIn, copy.payloadIn),
    bytes(copy.payloadOut),
    times(copy.copiedOut, copy.payloadOut),
  ]);
  const header = ["path", "payload in", "copied", "payload out", "copied"];
  return { title: "Payload bytes copied by the core, per request", header, rows };
}

const measuredHeader = [
  "requests/s",
  "p50",
  "p90",
  "p99",
  "p99.9",
  "CPU per request",
  "RSS",
  "loop delay p99",
  "failed",
];

function measuredCells(point: Measured): string[] {
  const latencies = [point.p50, point.p90, point.p99, point.p999].map(time);
  const delay = point.loopDelayMs === undefined ? "-" : `${point.loopDelayMs.toFixed(1)} ms`;
  const cpu = time(point.cpuMicrosPerRequest);
  const rss = `${Math.round(point.rssMiB)} MiB`;
  return [count(point.requestsPerSecond), ...latencies, cpu, rss, delay, String(point.failed)];
}

function ceilingRow(point: WorkloadResult["ceiling"][number], base: number | undefined): string[] {
  const name = `bare ORT loop, rows/s (batch ${point.batch}, ${point.threads} threads)`;
  const blanks = measuredHeader.slice(1).map(() => "-");
  return [name, count(point.rowsPerSecond), ...blanks, base ? `${(point.rowsPerSecond / base).toFixed(1)}x` : "-"];
}

const ratio = (point: ClosedPoint, base: number | undefined) =>
  base === undefined ? "-" : `${(point.requestsPerSecond / base).toFixed(2)}x`;

const lag = (point: OpenPoint) => (point.lagMicros === undefined ? "-" : time(point.lagMicros));

export function count(value: number): string {
  return value >= 100 ? Math.round(value).toLocaleString("en-US") : value.toFixed(1);
}

/** Microseconds as text. */
export function time(micros: number): string {
  if (!Number.isFinite(micros)) return "-";
  if (micros < 1000) return `${micros < 10 ? micros.toFixed(1) : Math.round(micros)} µs`;
  return micros < 1e6 ? `${(micros / 1000).toFixed(micros < 1e4 ? 2 : 1)} ms` : `${(micros / 1e6).toFixed(2)} s`;
}

function nanoseconds(value: number): string {
  return value < 1000 ? `${value.toFixed(value < 10 ? 2 : 0)} ns` : time(value / 1000);
}

function bytes(value: number): string {
  if (value < 10_000) return `${value} B`;
  return value < 1e6 ? `${Math.round(value / 1000)} kB` : `${(value / 1e6).toFixed(1)} MB`;
}

const times = (copied: number, payload: number) => `${(copied / payload).toFixed(2)}x`;

const withUnit = (value: number, unit: string) => `${value.toFixed(Number.isInteger(value) ? 0 : 2)} ${unit}`.trim();

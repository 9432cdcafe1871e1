// SPDX-License-Identifier: Apache-2.0
// One network on one provider, asked in three ways: by the bare loop, by an embedding program, over HTTP.
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "yaml";
import { Model, Tensor } from "../../src/index.js";
import type { ModelOptions } from "../../src/runtime/model-options.js";
import { ServerProcess } from "../compare/process.js";
import { launchOrtserve } from "../compare/servers.js";
import { closedLoop, RequestFiles } from "../load/load.js";
import { type DevicePoint, deviceLoop } from "../native.js";
import { binaryRequest } from "../workloads.js";
import { type GpuNetwork, rowsOf } from "./networks.js";
import type { BenchProvider } from "./options.js";

export interface Point {
  readonly rowsPerSecond: number;
  readonly p50Micros: number;
  readonly p99Micros: number;
}

export interface Setting {
  readonly network: GpuNetwork;
  readonly provider: BenchProvider;
  /** Of the provider, beyond those of the precision. */
  readonly options: Readonly<Record<string, boolean>>;
  readonly maxRows: number;
  readonly seconds: number;
  /** Where servers get their repository, and engines are kept. */
  readonly folder: string;
}

/** Runs in flight: one copies while the other computes. */
const callers = 2;

const precisionOptions: Partial<Record<GpuNetwork["precision"], Record<string, boolean>>> = {
  fp16: { trt_fp16_enable: true },
  int8: { trt_int8_enable: true },
};

function providerOptions({ provider, network, options }: Setting): Record<string, boolean> {
  return provider === "tensorrt" ? { ...precisionOptions[network.precision], ...options } : { ...options };
}

function capturesGraphs({ options }: Setting): boolean {
  return options.enable_cuda_graph === true || options.trt_cuda_graph_enable === true;
}

/** A dry run takes the paths of a device on the CPU. */
function sessionOptions(setting: Setting): Record<string, string> {
  if (setting.provider !== "cpu") return {};
  return { "ortserve.device_path": capturesGraphs(setting) ? "fixed" : "bound" };
}

function providersOf(setting: Setting) {
  if (setting.provider === "cpu") return ["cpu"];
  return [{ name: setting.provider, options: providerOptions(setting), required: true }];
}

/** The best of one caller and of several. */
export async function bareLoop(setting: Setting, batches: readonly number[]): Promise<Map<number, Point>> {
  const { network, provider, seconds, maxRows, folder } = setting;
  const shape = (rows: number) => `x:${[rows, ...network.rowShape].join("x")}`;
  const profile = {
    trt_profile_min_shapes: shape(1),
    trt_profile_opt_shapes: shape(maxRows),
    trt_profile_max_shapes: shape(maxRows),
    trt_engine_cache_enable: "1",
    trt_engine_cache_path: join(folder, "bare-engines"),
  };
  const given = Object.entries(providerOptions({ ...setting, options: {} })).map(([key, value]) => [
    key,
    value ? "1" : "0",
  ]);
  const options = provider === "tensorrt" ? { ...profile, ...Object.fromEntries(given) } : Object.fromEntries(given);
  const points = await deviceLoop({ model: network.file, provider, options, seconds, batches, callers: [1, callers] });
  const best = new Map<number, DevicePoint>();
  for (const point of points) {
    if (point.rowsPerSecond > (best.get(point.batch)?.rowsPerSecond ?? 0)) best.set(point.batch, point);
  }
  return best;
}

/** Calls of `rows` rows each by a program that embeds ortserve. */
export async function embedded(setting: Setting, batches: readonly number[]): Promise<Map<number, Point>> {
  const options: ModelOptions = {
    providers: providersOf(setting),
    sessionOptions: sessionOptions(setting),
    maxBatchRows: setting.maxRows,
    engine: { engineCache: join(setting.folder, "engines") },
    ...(capturesGraphs(setting) && { padTo: [...batches].sort((a, b) => a - b) }),
  };
  const model = await Model.load(setting.network.file, options);
  try {
    const points = new Map<number, Point>();
    for (const rows of batches) points.set(rows, await callLoop(model, setting, rows));
    return points;
  } finally {
    await model.close();
  }
}

async function callLoop(model: Model, { network, seconds }: Setting, rows: number): Promise<Point> {
  const input = new Tensor(network.datatype, rowsOf(network, rows), [rows, ...network.rowShape]);
  const micros: number[] = [];
  await model.predict(input);
  const started = performance.now();
  const end = started + seconds * 1000;
  const lane = async () => {
    while (performance.now() < end) {
      const asked = performance.now();
      await model.predict(input);
      micros.push((performance.now() - asked) * 1000);
    }
  };
  await Promise.all(Array.from({ length: callers }, lane));
  const elapsed = (performance.now() - started) / 1000;
  micros.sort((a, b) => a - b);
  const at = (share: number) => micros[Math.min(micros.length - 1, Math.floor(share * micros.length))] ?? 0;
  return { rowsPerSecond: (micros.length * rows) / elapsed, p50Micros: at(0.5), p99Micros: at(0.99) };
}

/** Binary requests of `rows` rows each to a server of its own. */
export async function overHttp(setting: Setting, batches: readonly number[]): Promise<Map<number, Point>> {
  const repository = join(setting.folder, "repository");
  writeRepository(repository, setting);
  const flags = ["--engine-cache", join(setting.folder, "engines"), "--body-limit", "256m"];
  const server = await ServerProcess.start((port) => launchOrtserve(repository, port, flags));
  try {
    const base = `http://127.0.0.1:${server.port}`;
    await untilReady(base);
    const points = new Map<number, Point>();
    for (const rows of batches) points.set(rows, await httpLoop(base, setting, rows));
    return points;
  } finally {
    await server.stop();
  }
}

function writeRepository(repository: string, setting: Setting): void {
  rmSync(repository, { recursive: true, force: true });
  mkdirSync(join(repository, "net", "1"), { recursive: true });
  symlinkSync(setting.network.file, join(repository, "net", "1", "model.onnx"));
  const config = {
    providers: providersOf(setting),
    session_options: sessionOptions(setting),
    max_batch_rows: setting.maxRows,
  };
  writeFileSync(join(repository, "net", "config.yaml"), stringify(config));
}

/** Engines take minutes. */
async function untilReady(base: string): Promise<void> {
  const deadline = performance.now() + 30 * 60_000;
  for (;;) {
    const reply = await fetch(`${base}/v2/models/net/ready`).catch(() => undefined);
    if (reply?.ok) return;
    if (reply === undefined || performance.now() > deadline) throw new Error("the server's model did not become ready");
    await reply.arrayBuffer();
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

async function httpLoop(base: string, { network, seconds }: Setting, rows: number): Promise<Point> {
  const data = rowsOf(network, rows);
  const input = { name: "x", shape: [rows, ...network.rowShape], datatype: network.datatype };
  const request = binaryRequest("net", input, data, "y");
  const files = new RequestFiles({ ...request, expected: new Float32Array() });
  try {
    const load = await closedLoop(new URL(`${base}${request.path}`), files, callers, seconds);
    if (load.failed > 0) throw new Error(`${load.failed} of ${load.requests} requests failed`);
    const at = (wanted: number) => load.profile.find(([percentile]) => percentile === wanted)?.[1] ?? 0;
    return { rowsPerSecond: (load.requests * rows) / load.seconds, p50Micros: at(50), p99Micros: at(99) };
  } finally {
    files.dispose();
  }
}

// SPDX-License-Identifier: Apache-2.0
// Builds and runs the native benchmark programs of bench/native.
import { execFile, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { ortLibraryPath } from "../src/native/ort-library.js";
import type { BenchModel } from "./models/models.js";
import type { CeilingPoint, MicroResult } from "./results.js";

const run = promisify(execFile);
const root = join(import.meta.dirname, "..");
const buildFolder = join(import.meta.dirname, ".build");

/** Undefined when the programs are there afterwards, else why not. */
export function buildNative(
  log: (line: string) => void,
  targets: readonly string[] = ["core_bench", "ort_loop"],
): string | undefined {
  log("Building bench/native (CMake, Release) ...");
  const configure = ["-S", root, "-B", buildFolder, "-DCMAKE_BUILD_TYPE=Release"];
  const options = ["-DORTSERVE_BENCH=ON", "-DORTSERVE_ADDON=OFF"];
  const build = ["--build", buildFolder, "--config", "Release", "--parallel", String(availableParallelism())];
  for (const args of [
    [...configure, ...options],
    [...build, "--target", ...targets],
  ]) {
    const result = spawnSync("cmake", args, { encoding: "utf8" });
    if (result.error !== undefined) return `cmake does not run: ${result.error.message}`;
    if (result.status !== 0) return `cmake failed: ${firstError(result.stdout + result.stderr)}`;
  }
  return undefined;
}

/** Times the core's pieces one by one. */
export async function coreBench(): Promise<MicroResult[]> {
  const { stdout } = await run(program("core_bench"), [], { maxBuffer: 1 << 20 });
  return jsonLines<Omit<MicroResult, "side">>(stdout).map((result) => ({ ...result, side: "native" }));
}

/** Runs the bare ONNX Runtime loop on 1 .. cores threads for `seconds` in all. */
export async function ortLoop(model: BenchModel, batches: readonly number[], seconds: number): Promise<CeilingPoint[]> {
  const threads = Array.from(new Set([1, availableParallelism()]));
  const each = seconds / (batches.length * threads.length);
  const args = [ortLibraryPath(), model.file, String(each), batches.join(","), threads.join(",")];
  const { stdout } = await run(program("ort_loop"), args);
  return jsonLines<CeilingPoint>(stdout);
}

/** One batch size with one number of callers of the bare loop with IoBinding. */
export interface DevicePoint {
  readonly batch: number;
  readonly callers: number;
  readonly rowsPerSecond: number;
  readonly p50Micros: number;
  readonly p99Micros: number;
}

export interface DeviceLoop {
  readonly model: string;
  readonly provider: string;
  readonly options: Readonly<Record<string, string>>;
  /** Of each combination. */
  readonly seconds: number;
  readonly batches: readonly number[];
  readonly callers: readonly number[];
}

/** Runs the bare loop on a device, where inputs and outputs are bound. */
export async function deviceLoop({ model, provider, options, seconds, batches, callers }: DeviceLoop) {
  const pairs = Object.entries(options).map(([key, value]) => `${key}=${value}`);
  const args = [ortLibraryPath(), model, String(seconds), batches.join(","), callers.join(","), provider, ...pairs];
  const { stdout } = await run(program("device_loop"), args);
  return jsonLines<DevicePoint>(stdout);
}

function firstError(output: string): string {
  return output.split("\n").find((line) => /error|undefined reference/i.test(line)) ?? output.slice(-400);
}

function program(name: string): string {
  const folders = [join(buildFolder, "bench", "native"), join(buildFolder, "bench", "native", "Release")];
  const files = folders.flatMap((folder) => [join(folder, name), join(folder, `${name}.exe`)]);
  const found = files.find((file) => existsSync(file));
  if (found === undefined) throw new Error(`${name} is not built`);
  return found;
}

function jsonLines<T>(text: string): T[] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line));
}

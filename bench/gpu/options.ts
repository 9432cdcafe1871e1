// SPDX-License-Identifier: Apache-2.0
import { parseArgs } from "node:util";
import { devices } from "../../src/runtime/devices.js";
import { type Architecture, architectures, type Precision, precisions } from "./networks.js";

export type BenchProvider = "cuda" | "tensorrt" | "cpu";

export interface GpuBenchOptions {
  /** On the CPU with small networks: proves that everything runs, says nothing of speed. */
  readonly dry: boolean;
  readonly provider: BenchProvider;
  readonly architectures: readonly Architecture[];
  readonly precisions: readonly Precision[];
  /** Rows of one request. */
  readonly batches: readonly number[];
  /** Of one window. */
  readonly seconds: number;
}

export const usage = `npm run bench -- --gpu [options]
  --dry              on the CPU, with small networks and short windows
  --provider NAME    cuda or tensorrt (default: tensorrt where it can be used)
  --networks LIST    ${architectures.join(", ")}
  --precisions LIST  ${precisions.join(", ")}
  --batches LIST     rows of one request (default 1,2,4,8,16,32,64,128)
  --seconds S        of one window (default 3)`;

/** Throws an Error that says what was expected. */
export function parseOptions(args: readonly string[]): GpuBenchOptions | "help" {
  const text = { type: "string" } as const;
  const flag = { type: "boolean", default: false } as const;
  const options = {
    dry: flag,
    help: flag,
    provider: text,
    networks: text,
    precisions: text,
    batches: text,
    seconds: text,
  };
  const { values } = parseArgs({ args: [...args], options });
  if (values.help) return "help";
  const { dry } = values;
  const seconds = Number(values.seconds ?? (dry ? 0.2 : 3));
  if (!(seconds > 0)) throw new Error(`--seconds: expected a number above 0, got '${values.seconds}'`);
  const batches = (values.batches ?? (dry ? "1,4" : "1,2,4,8,16,32,64,128")).split(",").map(Number);
  if (!batches.every((rows) => Number.isInteger(rows) && rows >= 1))
    throw new Error(`--batches: expected row counts, got '${values.batches}'`);
  return {
    dry,
    provider: dry ? "cpu" : usableProvider(values.provider),
    architectures: chosen("--networks", values.networks ?? (dry ? "mobilenetv2" : undefined), architectures),
    precisions: chosen("--precisions", values.precisions, precisions),
    batches,
    seconds,
  };
}

function chosen<T extends string>(option: string, text: string | undefined, known: readonly T[]): readonly T[] {
  if (text === undefined) return known;
  const names = text.split(",");
  const stranger = names.find((name) => !(known as readonly string[]).includes(name));
  if (stranger !== undefined)
    throw new Error(`${option}: expected names out of ${known.join(", ")}, got '${stranger}'`);
  return names as T[];
}

/** Throws an Error with what the machine lacks. */
function usableProvider(wanted: string | undefined): BenchProvider {
  const { providers } = devices();
  const candidates = wanted === undefined ? ["tensorrt", "cuda"] : [wanted];
  for (const name of candidates) {
    if (name !== "tensorrt" && name !== "cuda") throw new Error(`--provider: expected cuda or tensorrt, got '${name}'`);
    if (providers.find((provider) => provider.name === name)?.usable) return name;
  }
  const faults = providers.flatMap(({ name, faults }) =>
    candidates.includes(name) ? faults.map(({ what }) => `${name}: ${what}`) : [],
  );
  throw new Error(`no GPU can be used here (--dry needs none):\n  ${faults.join("\n  ")}`);
}

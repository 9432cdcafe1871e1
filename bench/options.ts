// SPDX-License-Identifier: Apache-2.0
import { parseArgs } from "node:util";
import { serverKinds } from "./compare/servers.js";
import { features } from "./features/features.js";
import { workloads } from "./workloads.js";

export interface BenchOptions {
  readonly quick: boolean;
  readonly workloads: readonly string[];
  readonly features: readonly string[];
  readonly servers: readonly string[];
  /** Seconds of one window. */
  readonly duration: number;
  readonly rounds: number;
  /** Whether every workload and server takes part with the default effort, so that docs/benchmarks.md may be written. */
  readonly full: boolean;
}

export const usage = `npm run bench -- [options]
  --quick            about 3 minutes instead of 15: one round of 1 s windows, two steps of the ladder
  --only LIST        workloads: ${workloads.map(({ id }) => id).join(", ")};
                     features: ${features.map(({ id }) => id).join(", ")}; "none": only the pieces
  --servers LIST     servers: ${serverKinds.map(({ id }) => id).join(", ")}
  --duration S       seconds of one window (whole seconds; default 2, quick 1)
  --rounds N         rounds over all servers (default 3, quick 1)
Results go to bench/results/ (JSON and HTML); a run without options also writes docs/benchmarks.md and the README's table.`;

/** Throws an Error that names the option and what it takes. */
export function parseOptions(args: readonly string[]): BenchOptions | "help" {
  const text = { type: "string" } as const;
  const flag = { type: "boolean", default: false } as const;
  const options = { quick: flag, help: flag, only: text, servers: text, duration: text, rounds: text };
  const { values } = parseArgs({ args: [...args], options });
  if (values.help) return "help";
  const chosen = list("--only", values.only, [...workloads, ...features]);
  return {
    quick: values.quick,
    workloads: chosen.filter((id) => workloads.some((workload) => workload.id === id)),
    features: chosen.filter((id) => features.some((feature) => feature.id === id)),
    servers: list("--servers", values.servers, serverKinds),
    duration: wholeNumber("--duration", values.duration, values.quick ? 1 : 2),
    rounds: wholeNumber("--rounds", values.rounds, values.quick ? 1 : 3),
    full: !values.quick && values.only === undefined && values.servers === undefined,
  };
}

function list(option: string, text: string | undefined, known: readonly { id: string }[]): string[] {
  const ids = known.map(({ id }) => id);
  if (text === undefined) return ids;
  if (text === "none") return [];
  const chosen = text.split(",");
  const stranger = chosen.find((id) => !ids.includes(id));
  if (stranger !== undefined) throw new Error(`${option}: expected names out of ${ids.join(", ")}, got '${stranger}'`);
  return chosen;
}

function wholeNumber(option: string, text: string | undefined, fallback: number): number {
  if (text === undefined) return fallback;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${option}: expected a whole number >= 1, got '${text}'`);
  return value;
}

// SPDX-License-Identifier: Apache-2.0
// ONNX Runtime's profile of one run: which node ran where, on which shapes, and for how long.
import { readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { OrtserveError } from "../../errors.js";
import type { PredictInputs } from "../../runtime/inputs.js";
import type { OnnxModel } from "../onnx/model-file.js";
import type { DraftOptions, Workbench } from "./workbench.js";

export interface TensorUse {
  /** ONNX Runtime's name, such as float, uint8, int64. */
  readonly type: string;
  readonly shape: readonly number[];
}

export interface NodeRun {
  readonly name: string;
  /** Position in the graph that ran. */
  readonly index: number;
  readonly op: string;
  /** CPUExecutionProvider, for example. */
  readonly provider: string;
  readonly inputs: readonly TensorUse[];
  readonly outputs: readonly TensorUse[];
  /** Bytes of the constants that it reads. */
  readonly parameterBytes: number;
  readonly outputBytes: number;
  /** Shortest over the profiled runs. */
  readonly micros: number;
}

interface ProfileEvent {
  cat: string;
  name: string;
  dur: number;
  args: Record<string, unknown>;
}

/** Loads the model, runs it `runs` times on these inputs, and tells of those runs. */
export async function profileRun(
  bench: Workbench,
  source: OnnxModel | string,
  inputs: PredictInputs,
  options: DraftOptions & { runs?: number } = {},
): Promise<NodeRun[]> {
  const prefix = bench.path(".profile");
  const sessionOptions = { "session.enable_profiling": prefix, ...options.sessionOptions };
  const model = await bench.load(source, { ...options, sessionOptions });
  const runs = options.runs ?? 1;
  try {
    for (let i = 0; i < runs; i++) await model.predict(inputs);
  } finally {
    await model.close();
  }
  return nodeRuns(await profileEvents(prefix), runs);
}

/**
 * The profile is written when the session ends, which may be a moment after close() has resolved: the worker that ran the last
 * request still holds the session while it returns.
 */
async function profileEvents(prefix: string): Promise<ProfileEvent[]> {
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; await setTimeout(2)) {
    // A load opens sessions that run nothing, too.
    const files = readdirSync(dirname(prefix)).filter((name) => name.startsWith(`${basename(prefix)}_`));
    const texts = files.map((name) => readFileSync(join(dirname(prefix), name), "utf8"));
    const events = texts.every((text) => /\n\]\s*$/.test(text)) ? texts.flatMap((text) => JSON.parse(text)) : [];
    if (events.some(({ cat }: ProfileEvent) => cat === "Node")) return events;
  }
  throw new OrtserveError("ERR_INTERNAL", "ONNX Runtime wrote no profile within 30 s");
}

/** The last `runs` runs of a profile: those before them were made while the model was loaded. */
function nodeRuns(events: readonly ProfileEvent[], runs: number): NodeRun[] {
  const found = new Map<string, ProfileEvent[]>();
  for (const event of events) {
    if (event.cat !== "Node" || !event.name.endsWith("_kernel_time")) continue;
    const key = `${event.args.node_index} ${event.name}`;
    const known = found.get(key);
    if (known) known.push(event);
    else found.set(key, [event]);
  }
  return [...found.values()].map((all) => nodeRun(all.slice(-runs)));
}

function nodeRun(events: readonly ProfileEvent[]): NodeRun {
  const { name, args } = events.at(-1) as ProfileEvent;
  return {
    name: name.replace(/_kernel_time$/, ""),
    index: Number(args.node_index),
    op: String(args.op_name),
    provider: String(args.provider),
    inputs: uses(args.input_type_shape),
    outputs: uses(args.output_type_shape),
    parameterBytes: Number(args.parameter_size ?? 0),
    outputBytes: Number(args.output_size ?? 0),
    micros: Math.min(...events.map(({ dur }) => dur)),
  };
}

/** [{"float": [1, 3, 8, 8]}] */
function uses(value: unknown): TensorUse[] {
  const list = Array.isArray(value) ? (value as Record<string, number[]>[]) : [];
  return list.flatMap((one) => Object.entries(one).map(([type, shape]) => ({ type, shape })));
}

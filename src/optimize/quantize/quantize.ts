// SPDX-License-Identifier: Apache-2.0
// `ortserve quantize`: from an FP32 model to one that is proven smaller, faster and good enough, or to a refusal.
import { OrtserveError } from "../../errors.js";
import { didYouMean } from "../../runtime/nearest-name.js";
import { version } from "../../version.js";
import { openSamples, type SampleSource } from "../data/open-samples.js";
import { RequestReader } from "../data/request-reader.js";
import { type Samples, splitSamples } from "../data/samples.js";
import { type Goals, goalsOf, missedGoals, passesQuality } from "../judge/goals.js";
import { type Quality, Yardstick } from "../judge/quality.js";
import { Graph } from "../onnx/graph.js";
import { withEntries } from "../onnx/metadata.js";
import { type OnnxModel, readModel, storedBytes, writeModel } from "../onnx/model-file.js";
import { type Machine, thisMachine } from "../run/machine.js";
import { type ChangeOptions, type ChangeRun, changeModel, provenance } from "../run/model-change.js";
import { normalizedModel } from "../run/normalize.js";
import { profileRun } from "../run/profile.js";
import type { StageClock } from "../run/stage-clock.js";
import type { Workbench } from "../run/workbench.js";
import { type CpuCompat, judgedBy, saturates, type WeightBits, weightBits } from "./cpu-compat.js";
import { type Draft, type DraftRequest, draftOf } from "./draft.js";
import { findLayers } from "./layers.js";
import { preferredMode } from "./mode.js";
import type { Mode, QuantizeReport } from "./report-data.js";
import type { Target } from "./target.js";
import { timeOnTarget } from "./target-speed.js";

export interface QuantizeOptions extends ChangeOptions, Partial<Goals>, SampleSource {
  readonly target?: Target;
  /** "auto": static where convolutions do most of the work, dynamic where matrix products do. */
  readonly mode?: "auto" | "static" | "dynamic";
  readonly inputU8?: boolean;
  /** Give the integers of outputs that are made of them. */
  readonly outputU8?: boolean;
  readonly inputLayout?: "same" | "nhwc";
  /** Most samples to use. Default: 256. */
  readonly maxSamples?: number;
  /** Names of layers that stay FP32. */
  readonly exclude?: readonly string[];
  readonly perTensor?: boolean;
  /** Where goals are missed, try biases that make up for the rounding: a load per layer. Default: true. */
  readonly biasCorrection?: boolean;
  /** Default: "native". */
  readonly cpuCompat?: CpuCompat;
  /** Bytes of watched tensors at once during calibration. */
  readonly budgetBytes?: number;
}

type Run = ChangeRun<QuantizeOptions>;

export interface QuantizeResult {
  readonly report: QuantizeReport;
  /** Goals that were missed: when there is one, nothing was written. */
  readonly missed: readonly string[];
}

/**
 * Rejects with ERR_MODEL_NOT_FOUND, ERR_LOAD_FAILED, ERR_UNSUPPORTED (quantized already, nothing to quantize), ERR_INVALID_INPUT
 * (calibration data do not fit), ERR_INVALID_ARGUMENT and what predict() rejects with. Writes `output`, and only when every
 * goal is met.
 */
export function quantizeModel(options: QuantizeOptions): Promise<QuantizeResult> {
  return changeModel(options, quantizeOn);
}

async function quantizeOn(bench: Workbench, clock: StageClock, options: Run): Promise<QuantizeResult> {
  const goals = goalsOf(options);
  const base = await normalizedModel(bench, options.model);
  checkExclusions(base, options.exclude ?? []);
  const original = await bench.describe(options.model);
  const requests = new RequestReader(bench, options.model, options.requests);
  try {
    const samples = await openSamples(original.inputs, options, requests);
    const mode = await chosenMode(bench, base, samples, options);
    const split = splitSamples(samples, options.maxSamples ?? 256);
    const { onProgress } = options;
    const machine = thisMachine();
    const draft = await makeDraft({ bench, base, original, mode, goals, options, machine, onProgress }, split);
    onProgress("speed", 0, 1);
    const { target = "cpu" } = options;
    const inputs = await split.heldOut.inputs(0);
    const timed = await timeOnTarget(bench, options.model, draft.model, inputs, draft.feed(inputs), target);
    onProgress("writing", 0, 1);
    const missed = missedGoals(draft.quality, timed.speed, goals);
    const final = describe(draft.model, { target, mode, machine, excluded: draft.facts.excluded });
    const written = missed.length === 0 ? options.output : bench.path(".onnx"); // for its size alone
    writeModel(written, final);
    const [before, after] = [await readModel(options.model), await readModel(written)];
    const bytes = { before: storedBytes(options.model, before), after: storedBytes(written, after) };
    const warnings = [...timed.warnings, ...warningsOf(options, machine, samples, target)];
    const { quality, facts } = draft;
    const measured = { quality, speed: timed.speed, bytes, stages: clock.stages(), ...facts };
    return { report: { ...provenance(options), target, mode, goals, ...measured, warnings }, missed };
  } finally {
    await requests.close();
  }
}

type Made = Pick<DraftRequest, "bench" | "base" | "original" | "mode" | "options" | "onProgress"> & {
  readonly goals: Goals;
  readonly machine: Machine;
};

async function makeDraft(
  { goals, machine, ...made }: Made,
  { calibration, heldOut }: { calibration: Samples; heldOut: Samples },
): Promise<Draft> {
  const { bench, options } = made;
  const yardstick = new Yardstick(bench, options.model, heldOut, judgedBy(options, machine));
  const passes = (quality: Quality) => passesQuality(quality, goals);
  const drafts: Draft[] = [];
  try {
    const choices = weightBits(options, machine);
    for (const bits of choices)
      drafts.push(await draftOf({ ...made, yardstick, calibration, reduceRange: bits === 7, passes }));
    return bestOf(drafts, choices, passes);
  } finally {
    await yardstick.close();
  }
}

/** One that passes, and of those the one with the least noise. */
function bestOf(drafts: readonly Draft[], bits: readonly WeightBits[], passes: (quality: Quality) => boolean): Draft {
  const rank = ({ quality }: Draft) => (passes(quality) ? 1e6 : 0) + Math.min(quality.sqnr, 1e3);
  const best = drafts.reduce((one, other) => (rank(other) > rank(one) ? other : one));
  if (drafts.length === 1) return best;
  const trials = drafts.map((draft, i) => ({
    ...{ what: `weights of ${bits[i]} bits`, sqnr: draft.quality.sqnr, kept: draft === best },
  }));
  return { ...best, facts: { ...best.facts, trials: [...best.facts.trials, ...trials] } };
}

function checkExclusions(base: OnnxModel, exclude: readonly string[]): void {
  const names = findLayers(new Graph(base)).layers.map(({ name }) => name);
  const unknown = exclude.find((name) => !names.includes(name));
  if (unknown === undefined) return;
  const hint = didYouMean(unknown, names) || `; layers: ${names.slice(0, 5).join(", ")} ...`;
  throw new OrtserveError("ERR_INVALID_ARGUMENT", `there is no layer '${unknown}' to exclude${hint}`);
}

async function chosenMode(
  bench: Workbench,
  base: OnnxModel,
  samples: Samples,
  options: QuantizeOptions,
): Promise<Mode> {
  const { target = "cpu", mode = "auto" } = options;
  const integers = options.inputU8 ? "--input-u8" : options.outputU8 ? "--output-u8" : undefined;
  if (options.inputLayout === "nhwc" && !options.inputU8)
    throw new OrtserveError(
      "ERR_INVALID_ARGUMENT",
      "--input-layout nhwc is for --input-u8: other inputs stay as they are",
    );
  if (integers && target === "cuda")
    throw new OrtserveError(
      "ERR_INVALID_ARGUMENT",
      `${integers} is for --target cpu: a model for CUDA has no integers`,
    );
  if (target === "cuda") return "half";
  if (target === "tensorrt" && mode === "dynamic")
    throw new OrtserveError("ERR_INVALID_ARGUMENT", "TensorRT takes no dynamic quantization: use --mode static");
  if (integers && mode === "dynamic")
    throw new OrtserveError("ERR_INVALID_ARGUMENT", `${integers} takes no dynamic quantization: use --mode static`);
  if (mode !== "auto") return mode;
  if (target === "tensorrt" || integers) return "static";
  const runs = await profileRun(bench, base, await samples.inputs(0), { level: "none" });
  return preferredMode(runs);
}

interface Origin {
  readonly target: Target;
  readonly mode: Mode;
  readonly machine: Machine;
  readonly excluded: readonly string[];
}

/** The model says of itself what was done to it, and on which processor. */
function describe({ proto, directory }: OnnxModel, { target, mode, machine, excluded }: Origin): OnnxModel {
  const facts = { ortserve: version, target, mode, cpu: machine.cpu, int8: machine.int8Instructions, excluded };
  const metadataProps = withEntries(proto, { "ortserve.quantize": JSON.stringify(facts) });
  return { proto: { ...proto, metadataProps }, directory };
}

/** Fewer, and ranges are those of single images. */
const fewSamples = 64;

const consequences: Readonly<Record<CpuCompat, string>> = {
  native: "INT8 gains little here; --cpu-compat avx2 or vnni makes models for others",
  avx2: "INT8 gains little here",
  vnni: "the model is for others, and gives wrong numbers here",
};

function warningsOf(options: QuantizeOptions, machine: Machine, samples: Samples, target: Target): string[] {
  const warnings: string[] = [];
  if (options.calibration === "random")
    warnings.push("calibrated and judged on made-up inputs: speed and size hold, quality on real data is unknown");
  else if (samples.count < fewSamples)
    warnings.push(`calibrated on ${samples.count} samples: with ${fewSamples} or more the ranges are safer`);
  if (target === "cpu" && saturates(machine))
    warnings.push(`this processor has no 8-bit dot products: ${consequences[options.cpuCompat ?? "native"]}`);
  return warnings;
}

// SPDX-License-Identifier: Apache-2.0
// `ortserve prune --pattern 2:4`: zeros in as many layers as the quality allows. The file keeps its shape; sparse tensor cores skip the zeros.
import { OrtserveError } from "../../errors.js";
import { version } from "../../version.js";
import { isMadeUp, openSamples, type SampleSource } from "../data/open-samples.js";
import { RequestReader } from "../data/request-reader.js";
import { type Samples, splitSamples } from "../data/samples.js";
import { type Goals, goalsOf, missedGoals, passesQuality } from "../judge/goals.js";
import { type Quality, Yardstick } from "../judge/quality.js";
import { Graph } from "../onnx/graph.js";
import { withEntries } from "../onnx/metadata.js";
import { type OnnxModel, writeModel } from "../onnx/model-file.js";
import { type ChannelMeans, channelMeans } from "../run/channel-means.js";
import { type ChangeOptions, type ChangeRun, changeModel, type Provenance, provenance } from "../run/model-change.js";
import { normalizedModel } from "../run/normalize.js";
import type { Stage, StageClock } from "../run/stage-clock.js";
import type { Workbench } from "../run/workbench.js";
import { type ConstantChange, changeConstants } from "./constants.js";
import { damage, energyOf, type PatternLayer, patterned, planPattern } from "./pattern.js";
import { madeUpWarning, type Ranking, rankedBy } from "./ranking.js";
import { traceChannels } from "./trace.js";

export interface SparsifyOptions extends ChangeOptions, Partial<Goals>, SampleSource {
  /** Most samples to use. Default: 256. */
  readonly maxSamples?: number;
}

export interface SparseLayer {
  readonly name: string;
  readonly weights: number;
  /** Share of the layer's sum of w^2 E[a^2] that the zeros take away. */
  readonly damage: number;
  /** Whether the layer has the pattern now; those that would lose most go without it first. */
  readonly sparse: boolean;
}

export interface SparseReport extends Provenance {
  readonly pattern: "2:4";
  readonly calibration: Ranking;
  readonly goals: Goals;
  readonly quality: Quality;
  readonly layers: readonly SparseLayer[];
  readonly skipped: Readonly<Record<string, string>>;
  readonly attempts: readonly {
    readonly layers: number;
    readonly drop: number;
    readonly sqnr: number;
    readonly passed: boolean;
  }[];
  readonly stages: readonly Stage[];
  readonly warnings: readonly string[];
}

/** Rejects as pruneModel() does. Writes `output`, and only when the quality is as asked; speed is TensorRT's to find. */
export function sparsifyModel(options: SparsifyOptions): Promise<{ report: SparseReport; missed: readonly string[] }> {
  return changeModel(options, sparsifyOn);
}

type Run = ChangeRun<SparsifyOptions>;

/** A layer with what the pattern would cost it. */
interface Ranked extends PatternLayer {
  readonly energy: Float64Array | undefined;
  readonly damage: number;
  readonly weights: number;
}

async function sparsifyOn(bench: Workbench, clock: StageClock, options: Run) {
  const base = await normalizedModel(bench, options.model, "prune first, then quantize");
  const plan = planPattern(new Graph(base));
  if (plan.layers.length === 0)
    throw new OrtserveError("ERR_UNSUPPORTED", `no layer can take the pattern${why(plan.skipped)}`);
  const original = await bench.describe(options.model);
  const requests = new RequestReader(bench, options.model, options.requests);
  try {
    const samples = await openSamples(original.inputs, options, requests);
    const { calibration, heldOut } = splitSamples(samples, options.maxSamples ?? 256);
    const ranked = await rank(bench, base, plan.layers, calibration, options);
    const yardstick = new Yardstick(bench, options.model, heldOut);
    const { best, attempts } = await search(bench, base, ranked, yardstick, options).finally(() => yardstick.close());
    const goals = goalsOf(options);
    const missed = missedGoals(best.quality, undefined, goals);
    options.onProgress("writing", 0, 1);
    if (missed.length === 0) writeModel(options.output, described(best.model, best.count));
    const layers = ranked.map(({ node, weights, damage }, i) => ({
      name: node.name ?? "",
      weights,
      damage,
      sparse: i < best.count,
    }));
    const report: SparseReport = {
      ...heading(options, goals, calibration),
      ...{ quality: best.quality, layers, skipped: plan.skipped, attempts },
      stages: clock.stages(),
      warnings: warningsOf(options, best.count, ranked.length),
    };
    return { report, missed };
  } finally {
    await requests.close();
  }
}

function why(skipped: Readonly<Record<string, string>>): string {
  const [first] = Object.entries(skipped);
  return first ? `, for example '${first[0]}': ${first[1]}` : "";
}

/** Those that lose least come first. */
async function rank(
  bench: Workbench,
  base: OnnxModel,
  layers: readonly PatternLayer[],
  samples: Samples,
  options: Run,
): Promise<Ranked[]> {
  const means = isMadeUp(options) ? undefined : await inputMeans(bench, base, layers, samples, options);
  const graph = new Graph(base);
  const ranked = layers.map((layer) => {
    const energy = energyOf(means, layer);
    const tensor = graph.initializer(layer.node.input[1]);
    const constant = { dims: tensor?.dims ?? [], values: graph.floats(layer.node.input[1]) ?? new Float32Array() };
    return { ...layer, energy, damage: damage(constant, layer.axis, energy), weights: constant.values.length };
  });
  return ranked.sort((a, b) => a.damage - b.damage);
}

async function inputMeans(
  bench: Workbench,
  base: OnnxModel,
  layers: readonly PatternLayer[],
  samples: Samples,
  { onProgress }: Run,
): Promise<ChannelMeans> {
  const { deps } = await traceChannels(bench, base, await samples.inputs(0));
  const axes = new Map(layers.map(({ node, inputAxis }) => [node.input[0] ?? "", inputAxis]));
  const onSample = (done: number, of: number) => onProgress("importance", done, of);
  return channelMeans(bench, base, axes, samples, { shape: (name) => deps.shape(name), onSample });
}

interface Candidate {
  readonly count: number;
  readonly model: OnnxModel;
  readonly quality: Quality;
  readonly passed: boolean;
}

/** All layers, or as many of the ranked ones as pass, found by halving. */
async function search(
  bench: Workbench,
  base: OnnxModel,
  ranked: readonly Ranked[],
  yardstick: Yardstick,
  options: Run,
) {
  const goals = goalsOf(options);
  const attempts: { layers: number; drop: number; sqnr: number; passed: boolean }[] = [];
  const attempt = async (count: number): Promise<Candidate> => {
    options.onProgress("search", attempts.length, Math.ceil(Math.log2(ranked.length)) + 1);
    const model = withPattern(base, ranked.slice(0, count));
    const quality = await yardstick.measureDraft(bench, model);
    const passed = passesQuality(quality, goals);
    attempts.push({ layers: count, drop: quality.drop, sqnr: quality.sqnr, passed });
    return { count, model, quality, passed };
  };
  let best = await attempt(ranked.length);
  let [low, high] = best.passed ? [1, 0] : [1, ranked.length - 1];
  while (low <= high) {
    const middle = Math.floor((low + high) / 2);
    const candidate = await attempt(middle);
    if (candidate.passed) low = middle + 1;
    else high = middle - 1;
    if (candidate.passed || !best.passed) best = candidate;
  }
  return { best, attempts };
}

function withPattern(base: OnnxModel, layers: readonly Ranked[]): OnnxModel {
  const changes = layers.map(({ node, axis, energy }): ConstantChange => {
    const key = `2:4 ${energy === undefined ? "" : node.input[0]}`; // one constant may have readers that are given different things
    return { node, input: 1, key, apply: (constant) => patterned(constant, axis, energy) };
  });
  return changeConstants(base, changes);
}

function described({ proto, directory }: OnnxModel, layers: number): OnnxModel {
  const facts = { ortserve: version, pattern: "2:4", layers };
  const metadataProps = withEntries(proto, { "ortserve.prune": JSON.stringify(facts) });
  return { proto: { ...proto, metadataProps }, directory };
}

function heading(options: Run, goals: Goals, calibration: Samples) {
  return { ...provenance(options), pattern: "2:4" as const, calibration: rankedBy(options, calibration), goals };
}

function warningsOf(options: Run, sparse: number, all: number): string[] {
  const warnings = [
    "a CPU gains nothing by it, so no time was taken: TensorRT with trt_sparsity_enable and trt_fp16_enable times sparse kernels beside dense ones",
  ];
  if (isMadeUp(options)) warnings.push(madeUpWarning);
  if (sparse < all) warnings.push(`${all - sparse} of ${all} layers stay dense: quality allows no more`);
  return warnings;
}

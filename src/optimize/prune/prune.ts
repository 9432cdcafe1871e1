// SPDX-License-Identifier: Apache-2.0
// `ortserve prune`: takes channels out of an FP32 model until it is as small as asked, or as small as its quality allows.
import { OrtserveError } from "../../errors.js";
import { version } from "../../version.js";
import { isMadeUp, openSamples, type SampleSource } from "../data/open-samples.js";
import { RequestReader } from "../data/request-reader.js";
import { type Samples, splitSamples } from "../data/samples.js";
import { type Goals, goalsOf, missedGoals, passesQuality } from "../judge/goals.js";
import { Yardstick } from "../judge/quality.js";
import { compareLoaded, type SpeedComparison } from "../judge/speed.js";
import { withEntries } from "../onnx/metadata.js";
import { type OnnxModel, writeModel } from "../onnx/model-file.js";
import { type ChangeOptions, type ChangeRun, changeModel, provenance } from "../run/model-change.js";
import { normalizedModel } from "../run/normalize.js";
import type { StageClock } from "../run/stage-clock.js";
import type { Workbench } from "../run/workbench.js";
import { Allocation, defaultSparsity } from "./allocate.js";
import { CostModel } from "./cost.js";
import type { Dependencies } from "./dependencies.js";
import { proveEquivalence } from "./equivalence.js";
import { footprint } from "./footprint.js";
import { readerMeans, scoreUnits } from "./importance.js";
import {
  deadInputs,
  type KeptOutputs,
  keptOutputs,
  referenceFor,
  relabelled,
  unwantedOutputs,
} from "./interface-cut.js";
import { PortCut } from "./ports.js";
import { madeUpWarning, rankedBy } from "./ranking.js";
import type { GroupRow, PruneReport } from "./report-data.js";
import { type Candidate, searchSparsity } from "./search.js";
import { maskChannels } from "./surgery.js";
import { type Trace, traceChannels } from "./trace.js";

export interface PruneOptions extends ChangeOptions, Partial<Goals>, SampleSource {
  /** Share of the channels to take out, rounded up to what `align` allows. Default: 0.5, unless `macsRatio` is given. */
  readonly sparsity?: number;
  /** Multiply-accumulates to be left, as a share: instead of `sparsity`. */
  readonly macsRatio?: number;
  /** Channels that stay are multiples of it: 16 (default) fits vector units; 1: any number. */
  readonly align?: number;
  /** Fit the remaining weights to the original's results. Default: true, where there are samples. */
  readonly refit?: boolean;
  /** Take elements out of the last dim of inputs that no sample makes matter. */
  readonly pruneInputs?: boolean;
  /** Elements of the output's last dim to keep, as "0-3,7"; "NAME:0-3,7" where there are several outputs. */
  readonly keepOutputs?: string;
  /** Most samples to use. Default: 256. */
  readonly maxSamples?: number;
}

export interface PruneResult {
  readonly report: PruneReport;
  /** Goals that were missed: when there is one, nothing was written. */
  readonly missed: readonly string[];
}

/**
 * Rejects with ERR_MODEL_NOT_FOUND, ERR_LOAD_FAILED, ERR_UNSUPPORTED (quantized already, nothing to prune), ERR_INVALID_INPUT
 * (calibration data do not fit), ERR_INVALID_ARGUMENT and what predict() rejects with. Writes `output`, and only when every goal is
 * met and the equivalence is proven.
 */
export function pruneModel(options: PruneOptions): Promise<PruneResult> {
  return changeModel(options, pruneOn);
}

type Run = ChangeRun<PruneOptions>;

async function pruneOn(bench: Workbench, clock: StageClock, options: Run): Promise<PruneResult> {
  const base = await normalizedModel(bench, options.model, "prune first, then quantize");
  const original = await bench.describe(options.model);
  const requests = new RequestReader(bench, options.model, options.requests);
  try {
    const samples = await openSamples(original.inputs, options, requests);
    const split = splitSamples(samples, options.maxSamples ?? 256);
    const wanted = keptOutputs(options.keepOutputs, original.outputs);
    const trace = await traceChannels(bench, base, await split.calibration.inputs(0), {
      pruneInputs: options.pruneInputs ?? false,
      ...(wanted && { freeOutput: wanted.name }),
    });
    checkGroups(trace.deps);
    const found = await searched(bench, base, trace, split, wanted, options);
    return await finish(bench, clock, trace.deps, split, found, base, options);
  } finally {
    await requests.close();
  }
}

function checkGroups({ groups, obstacles }: Dependencies): void {
  if (groups.some(({ units }) => units.length > 1)) return;
  const [first] = obstacles;
  const why = first ? `, for example those of '${first[0]}': ${first[1]}` : "";
  throw new OrtserveError("ERR_UNSUPPORTED", `the model has no channels that could go${why}`);
}

interface Split {
  readonly calibration: Samples;
  readonly heldOut: Samples;
}

async function searched(
  bench: Workbench,
  base: OnnxModel,
  { deps, runs }: Trace,
  { calibration, heldOut }: Split,
  wanted: KeptOutputs | undefined,
  options: Run,
) {
  const { onProgress, macsRatio } = options;
  const real = !isMadeUp(options);
  const means = real
    ? await readerMeans(bench, base, deps, calibration, (done, of) => onProgress("importance", done, of))
    : undefined;
  const scores = scoreUnits(deps, means);
  const outputs = unwantedOutputs(deps, wanted);
  const always = [...deadInputs(deps, scores), ...outputs];
  const sparsity = options.sparsity ?? defaultSparsity;
  const mostOfGroup = Math.max(0.7, macsRatio === undefined ? sparsity : 0);
  const allocation = new Allocation(deps, scores, always, { align: options.align ?? 16, mostOfGroup });
  const cost = new CostModel(deps, runs);
  const removalFor = (level: number) =>
    allocation.find((removal) =>
      macsRatio === undefined
        ? allocation.share(removal) >= level * sparsity
        : cost.after(removal) <= cost.total * (1 - level * (1 - macsRatio)),
    );
  const judges = wanted ? relabelled(heldOut, wanted) : heldOut;
  const yardstick = new Yardstick(bench, referenceFor(base, deps, outputs) ?? options.model, judges);
  const goals = goalsOf(options);
  const request = {
    ...{ bench, base, deps, samples: calibration, allocation, yardstick, removalFor, onProgress },
    refit: real && options.refit !== false,
    passes: (quality: Parameters<typeof passesQuality>[0]) => passesQuality(quality, goals),
  };
  const { best, attempts } = await searchSparsity(request).finally(() => yardstick.close());
  return { best, attempts, changes: allocation.changes(best.removal) };
}

async function finish(
  bench: Workbench,
  clock: StageClock,
  deps: Dependencies,
  { heldOut, calibration }: Split,
  { best, attempts, changes }: Awaited<ReturnType<typeof searched>>,
  base: OnnxModel,
  options: Run,
): Promise<PruneResult> {
  options.onProgress("proof", 0, 1);
  const ports = new PortCut(deps, best.removal);
  const masked = maskChannels(base, deps, best.removal, "readers");
  const equivalence = await proveEquivalence(bench, masked, best.cut, heldOut, ports);
  options.onProgress("speed", 0, 1);
  const inputs = await heldOut.inputs(0);
  const final = described(best, options);
  const draft = bench.path(".onnx");
  writeModel(draft, final);
  const speed = await compareLoaded(bench, { source: options.model, inputs }, { source: draft, inputs });
  options.onProgress("writing", 0, 1);
  const goals = goalsOf(options);
  const missed = [...missedGoals(best.quality, speed, goals), ...nothingGone(changes)];
  const before = await footprint(bench, options.model, inputs);
  const left = await footprint(bench, draft, inputs, ports);
  if (missed.length === 0) writeModel(options.output, final);
  const rows = changes.map(({ group, ...counts }): GroupRow => {
    const layers = group.producers.map(({ name }) => name);
    return { name: group.name, layers, kind: group.kind, ...counts };
  });
  const report: PruneReport = {
    ...heading(options, best, goals),
    calibration: rankedBy(options, calibration),
    ...{ quality: best.quality, speed, before, after: left, groups: rows, ports: ports.changes, equivalence, attempts },
    obstacles: Object.fromEntries(deps.obstacles),
    stages: clock.stages(),
    warnings: [...warningsOf(options, best, speed, heldOut), ...workLeft(options, left.macs / before.macs)],
  };
  return { report, missed };
}

function nothingGone(changes: readonly { before: number; after: number }[]): string[] {
  const gone = changes.some(({ before, after }) => after < before);
  return gone ? [] : ["no channel could go within these bounds"];
}

function heading(options: PruneOptions, best: Candidate, goals: Goals) {
  const asked = options.macsRatio === undefined ? (options.sparsity ?? defaultSparsity) : undefined;
  return {
    ...provenance(options),
    sparsity: { asked, reached: best.sparsity },
    macsRatio: options.macsRatio,
    align: options.align ?? 16,
    refitted: best.refitted,
    goals,
  };
}

/** The model says of itself what was done to it. */
function described({ model, sparsity, refitted }: Candidate, { align = 16 }: PruneOptions): OnnxModel {
  const facts = { ortserve: version, sparsity: Number(sparsity.toFixed(4)), align, refitted };
  const metadataProps = withEntries(model.proto, { "ortserve.prune": JSON.stringify(facts) });
  return { proto: { ...model.proto, metadataProps }, directory: model.directory };
}

function workLeft({ macsRatio }: PruneOptions, left: number): string[] {
  if (macsRatio === undefined || left <= macsRatio + 0.02) return [];
  const [found, asked] = [left, macsRatio].map((share) => `${(100 * share).toFixed(1)} %`);
  return [`${found} of the multiply-accumulates are left, not ${asked}: quality or bounds allow no less`];
}

/** Fewer, and the share of answers that change is known to a few percent at best. */
const fewJudges = 100;

function warningsOf(options: PruneOptions, best: Candidate, speed: SpeedComparison, heldOut: Samples): string[] {
  const warnings: string[] = [];
  const { sparsity = defaultSparsity, macsRatio } = options;
  if (isMadeUp(options)) warnings.push(madeUpWarning);
  else if (heldOut.count < fewJudges)
    warnings.push(
      `judged on ${heldOut.count} samples: a drop of less than ${(100 / heldOut.count).toFixed(1)} % does not show`,
    );
  if (macsRatio === undefined && best.sparsity < sparsity - 0.02)
    warnings.push(
      `${(100 * best.sparsity).toFixed(1)} % of the channels are gone, not ${(100 * sparsity).toFixed(1)} %: quality or bounds allow no more`,
    );
  if (speed.speedup < 1.05 && speed.speedup >= 1)
    warnings.push("hardly faster here: the time goes elsewhere than into the channels that are gone");
  return warnings;
}

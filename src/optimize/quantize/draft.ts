// SPDX-License-Identifier: Apache-2.0
// The quantized model before it is judged as a whole: made in the chosen mode, measured, and described for the report.
import { OrtserveError } from "../../errors.js";
import type { ModelMetadata } from "../../runtime/model.js";
import { type PixelArithmetic, pixelArithmetic } from "../data/pixels.js";
import type { Samples } from "../data/samples.js";
import type { Feed, Quality, Yardstick } from "../judge/quality.js";
import { Graph } from "../onnx/graph.js";
import type { OnnxModel } from "../onnx/model-file.js";
import type { Workbench } from "../run/workbench.js";
import { calibrate } from "./calibrate.js";
import { type DynamicResult, quantizeDynamically } from "./dynamic.js";
import { proveFusion } from "./fusion-proof.js";
import { convertToHalf } from "./half.js";
import { integerInputs } from "./integer-input.js";
import { integerOutputs } from "./integer-output.js";
import { type FloatNode, findLayers } from "./layers.js";
import { layerNoise } from "./noise.js";
import { checkPixels } from "./pixel-input.js";
import type { QuantizeOptions } from "./quantize.js";
import type { Mode, QuantizeReport } from "./report-data.js";
import { excludeWorst, rankLayers } from "./sensitivity.js";
import { StaticQuantizer, type StaticResult } from "./static.js";
import { profiles } from "./target.js";

export interface DraftRequest {
  readonly bench: Workbench;
  readonly base: OnnxModel;
  /** Of the model as it was given. */
  readonly original: ModelMetadata;
  readonly yardstick: Yardstick;
  readonly calibration: Samples;
  readonly mode: Mode;
  readonly options: QuantizeOptions;
  /** Weights of 7 bits. */
  readonly reduceRange: boolean;
  readonly passes: (quality: Quality) => boolean;
  readonly onProgress: (stage: string, done: number, of: number) => void;
}

type Facts = Pick<
  QuantizeReport,
  | "calibration"
  | "layers"
  | "excluded"
  | "trials"
  | "sensitivity"
  | "noise"
  | "ranges"
  | "inputs"
  | "outputs"
  | "fusion"
>;

export interface Draft {
  readonly model: OnnxModel;
  readonly quality: Quality;
  readonly feed: Feed;
  readonly facts: Facts;
}

const sameFeed: Feed = (inputs) => inputs;

export function draftOf(request: DraftRequest): Promise<Draft> {
  if (request.mode === "static") return staticDraft(request);
  return request.mode === "dynamic" ? dynamicDraft(request) : halfDraft(request);
}

async function staticDraft(request: DraftRequest): Promise<Draft> {
  const { bench, base, yardstick, calibration, options, reduceRange, passes, onProgress } = request;
  const target = options.target === "tensorrt" ? "tensorrt" : "cpu";
  const weights = { perTensor: options.perTensor ?? false, reduceRange };
  const pixels = pixelArithmetic(request.original.inputs, options.requests?.preprocess);
  const quantizer = new StaticQuantizer(bench, yardstick, calibration, {
    profile: profiles[target],
    weights,
    exclude: new Set(options.exclude),
    biasCorrection: options.biasCorrection ?? true,
    pixels,
    ...(options.budgetBytes !== undefined && { budgetBytes: options.budgetBytes }),
    passes,
    onProgress,
  });
  const result = await quantizer.run(base);
  onProgress("report", 0, 1);
  const bytesOf = (tensor: string) => {
    const seen = result.histograms.get(tensor);
    return seen && (4 * seen.total) / calibration.count;
  };
  const noise = await layerNoise(bench, result.base, result.model, result.placement, calibration, bytesOf);
  const integer = await withIntegerInputs(request, result, pixels);
  const fusion = target === "cpu" ? await proveFusion(bench, integer.model, result.placement.float) : undefined;
  // Judged before: the integers say exactly what the floats said.
  const { model, outputs } = options.outputU8
    ? integerOutputs(integer.model, result.params)
    : { model: integer.model, outputs: [] };
  return {
    ...integer,
    model,
    facts: {
      calibration: { samples: calibration.count, method: result.method },
      layers: { quantized: result.placement.layers.length, float: result.placement.float },
      excluded: result.excluded,
      trials: result.trials,
      sensitivity: result.sensitivity,
      noise,
      ranges: rangesOf(result),
      inputs: integer.inputs,
      outputs,
      fusion,
    },
  };
}

async function withIntegerInputs(
  { bench, original, yardstick, options }: DraftRequest,
  result: StaticResult,
  pixels: ReadonlyMap<string, PixelArithmetic>,
) {
  if (!options.inputU8) return { model: result.model, feed: sameFeed, inputs: [], quality: result.quality };
  for (const [name, arithmetic] of pixels) checkPixels(name, arithmetic, result.histograms.get(name));
  const { params } = result;
  const made = integerInputs(result.model, { original, params, layout: options.inputLayout ?? "same", pixels });
  const quality = await yardstick.measureDraft(bench, made.model, made.feed);
  return { model: made.model, feed: made.feed, inputs: made.inputs, quality };
}

function rangesOf({ params, histograms }: StaticResult): QuantizeReport["ranges"] {
  return [...params].map(([tensor, { scale, zeroPoint }]) => {
    const { min = 0, max = 0 } = histograms.get(tensor) ?? {};
    return { tensor, min, max, scale, zeroPoint };
  });
}

/** One scale per weight runs faster than one per channel; it is taken where it costs less than this, in dB. */
const perTensorLoss = 0.25;

async function dynamicDraft(request: DraftRequest): Promise<Draft> {
  const { bench, base, yardstick, options, reduceRange, passes, onProgress } = request;
  const given = new Set(options.exclude);
  const make = (perTensor: boolean, more: ReadonlySet<string> = new Set()) =>
    quantizeDynamically(base, new Set([...given, ...more]), { perTensor, reduceRange });
  const measure = (made: DynamicResult) => yardstick.measureDraft(bench, made.model);
  const channels = await measure(make(false));
  const whole = await measure(make(true));
  const perTensor = options.perTensor === true || whole.sqnr >= channels.sqnr - perTensorLoss;
  const trials = [
    { what: "a scale per output channel", sqnr: channels.sqnr, kept: !perTensor },
    { what: "a scale per weight", sqnr: whole.sqnr, kept: perTensor },
  ];
  let made = make(perTensor);
  let quality = perTensor ? whole : channels;
  if (made.layers.length + made.tables.length === 0)
    throw new OrtserveError("ERR_UNSUPPORTED", "the model has no layer that can be quantized dynamically");
  let [excluded, sensitivity]: [readonly string[], Facts["sensitivity"]] = [[...given], []];
  if (!passes(quality)) {
    const names = [...made.layers, ...made.tables];
    const variant = (more: ReadonlySet<string>) => make(perTensor, more).model;
    sensitivity = await rankLayers(bench, yardstick, names, variant, (done, of) => onProgress("layers", done, of));
    const found = await excludeWorst(bench, yardstick, sensitivity, variant, passes);
    if (found) {
      made = make(perTensor, new Set(found.excluded));
      [excluded, quality] = [[...given, ...found.excluded], found.quality];
    }
  }
  const fusion = await proveFusion(bench, made.model, made.float);
  const layers = { quantized: made.layers.length + made.tables.length, float: made.float };
  const facts = { ...noRanges, layers, excluded, trials, sensitivity, fusion };
  return { model: made.model, quality, feed: sameFeed, facts };
}

const noRanges = {
  calibration: { samples: 0, method: "minmax" },
  trials: [],
  noise: [],
  ranges: [],
  inputs: [],
  outputs: [],
} as const;

/** Half of what FP16 holds: other data may have larger values than the samples. */
const safeHalf = 32_000;

async function halfDraft({ bench, base, yardstick, calibration, options, onProgress }: DraftRequest): Promise<Draft> {
  const graph = new Graph(base);
  const { layers, float } = findLayers(graph);
  const watched = layers.flatMap(({ input, output }) => [input, output]);
  const histograms = await calibrate(bench, base, [...new Set(watched)], calibration, {
    onSample: (done, of) => onProgress("calibration", done, of),
  });
  const isWide = ({ min, max }: { min: number; max: number }) => Math.max(-min, max) > safeHalf;
  const wide = new Set([...histograms].filter(([, histogram]) => isWide(histogram)).map(([name]) => name));
  const excludedOutputs = layers.filter(({ name }) => options.exclude?.includes(name)).map(({ output }) => output);
  const { model, converted } = await convertToHalf(bench, base, new Set([...wide, ...excludedOutputs]));
  if (converted.length === 0)
    throw new OrtserveError("ERR_UNSUPPORTED", "the model has no node that can be converted to FP16");
  const isConverted = new Set(converted);
  const left = layers.filter(({ name }) => !isConverted.has(name));
  const reasons: FloatNode[] = left.map(({ name, kind }) => ({ name, op: kind, reason: "its values do not fit FP16" }));
  const kept = float.filter(({ name }) => !isConverted.has(name));
  const facts = {
    ...noRanges,
    calibration: { samples: calibration.count, method: "minmax" as const },
    layers: { quantized: layers.length - left.length, float: [...kept, ...reasons] },
    excluded: options.exclude ?? [],
    sensitivity: [],
    fusion: undefined,
  };
  return { model, quality: await yardstick.measureDraft(bench, model), feed: sameFeed, facts };
}

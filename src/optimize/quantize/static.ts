// SPDX-License-Identifier: Apache-2.0
// Static quantization: ranges from calibration, then whatever of the known remedies raises the quality, then exclusions.
import { OrtserveError } from "../../errors.js";
import type { Distribution } from "../../runtime/histogram.js";
import type { PixelArithmetic } from "../data/pixels.js";
import type { Samples } from "../data/samples.js";
import type { Quality, Yardstick } from "../judge/quality.js";
import { Graph } from "../onnx/graph.js";
import type { OnnxModel } from "../onnx/model-file.js";
import type { Workbench } from "../run/workbench.js";
import type { QuantParams } from "./arithmetic.js";
import { type BiasCorrections, correctBiases, withBiases } from "./bias-correction.js";
import { calibrate } from "./calibrate.js";
import { equalizeLayers } from "./equalize.js";
import { pixelRanges } from "./pixel-input.js";
import { type Placement, placePairs } from "./placement.js";
import { paramsOf, type RangeMethod } from "./range.js";
import type { Trial } from "./report-data.js";
import { excludeWorst, type LayerSensitivity, rankLayers } from "./sensitivity.js";
import type { TargetProfile } from "./target.js";
import type { WeightOptions } from "./weights.js";
import { writePairs } from "./write-pairs.js";

export interface StaticOptions {
  readonly profile: TargetProfile;
  readonly weights: Pick<WeightOptions, "perTensor" | "reduceRange">;
  /** Layers that stay FP32 in any case. */
  readonly exclude: ReadonlySet<string>;
  readonly biasCorrection: boolean;
  /** Of inputs that are made of pixels. */
  readonly pixels: ReadonlyMap<string, PixelArithmetic>;
  readonly budgetBytes?: number;
  readonly passes: (quality: Quality) => boolean;
  readonly onProgress: (stage: string, done: number, of: number) => void;
}

export interface StaticResult {
  readonly model: OnnxModel;
  /** The FP32 model that it was made from: the given one, or that with equalized layers. */
  readonly base: OnnxModel;
  readonly placement: Placement;
  readonly params: ReadonlyMap<string, QuantParams>;
  readonly histograms: ReadonlyMap<string, Distribution>;
  readonly method: RangeMethod;
  readonly quality: Quality;
  readonly excluded: readonly string[];
  readonly trials: readonly Trial[];
  readonly sensitivity: readonly LayerSensitivity[];
}

/** A way to quantize: the FP32 model it starts from and how ranges are chosen. */
interface Candidate {
  readonly what: string;
  readonly base: OnnxModel;
  /** Biases that make up for the rounding. */
  readonly corrections?: BiasCorrections;
  readonly method: RangeMethod;
  readonly histograms: ReadonlyMap<string, Distribution>;
}

export class StaticQuantizer {
  readonly #bench: Workbench;
  readonly #yardstick: Yardstick;
  readonly #calibration: Samples;
  readonly #options: StaticOptions;
  readonly #trials: Trial[] = [];

  constructor(bench: Workbench, yardstick: Yardstick, calibration: Samples, options: StaticOptions) {
    this.#bench = bench;
    this.#yardstick = yardstick;
    this.#calibration = calibration;
    this.#options = options;
  }

  async run(model: OnnxModel): Promise<StaticResult> {
    let { candidate, quality } = await this.#bestCandidate(model);
    // It costs a load for each layer, and corrections made with all layers in INT8 hinder when the worst of them stay FP32 (text
    // detection needs 12 instead of 8 for 20 dB). So it is tried where goals are missed, and kept where it alone reaches them.
    const { biasCorrection, passes } = this.#options;
    if (biasCorrection && !passes(quality)) ({ candidate, quality } = await this.#correctBiases(candidate, quality));
    const best = this.#write(candidate, this.#options.exclude);
    const { base, method, histograms } = candidate;
    const facts = { base, method, histograms };
    if (this.#options.passes(quality)) {
      const excluded = [...this.#options.exclude];
      return { ...best, ...facts, quality, excluded, trials: this.#trials, sensitivity: [] };
    }
    const names = best.placement.layers.map(({ name }) => name);
    const variant = (more: ReadonlySet<string>) =>
      this.#write(candidate, new Set([...this.#options.exclude, ...more])).model;
    const onLayer = (done: number, of: number) => this.#options.onProgress("layers", done, of);
    const sensitivity = await rankLayers(this.#bench, this.#yardstick, names, variant, onLayer);
    const found = await excludeWorst(this.#bench, this.#yardstick, sensitivity, variant, this.#options.passes);
    const excluded = [...this.#options.exclude, ...(found?.excluded ?? [])];
    const result = found ? this.#write(candidate, new Set(excluded)) : best;
    return { ...result, ...facts, quality: found?.quality ?? quality, excluded, trials: this.#trials, sensitivity };
  }

  /** Each remedy is kept only if held-out samples say that it helps. */
  async #bestCandidate(model: OnnxModel): Promise<{ candidate: Candidate; quality: Quality }> {
    const histograms = await this.#calibrate(model, "calibration");
    const plain: Candidate = { what: "ranges as seen", base: model, method: "minmax", histograms };
    let best = { candidate: plain, quality: await this.#measure(plain) };
    this.#trials.push({ what: plain.what, sqnr: best.quality.sqnr, kept: true });
    const attempt = async (candidate: Candidate) => {
      const quality = await this.#measure(candidate);
      const kept = quality.sqnr > best.quality.sqnr;
      this.#trials.push({ what: candidate.what, sqnr: quality.sqnr, kept });
      if (kept) best = { candidate, quality };
    };
    await attempt({ ...plain, what: "ranges of least squared error", method: "mse" });
    const equalized = equalizeLayers(model);
    if (equalized) {
      const base = await this.#bench.share(equalized);
      const { method } = best.candidate;
      await attempt({
        what: "equalized layers",
        base,
        method,
        histograms: await this.#calibrate(base, "calibration of equalized layers"),
      });
    }
    return best;
  }

  async #correctBiases(candidate: Candidate, quality: Quality): Promise<{ candidate: Candidate; quality: Quality }> {
    const { base } = candidate;
    const quantize = (model: OnnxModel) => this.#write({ ...candidate, base: model }, this.#options.exclude).model;
    const corrections = await correctBiases({
      bench: this.#bench,
      base,
      layers: this.#write(candidate, this.#options.exclude).placement.layers,
      quantize,
      samples: this.#calibration,
      onLayer: (done, of) => this.#options.onProgress("bias correction", done, of),
    });
    const attempt = { ...candidate, what: "corrected biases", corrections };
    const found = await this.#measure(attempt);
    const kept = this.#options.passes(found);
    this.#trials.push({ what: attempt.what, sqnr: found.sqnr, kept });
    return kept ? { candidate: attempt, quality: found } : { candidate, quality };
  }

  #calibrate(model: OnnxModel, stage: string): Promise<Map<string, Distribution>> {
    const { tensors } = placePairs(new Graph(model), this.#options.profile, this.#options.exclude);
    if (tensors.size === 0)
      throw new OrtserveError("ERR_UNSUPPORTED", "the model has no layer that can be quantized statically");
    const watched = new Set([...tensors.keys(), ...tensors.values()]);
    const { budgetBytes, onProgress } = this.#options;
    onProgress(stage, 0, this.#calibration.count);
    return calibrate(this.#bench, model, [...watched], this.#calibration, {
      ...(budgetBytes !== undefined && { budgetBytes }),
      onSample: (done, of) => onProgress(stage, done, of),
    });
  }

  #measure(candidate: Candidate): Promise<Quality> {
    this.#options.onProgress(candidate.what, 0, 1);
    return this.#yardstick.measureDraft(this.#bench, this.#write(candidate, this.#options.exclude).model);
  }

  #write({ base, corrections, method, histograms }: Candidate, excluded: ReadonlySet<string>) {
    const { profile, weights } = this.#options;
    const model = corrections ? withBiases(base, corrections, excluded) : base;
    const placement = placePairs(new Graph(model), profile, excluded);
    const range = { type: profile.activations, symmetric: profile.symmetric, method };
    const params = new Map<string, QuantParams>();
    const known = profile.symmetric ? undefined : pixelRanges(this.#options.pixels, histograms);
    for (const root of new Set(placement.tensors.values())) {
      const histogram = histograms.get(root);
      if (histogram === undefined) throw new OrtserveError("ERR_INTERNAL", `tensor '${root}' was not calibrated`);
      params.set(root, known?.get(root) ?? paramsOf(histogram, range));
    }
    return { model: writePairs(model, placement, { profile, params, weights }), placement, params };
  }
}

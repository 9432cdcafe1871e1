// SPDX-License-Identifier: Apache-2.0
// How far the outputs of a changed model are from those of the original, on samples that neither was calibrated on.
import { OrtserveError } from "../../errors.js";
import type { PredictInputs } from "../../runtime/inputs.js";
import type { Model } from "../../runtime/model.js";
import { Tensor } from "../../runtime/tensor.js";
import type { Samples } from "../data/samples.js";
import type { OnnxModel } from "../onnx/model-file.js";
import type { DraftOptions, Workbench } from "../run/workbench.js";
import { OutputError } from "./output-error.js";

export interface OutputQuality {
  readonly name: string;
  /** Signal to noise over all samples, in dB, from -200 to 200: nothing differs. */
  readonly sqnr: number;
  /** Mean cosine similarity of the samples. */
  readonly cosine: number;
  /** Share of rows with the same largest score, for outputs that are scores of classes. */
  readonly agreement?: number;
}

export interface Quality {
  readonly samples: number;
  readonly outputs: readonly OutputQuality[];
  /** Of the worst output, in dB. */
  readonly sqnr: number;
  /**
   * What `--max-drop` bounds: with labels the loss of accuracy; else, for scores of classes, the share of rows whose best class
   * changed; else 1 less the cosine similarity.
   */
  readonly drop: number;
  readonly dropOf: "accuracy" | "agreement" | "cosine";
  /** Outputs with an infinity or NaN where the original has another value: no goal is reached. */
  readonly nonFinite?: readonly string[];
  /** Share of right answers, where samples have labels. */
  readonly accuracy?: { readonly before: number; readonly after: number };
}

/** How a sample is fed to a candidate whose inputs differ from the original's. */
export type Feed = (inputs: PredictInputs) => PredictInputs;

type Outputs = Record<string, Tensor>;

/** Outputs of the original are kept up to this many bytes, and computed again beyond. */
const keptBytes = 2 ** 28;

/** The original's session takes as much memory as the model: it is open only until its outputs are known. */
export class Yardstick {
  readonly samples: Samples;
  readonly #load: () => Promise<Model>;
  readonly #drafts: DraftOptions;
  #reference: Promise<Model> | undefined;
  readonly #kept = new Map<number, Outputs>();
  #bytes = 0;

  /** `drafts`: how those are run. */
  constructor(bench: Workbench, original: OnnxModel | string, samples: Samples, drafts: DraftOptions = {}) {
    this.#load = () => bench.load(original);
    this.#drafts = drafts;
    this.samples = samples;
  }

  /** `most`: only so many of the samples. Rejects as Model.load() and predict() do. */
  async measure(candidate: Model, feed: Feed = (inputs) => inputs, most = this.samples.count): Promise<Quality> {
    const errors = new Map<string, OutputError>();
    const hits = { of: 0, before: 0, after: 0 };
    const count = Math.min(most, this.samples.count);
    for (let i = 0; i < count; i++) {
      const inputs = await this.samples.inputs(i);
      const [before, after] = [await this.#outputs(i, inputs), await candidate.predict(feed(inputs))];
      for (const [name, expected] of Object.entries(before)) {
        const actual = after[name];
        if (!(actual instanceof Tensor)) throw new OrtserveError("ERR_INTERNAL", `the draft has lost output '${name}'`);
        const error = errors.get(name) ?? new OutputError();
        error.add(expected, actual);
        errors.set(name, error);
      }
      countHits(hits, this.samples.label(i), before, after);
    }
    return quality(count, errors, hits);
  }

  /** Writes, loads and measures a draft, and clears it away: there may be hundreds, each as large as the model. */
  async measureDraft(bench: Workbench, draft: OnnxModel, feed?: Feed, most?: number): Promise<Quality> {
    const path = bench.write(draft);
    try {
      const model = await bench.load(path, this.#drafts);
      return await this.measure(model, feed, most).finally(() => model.close());
    } finally {
      bench.discard(path);
    }
  }

  /** Rejects as Model.load() does, where that was not told yet. */
  async close(): Promise<void> {
    const reference = await this.#reference;
    this.#reference = undefined;
    await reference?.close();
  }

  async #outputs(index: number, inputs: PredictInputs): Promise<Outputs> {
    const known = this.#kept.get(index);
    if (known) return known;
    this.#reference ??= this.#load();
    const all = await (await this.#reference).predict(inputs);
    const outputs = Object.fromEntries(Object.entries(all).filter(([, value]) => isNumeric(value)));
    if (Object.keys(outputs).length === 0)
      throw new OrtserveError("ERR_UNSUPPORTED", "the model gives no tensor of numbers: there is nothing to compare");
    const bytes = Object.values(outputs).reduce((sum, { data }) => sum + (data as Float32Array).byteLength, 0);
    if (this.#bytes + bytes <= keptBytes) {
      this.#bytes += bytes;
      this.#kept.set(index, outputs);
    }
    if (this.#kept.size === this.samples.count) await this.close();
    return outputs;
  }
}

function isNumeric(value: unknown): boolean {
  return value instanceof Tensor && ArrayBuffer.isView(value.data);
}

interface Hits {
  of: number;
  before: number;
  after: number;
}

function countHits(hits: Hits, label: number | undefined, before: Outputs, after: Outputs): void {
  const name = Object.keys(before).find((key) => OutputError.areScores(before[key] as Tensor));
  if (label === undefined || name === undefined) return;
  const classes = (before[name] as Tensor).shape[1] as number;
  if (!Number.isInteger(label) || label < 0 || label >= classes)
    throw new OrtserveError(
      "ERR_INVALID_INPUT",
      `expected labels that are whole class indices from 0 to ${classes - 1} of output '${name}', got ${label}`,
    );
  hits.of++;
  if (OutputError.best(before[name] as Tensor)[0] === label) hits.before++;
  if (OutputError.best(after[name] as Tensor)[0] === label) hits.after++;
}

function quality(samples: number, errors: ReadonlyMap<string, OutputError>, hits: Hits): Quality {
  const outputs = [...errors].map(([name, error]) => error.summary(name));
  const sqnr = Math.min(...outputs.map((output) => output.sqnr));
  const broken = [...errors].flatMap(([name, error]) => (error.nonFinite ? [`'${name}'`] : []));
  const facts = { samples, outputs, sqnr, ...(broken.length > 0 && { nonFinite: broken }) };
  if (hits.of > 0) {
    const accuracy = { before: hits.before / hits.of, after: hits.after / hits.of };
    return { ...facts, drop: Math.max(0, accuracy.before - accuracy.after), dropOf: "accuracy", accuracy };
  }
  const agreements = outputs.flatMap(({ agreement }) => agreement ?? []);
  if (agreements.length > 0) return { ...facts, drop: 1 - Math.min(...agreements), dropOf: "agreement" };
  return { ...facts, drop: Math.max(0, 1 - Math.min(...outputs.map(({ cosine }) => cosine))), dropOf: "cosine" };
}

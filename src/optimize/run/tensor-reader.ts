// SPDX-License-Identifier: Apache-2.0
// Runs a draft and gives some of its FP32 tensors, its inputs among them.
import { type PredictInputs, prepareInputs } from "../../runtime/inputs.js";
import type { Model } from "../../runtime/model.js";
import { Tensor } from "../../runtime/tensor.js";
import type { OnnxModel } from "../onnx/model-file.js";
import type { Workbench } from "./workbench.js";

/** Values and shape of a tensor. */
export interface Values {
  readonly data: Float32Array;
  readonly shape: readonly number[];
}

/** Close it: the draft, which may be as large as the model, goes with it. */
export class TensorReader {
  readonly #session: Model;
  readonly #discard: () => void;

  private constructor(session: Model, discard: () => void) {
    this.#session = session;
    this.#discard = discard;
  }

  /** `model`: gives what is to be read, as `watched` makes it do. */
  static async open(bench: Workbench, model: OnnxModel): Promise<TensorReader> {
    const draft = bench.write(model);
    return new TensorReader(await bench.load(draft), () => bench.discard(draft));
  }

  isInput(tensor: string): boolean {
    return this.#session.metadata.inputs.some(({ name }) => name === tensor);
  }

  /** Those of `names` that are FP32, from one run. Rejects as predict() does. */
  async read(inputs: PredictInputs, names: readonly string[]): Promise<Map<string, Values>> {
    const values = new Map<string, Values>();
    const keep = (name: string, data: unknown, shape: readonly number[]) => {
      if (data instanceof Float32Array) values.set(name, { data, shape });
    };
    const outputs = names.filter((name) => !this.isInput(name));
    const made = outputs.length > 0 ? await this.#session.predict(inputs, { outputs }) : {};
    for (const [name, value] of Object.entries(made)) if (value instanceof Tensor) keep(name, value.data, value.shape);
    if (outputs.length === names.length) return values;
    const given = prepareInputs(this.#session.metadata, inputs);
    for (const [i, { name }] of this.#session.metadata.inputs.entries())
      if (names.includes(name)) keep(name, given[i]?.data, given[i]?.dims ?? []);
    return values;
  }

  async close(): Promise<void> {
    await this.#session.close();
    this.#discard();
  }
}

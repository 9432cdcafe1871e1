// SPDX-License-Identifier: Apache-2.0
// What a model is fed when a request comes: the request goes through the plans of `preprocess` as it does in the server,
// in front of a graph that only hands its inputs on.
import { basename } from "node:path";
import { OrtserveError } from "../../errors.js";
import { predictBody } from "../../runtime/json-predict.js";
import { type MediaReader, type PreparedBody, withoutFiles } from "../../runtime/media-body.js";
import { Model, type TensorSpec } from "../../runtime/model.js";
import type { ModelOptions } from "../../runtime/model-options.js";
import { Tensor } from "../../runtime/tensor.js";
import type { GraphProto, ValueInfo } from "../onnx/messages.js";
import { type OnnxModel, readModel } from "../onnx/model-file.js";
import { makeModel, makeNode } from "../onnx/node.js";
import type { Workbench } from "../run/workbench.js";

/** What a model's configuration says of its requests. */
export interface RequestForm extends Pick<ModelOptions, "preprocess" | "features" | "labels"> {
  /** The file that says it, or in which it would stand; for messages. */
  readonly source?: string;
}

/** Tensors by the names of the model's inputs. */
export type RequestTensors = Record<string, Tensor>;

export class RequestReader {
  readonly form: RequestForm;
  readonly #bench: Workbench;
  readonly #path: string;
  #opened: Promise<Model> | undefined;

  /** Opens nothing before something is read. */
  constructor(bench: Workbench, path: string, form: RequestForm = {}) {
    this.#bench = bench;
    this.#path = path;
    this.form = form;
  }

  /**
   * From JSON as /predict takes it, images and sounds in it among them. Rejects as {@link Model.predict} does, and with
   * ERR_INVALID_ARGUMENT where the configuration does not fit the model.
   */
  async fromJson(json: string): Promise<RequestTensors> {
    const model = await this.#model();
    return this.#tensors(model, (await model.media?.fromJson(json)) ?? withoutFiles(json));
  }

  /** From an image or a sound. Rejects as {@link fromJson} does. */
  async fromFile(media: MediaReader, file: Uint8Array): Promise<RequestTensors> {
    return this.#tensors(await this.#model(), await media.fromFile(file));
  }

  /** What decodes files; undefined for a model that takes none. */
  async media(): Promise<MediaReader | undefined> {
    return (await this.#model()).media;
  }

  async inputs(): Promise<readonly TensorSpec[]> {
    return (await this.#model()).metadata.inputs;
  }

  /** What a row may name: inputs, their features, and columns of `preprocess`. */
  async names(): Promise<ReadonlySet<string>> {
    const { inputs, preprocess } = (await this.#model()).metadata;
    const columns = preprocess.flatMap((plan) => (plan.kind === "tabular" ? plan.columns : []));
    return new Set([...inputs.flatMap(({ name, features }) => [name, ...features]), ...columns]);
  }

  async close(): Promise<void> {
    const model = await this.#opened?.catch(() => undefined);
    await model?.close();
  }

  async #tensors(model: Model, body: PreparedBody): Promise<RequestTensors> {
    const values = Object.values(await predictBody(model, body));
    const { inputs } = model.metadata;
    // The graph gives what it takes, in the same order.
    return Object.fromEntries(
      inputs.flatMap(({ name }, i) => (values[i] instanceof Tensor ? [[name, values[i]] as const] : [])),
    );
  }

  #model(): Promise<Model> {
    this.#opened ??= this.#open();
    return this.#opened;
  }

  async #open(): Promise<Model> {
    const served = await this.#bench.load(this.#path, { batching: "auto" });
    await served.close();
    const { batched, inputs } = served.metadata;
    const draft = this.#bench.write(handOn(await readModel(this.#path), inputs));
    const { preprocess, features, source } = this.form;
    try {
      return await Model.load(draft, {
        name: basename(this.#path),
        batching: batched ? "auto" : "whole", // whether a row has the batch dimension depends on it
        measure: false,
        instances: 1,
        intraOpThreads: 1,
        ...(preprocess && { preprocess }),
        ...(features && { features }),
      });
    } catch (error) {
      if (source === undefined || !(error instanceof OrtserveError)) throw error;
      throw new OrtserveError(error.code, `${source}: ${error.message}`, { cause: error });
    } finally {
      this.#bench.discard(draft);
    }
  }
}

/** A graph with the inputs of `model`, and an output for each: itself. Metadata stay, since they say what inputs stand for. */
function handOn({ proto, directory }: OnnxModel, specs: readonly TensorSpec[]): OnnxModel {
  const graph = proto.graph as GraphProto;
  const inputs = specs.flatMap(({ name }) => graph.input.find((value) => value.name === name) ?? []);
  const names = new Set(inputs.map(({ name }) => name));
  let prefix = "out";
  while (inputs.some(({ name }) => name?.startsWith(prefix))) prefix += "_";
  const outputs = inputs.map((value, i): ValueInfo => ({ ...value, name: `${prefix}${i}` }));
  const parts = {
    nodes: inputs.map(({ name = "" }, i) => makeNode("Identity", [name], [`${prefix}${i}`])),
    initializers: graph.initializer.filter(({ name }) => names.has(name)), // what optional inputs are when they do not come
    inputs,
    outputs,
  };
  return { proto: { ...makeModel(parts), metadataProps: proto.metadataProps }, directory };
}

// SPDX-License-Identifier: Apache-2.0
// Runs drafts of a model on ONNX Runtime: each is a file in a folder of its own, which goes when the work is done.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Model, type ModelMetadata } from "../../runtime/model.js";
import type { ModelOptions, ProviderChoice } from "../../runtime/model-options.js";
import { type OnnxModel, readModel, weightBytes, writeModel, writeModelAlone } from "../onnx/model-file.js";

/** How far ONNX Runtime rewrites the graph: not at all, by rules that hold everywhere, or for this machine. */
export type OptimizationLevel = "none" | "basic" | "all";

const levels: Readonly<Record<OptimizationLevel, string>> = {
  none: "disable_all",
  basic: "enable_basic",
  all: "enable_all",
};
/** Above this the optimized graph's weights go beside it, for protobuf's 2 GiB. */
const largeModel = 2 ** 30;

export interface DraftOptions {
  level?: OptimizationLevel;
  providers?: readonly ProviderChoice[];
  /** Threads of one run. Default: 1. */
  threads?: number;
  /** "auto": find out whether rows can be batched, as a server does. Default: "whole", without a trial. */
  batching?: "auto" | "whole";
  sessionOptions?: ModelOptions["sessionOptions"];
}

export class Workbench {
  readonly directory: string;
  #drafts = 0;

  constructor() {
    this.directory = mkdtempSync(join(tmpdir(), "ortserve-"));
    process.once("exit", this.#clear); // drafts are large, and a process may be told to end
  }

  /** A path for a new file. */
  path(ending: string): string {
    return join(this.directory, `${++this.#drafts}${ending}`);
  }

  /** Writes a draft; its path. Weights that lie on the bench already are not copied. */
  write(model: OnnxModel): string {
    const path = this.path(".onnx");
    if (model.directory === this.directory) writeModelAlone(path, model.proto);
    else writeModel(path, model);
    return path;
  }

  /** The model with its weights in one file on the bench, which all its drafts share. */
  async share(model: OnnxModel): Promise<OnnxModel> {
    const path = this.path(".onnx");
    writeModel(path, model, { inlineBytes: 0 });
    return readModel(path);
  }

  /** A session that runs one request at a time, as given: nothing cached. Close it. */
  load(source: OnnxModel | string, options: DraftOptions = {}): Promise<Model> {
    const path = typeof source === "string" ? source : this.write(source);
    return Model.load(path, {
      batching: options.batching ?? "whole",
      measure: false,
      instances: 1,
      intraOpThreads: options.threads ?? 1,
      sessionOptions: {
        "session.graph_optimization_level": levels[options.level ?? "all"],
        "session.log_severity_level": 3,
        ...options.sessionOptions,
      },
      ...(options.providers !== undefined && { providers: options.providers }),
    });
  }

  /** What a model takes and gives; no session stays open. */
  async describe(source: OnnxModel | string): Promise<ModelMetadata> {
    const model = await this.load(source);
    await model.close();
    return model.metadata;
  }

  /** The graph as ONNX Runtime would run it. */
  async optimized(source: OnnxModel, options: DraftOptions = {}): Promise<OnnxModel> {
    const from = this.write(source);
    const path = this.path(".optimized.onnx");
    const outside = weightBytes(source.proto) > largeModel && {
      "session.optimized_model_external_initializers_file_name": `${path.split(/[\\/]/).at(-1)}.data`,
      "session.optimized_model_external_initializers_min_size_in_bytes": 1024,
    };
    const sessionOptions = { "session.optimized_model_filepath": path, ...outside, ...options.sessionOptions };
    const model = await this.load(from, { ...options, sessionOptions });
    await model.close();
    this.discard(from);
    return readModel(path);
  }

  /** Removes a draft that is not needed any more. */
  discard(path: string): void {
    rmSync(path, { force: true });
    rmSync(`${path}.data`, { force: true });
  }

  close(): void {
    process.off("exit", this.#clear);
    this.#clear();
  }

  readonly #clear = (): void => rmSync(this.directory, { recursive: true, force: true });
}

// SPDX-License-Identifier: Apache-2.0
// What stands around every change of a model: a workbench, a clock, and where the result came from.
import { basename } from "node:path";
import { startEngine } from "../../runtime/engine.js";
import { version } from "../../version.js";
import { checkOutput, checkOutputData } from "../onnx/model-file.js";
import { type Machine, thisMachine } from "./machine.js";
import { StageClock } from "./stage-clock.js";
import { Workbench } from "./workbench.js";

export interface ChangeOptions {
  readonly model: string;
  readonly output: string;
  /** A stage may be named "ATTEMPT: STAGE". */
  readonly onProgress?: (stage: string, done: number, of: number) => void;
}

export type ChangeRun<Options extends ChangeOptions> = Options & Required<Pick<ChangeOptions, "onProgress">>;

/** Does `work` on a workbench that goes when it ends. Rejects with ERR_INVALID_ARGUMENT where nothing could be written to `output`. */
export async function changeModel<Options extends ChangeOptions, Result>(
  options: Options,
  work: (bench: Workbench, clock: StageClock, run: ChangeRun<Options>) => Promise<Result>,
): Promise<Result> {
  checkOutput(options.output, options.model);
  await checkOutputData(options.output, options.model);
  const clock = new StageClock("preparation");
  const onProgress = (stage: string, done: number, of: number) => {
    clock.enter(stage.replace(/^.*: /, ""));
    options.onProgress?.(stage, done, of);
  };
  const bench = new Workbench();
  return work(bench, clock, { ...options, onProgress }).finally(() => bench.close());
}

/** The first lines of a report. */
export interface Provenance {
  readonly model: string;
  readonly output: string;
  readonly date: string;
  readonly versions: { readonly ortserve: string; readonly onnxruntime: string };
  readonly machine: Machine;
}

export function provenance({ model, output }: ChangeOptions): Provenance {
  return {
    model: basename(model),
    output: basename(output),
    date: new Date().toISOString(),
    versions: { ortserve: version, onnxruntime: startEngine().version },
    machine: thisMachine(),
  };
}

// SPDX-License-Identifier: Apache-2.0
// `ortserve prune`: writes a model only when it is proven good enough; says why when it is not.
import { Command, Option } from "commander";
import type { RequestForm } from "../optimize/data/request-reader.js";
import { type PruneOptions, pruneModel } from "../optimize/prune/prune.js";
import { type SparsifyOptions, sparsifyModel } from "../optimize/prune/sparsify.js";
import { pruneHtml } from "../optimize/report/prune-html.js";
import { pruneText } from "../optimize/report/prune-text.js";
import { sparseHtml } from "../optimize/report/sparse-html.js";
import { sparseText } from "../optimize/report/sparse-text.js";
import { checkReport, concludeChange, endCleanly, type ModelChange, type ReportFlags } from "./model-change.js";
import { decibels, fraction, integer, ratio, shape } from "./option-values.js";
import { ProgressLine } from "./progress.js";
import { calibrationHelp, requestForm } from "./request-form.js";

interface PruneFlags extends ReportFlags {
  output: string;
  calib: string;
  config?: string;
  sparsity?: number;
  macsRatio?: number;
  align: number;
  maxDrop: number;
  minSqnr: number;
  minSpeedup: number;
  maxSamples: number;
  pruneInputs?: true;
  keepOutputs?: string;
  pattern?: "2:4";
  refit: boolean;
  shape?: Record<string, number[]>;
}

const examples = `
Examples:
  ortserve prune resnet50.onnx -o half.onnx --calib images.npz --sparsity 0.5 --max-drop 2%
  ortserve prune digits.onnx -o small.onnx --calib digits.npz --macs-ratio 0.3
  ortserve prune ranker.onnx -o compact.onnx --calib rows.npz --prune-inputs
  ortserve prune detector.onnx -o few.onnx --calib images.npz --keep-outputs 0-4,17
  ortserve prune resnet50.onnx -o sparse.onnx --calib images.npz --pattern 2:4
`;

export function pruneCommand(): Command {
  return new Command("prune")
    .description("take channels out of a model, refit the rest, and prove the result before writing it")
    .argument("<model>", "FP32 .onnx file")
    .requiredOption("-o, --output <file>", ".onnx file to write")
    .requiredOption("--calib <data>", calibrationHelp)
    .option("--config <file>", "config.yaml that says what requests are (default: that of the model's directory)")
    .option(
      "--sparsity <share>",
      "channels to take out (default: 50%), rounded up to --align; fewer when quality needs it",
      fraction,
    )
    .addOption(
      new Option("--macs-ratio <share>", "multiply-accumulates to be left, instead of --sparsity")
        .argParser(fraction)
        .conflicts("sparsity"),
    )
    .option(
      "--align <number>",
      "kept channels are multiples of it, of 8 in small groups; 1: any number",
      integer(1, 256),
      16,
    )
    .option("--max-drop <share>", "most loss of accuracy, or of agreement with the original", fraction, 0.01)
    .option("--min-sqnr <dB>", "least signal to noise of each output; 0: no bound", decibels, 0)
    .option("--min-speedup <ratio>", "least speed-up; 0: size is what counts", ratio, 1)
    .option("--prune-inputs", "drop elements of inputs that do nothing; callers go on sending them")
    .option("--keep-outputs <list>", "positions in the output's last dim to keep, such as 0-3,7 or NAME:0-3,7")
    .addOption(
      new Option("--pattern <name>", "instead of channels: zeros for the sparse kernels of TensorRT")
        .choices(["2:4"])
        .conflicts(["sparsity", "macsRatio", "pruneInputs", "keepOutputs", "align", "refit", "minSpeedup"]),
    )
    .option("--no-refit", "leave the remaining weights as they are")
    .option("--max-samples <number>", "most samples to use", integer(1, 1_000_000), 256)
    .option("--shape <name:dims>", "with --calib random: shape of an input with open dims", shape)
    .option("--report <path>", "where reports go, without .json and .html (default: beside the output)")
    .option("--no-report", "write no reports")
    .option("--json", "print the report as JSON")
    .addHelpText("after", examples)
    .action(prune);
}

async function prune(model: string, flags: PruneFlags): Promise<void> {
  checkReport(flags);
  const progress = new ProgressLine();
  endCleanly();
  const requests = await requestForm(model, flags.config);
  const shared = sharedOptions(model, flags, progress, requests);
  const change = flags.pattern === undefined ? pruned({ ...optionsOf(flags), ...shared }) : sparsified(shared);
  concludeChange(await change.finally(() => progress.clear()), flags);
}

async function pruned(options: PruneOptions): Promise<ModelChange> {
  const { report, missed } = await pruneModel(options);
  return { report, missed, text: pruneText(report), html: () => pruneHtml(report, missed) };
}

async function sparsified(options: SparsifyOptions): Promise<ModelChange> {
  const { report, missed } = await sparsifyModel(options);
  return { report, missed, text: sparseText(report), html: () => sparseHtml(report, missed) };
}

function sharedOptions(
  model: string,
  { output, calib: calibration, maxDrop, minSqnr, maxSamples, shape }: PruneFlags,
  progress: ProgressLine,
  requests: RequestForm,
): SparsifyOptions {
  return {
    ...{ model, output, calibration, requests, maxDrop, minSqnr, maxSamples },
    ...(shape && { shapes: shape }),
    onProgress: (stage, done, of) => progress.show(stage, done, of),
  };
}

function optionsOf({ align, minSpeedup, refit, pruneInputs, sparsity, macsRatio, keepOutputs }: PruneFlags) {
  return {
    ...{ align, minSpeedup, refit, pruneInputs: pruneInputs ?? false },
    ...(sparsity !== undefined && { sparsity }),
    ...(macsRatio !== undefined && { macsRatio }),
    ...(keepOutputs !== undefined && { keepOutputs }),
  };
}

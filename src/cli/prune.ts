// SPDX-License-Identifier: Apache-2.0
// `ortserve prune`: writes a model only when it is proven good enough; says why when it is not.
import { Command, Option } from "commander";
import { type PruneOptions, pruneModel } from "../optimize/prune/prune.js";
import { pruneHtml } from "../optimize/report/prune-html.js";
import { pruneText } from "../optimize/report/prune-text.js";
import { concludeChange, endCleanly, type ReportFlags } from "./model-change.js";
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
  refit: boolean;
  shape?: Record<string, number[]>;
}

const examples = `
Examples:
  ortserve prune resnet50.onnx -o half.onnx --calib images.npz --sparsity 0.5 --max-drop 2%
  ortserve prune digits.onnx -o small.onnx --calib digits.npz --macs-ratio 0.3
  ortserve prune ranker.onnx -o compact.onnx --calib rows.npz --prune-inputs
  ortserve prune detector.onnx -o few.onnx --calib images.npz --keep-outputs 0-4,17
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
  const progress = new ProgressLine();
  endCleanly();
  const requests = await requestForm(model, flags.config);
  const options = { ...optionsOf(model, flags, progress), requests };
  const { report, missed } = await pruneModel(options).finally(() => progress.clear());
  concludeChange({ report, missed, text: pruneText(report), html: () => pruneHtml(report, missed) }, flags);
}

function optionsOf(model: string, flags: PruneFlags, progress: ProgressLine): PruneOptions {
  const { output, calib: calibration, align, maxDrop, minSqnr, minSpeedup, maxSamples, refit } = flags;
  return {
    ...{ model, output, calibration, align, maxDrop, minSqnr, minSpeedup, maxSamples, refit },
    pruneInputs: flags.pruneInputs ?? false,
    ...(flags.sparsity !== undefined && { sparsity: flags.sparsity }),
    ...(flags.macsRatio !== undefined && { macsRatio: flags.macsRatio }),
    ...(flags.keepOutputs !== undefined && { keepOutputs: flags.keepOutputs }),
    ...(flags.shape && { shapes: flags.shape }),
    onProgress: (stage, done, of) => progress.show(stage, done, of),
  };
}

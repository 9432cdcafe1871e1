// SPDX-License-Identifier: Apache-2.0
// `ortserve quantize`: writes a model only when it is proven good enough; says why when it is not.
import { Command, Option } from "commander";
import { calibrationBytes } from "../optimize/quantize/calibrate.js";
import { type CpuCompat, cpuCompats } from "../optimize/quantize/cpu-compat.js";
import { type QuantizeOptions, quantizeModel } from "../optimize/quantize/quantize.js";
import { type Target, targets } from "../optimize/quantize/target.js";
import { htmlReport } from "../optimize/report/html.js";
import { reportText } from "../optimize/report/text.js";
import { checkReport, concludeChange, endCleanly, type ReportFlags } from "./model-change.js";
import { decibels, fraction, integer, ratio, shape, size } from "./option-values.js";
import { ProgressLine } from "./progress.js";
import { calibrationHelp, requestForm } from "./request-form.js";

interface QuantizeFlags extends ReportFlags {
  calib: string;
  config?: string;
  target: Target;
  mode: "auto" | "static" | "dynamic";
  maxDrop: number;
  minSqnr: number;
  minSpeedup: number;
  inputU8?: true;
  outputU8?: true;
  inputLayout: "same" | "nhwc";
  maxSamples: number;
  exclude?: string[];
  perTensor?: true;
  biasCorrection: boolean;
  cpuCompat: CpuCompat;
  shape?: Record<string, number[]>;
  memory: number;
}

const examples = `
Examples:
  ortserve quantize resnet50.onnx -o resnet50-int8.onnx --calib images.npz
  ortserve quantize models/photos/1/model.onnx -o photos-int8.onnx --calib photos/
  ortserve quantize digits.onnx -o small.onnx --calib requests.jsonl --input-u8 --max-drop 0.3%
  ortserve quantize bert.onnx -o bert-int8.onnx --calib tokens.npz --mode dynamic
  ortserve quantize net.onnx -o net-trt.onnx --calib images.npz --target tensorrt
`;

export function quantizeCommand(): Command {
  return new Command("quantize")
    .description("make a model smaller and faster with 8-bit integers, and prove it before writing it")
    .argument("<model>", "FP32 .onnx file")
    .requiredOption("-o, --output <file>", ".onnx file to write")
    .requiredOption("--calib <data>", calibrationHelp)
    .option("--config <file>", "config.yaml that says what requests are (default: that of the model's directory)")
    .addOption(new Option("--target <name>", "what will run the model").choices([...targets]).default("cpu"))
    .addOption(
      new Option("--mode <name>", "how activations get their ranges")
        .choices(["auto", "static", "dynamic"])
        .default("auto"),
    )
    .option("--max-drop <share>", "most loss of accuracy, or of agreement with the original", fraction, 0.01)
    .option("--min-sqnr <dB>", "least signal to noise of each output; 0: no bound", decibels, 0)
    .option("--min-speedup <ratio>", "least speed-up; 0: size is what counts", ratio, 1)
    .option("--input-u8", "take inputs as UINT8: pixels, where the configuration says how images are normalized")
    .addOption(
      new Option("--input-layout <name>", "with --input-u8: layout of image inputs")
        .choices(["same", "nhwc"])
        .default("same"),
    )
    .option("--output-u8", "give outputs of convolutions as UINT8; scales go into the model's metadata")
    .option("--max-samples <number>", "most samples to use", integer(1, 1_000_000), 256)
    .option("--exclude <name...>", "layers that stay FP32")
    .option("--per-tensor", "one scale per weight instead of one per channel")
    .option("--no-bias-correction", "leave biases alone where goals are missed: it takes a load per layer")
    .addOption(
      new Option("--cpu-compat <name>", "best on this processor, right on every one (avx2), or for those with VNNI")
        .choices([...cpuCompats])
        .default("native"),
    )
    .option("--shape <name:dims>", "with --calib random: shape of an input with open dims", shape)
    .option("--memory <size>", "most bytes of tensors watched at once", size, calibrationBytes)
    .option("--report <path>", "where reports go, without .json and .html (default: beside the output)")
    .option("--no-report", "write no reports")
    .option("--json", "print the report as JSON")
    .addHelpText("after", examples)
    .action(quantize);
}

async function quantize(model: string, flags: QuantizeFlags): Promise<void> {
  checkReport(flags);
  const progress = new ProgressLine();
  endCleanly();
  const requests = await requestForm(model, flags.config);
  const options = { ...optionsOf(model, flags, progress), requests };
  const { report, missed } = await quantizeModel(options).finally(() => progress.clear());
  concludeChange({ report, missed, text: reportText(report), html: () => htmlReport(report, missed) }, flags);
}

function optionsOf(model: string, flags: QuantizeFlags, progress: ProgressLine): QuantizeOptions {
  return {
    model,
    output: flags.output,
    calibration: flags.calib,
    target: flags.target,
    mode: flags.mode,
    maxDrop: flags.maxDrop,
    minSqnr: flags.minSqnr,
    minSpeedup: flags.minSpeedup,
    inputU8: flags.inputU8 ?? false,
    outputU8: flags.outputU8 ?? false,
    inputLayout: flags.inputLayout,
    maxSamples: flags.maxSamples,
    perTensor: flags.perTensor ?? false,
    biasCorrection: flags.biasCorrection,
    cpuCompat: flags.cpuCompat,
    budgetBytes: flags.memory,
    ...(flags.exclude && { exclude: flags.exclude }),
    ...(flags.shape && { shapes: flags.shape }),
    onProgress: (stage, done, of) => progress.show(stage, done, of),
  };
}

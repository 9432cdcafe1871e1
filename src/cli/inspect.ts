// SPDX-License-Identifier: Apache-2.0
// `ortserve inspect`: what a model is, and how it runs here; or what a second model changes.
import { Command } from "commander";
import { differences, differenceText } from "../optimize/inspect/difference.js";
import { type InspectOptions, inspectModel } from "../optimize/inspect/inspect.js";
import { inspectionText } from "../optimize/inspect/text.js";
import { shape } from "./option-values.js";

interface InspectFlags {
  json?: true;
  shape?: Record<string, number[]>;
  providers?: string[];
}

const examples = `
Examples:
  ortserve inspect resnet50.onnx
  ortserve inspect detector.onnx --shape image:1,3,640,640     dims that the model leaves open
  ortserve inspect old.onnx new.onnx                           what has changed
  ortserve inspect resnet50.onnx --json | jq .run.macs
`;

export function inspectCommand(): Command {
  return new Command("inspect")
    .description("tell a model's signature, size, work, and how ONNX Runtime runs it; or how two models differ")
    .argument("<model>", ".onnx file")
    .argument("[other]", "a second one, to compare with the first")
    .option("--json", "print JSON")
    .option("--shape <name:dims>", "shape of an input with open dims; may be given for each input", shape)
    .option("--providers <name...>", "execution providers in order of preference (default: cpu)")
    .addHelpText("after", examples)
    .action(inspect);
}

async function inspect(path: string, other: string | undefined, flags: InspectFlags): Promise<void> {
  const options: InspectOptions = {
    ...(flags.shape && { shapes: flags.shape }),
    ...(flags.providers && { providers: flags.providers }),
  };
  const found = await inspectModel(path, options);
  if (other === undefined) {
    process.stdout.write(flags.json ? `${JSON.stringify(found, null, 2)}\n` : inspectionText(found));
    return;
  }
  const second = await inspectModel(other, options);
  const json = () => JSON.stringify({ before: found, after: second, changes: differences(found, second) }, null, 2);
  process.stdout.write(flags.json ? `${json()}\n` : differenceText(found, second));
}

// SPDX-License-Identifier: Apache-2.0
// The end of every report: how the model was made, where, of what versions, and how long each stage took.
import type { Provenance } from "../run/model-change.js";
import type { Stage } from "../run/stage-clock.js";
import { timeText } from "./format.js";
import { type Row, table } from "./page.js";

/** `how`: what was asked for and found, a row each. */
export function madeSection(how: readonly Row[], report: Provenance & { readonly stages: readonly Stage[] }): string {
  const { machine, versions, date, stages } = report;
  const where: Row[] = [
    ["processor", `${machine.cpu}, ${machine.cores} cores, 8-bit products: ${machine.int8Instructions}`],
    ["versions", `ortserve ${versions.ortserve}, ONNX Runtime ${versions.onnxruntime}`],
    ["date", date],
  ];
  const took = stages.map(({ name, seconds }): Row => [name, timeText(1e6 * seconds)]);
  return `<h2>Made</h2>\n${table(["", ""], [...how, ...where])}\n${table(["stage", "took"], took)}`;
}

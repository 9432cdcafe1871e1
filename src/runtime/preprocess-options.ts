// SPDX-License-Identifier: Apache-2.0
// Option `preprocess` of Model.load: what each input is made of, and what the native plan makes of that.
import { OrtserveError } from "../errors.js";
import type { NativeInputPlan } from "../native/plans.js";
import { audioPlan, type SoundPreprocess } from "./audio-options.js";
import { type ColumnPreprocess, columnPlan } from "./column-options.js";
import { type ImagePreprocess, imagePlan } from "./image-options.js";
import { describe } from "./option-check.js";

/** Exactly one of the three. */
export type InputPreprocess =
  | { image: ImagePreprocess }
  /** Named values of a row; a bare name stands for a number. Order is that of the elements. */
  | { columns: readonly (string | ColumnPreprocess)[] }
  | { audio: SoundPreprocess };

/** By input name; "" stands for the only input. */
export type Preprocess = Readonly<Record<string, InputPreprocess>>;

const kinds = ["image", "columns", "audio"] as const;

/** Throws ERR_INVALID_ARGUMENT. Whether it fits the graph is found out by the load. */
export function nativePreprocess(options: Preprocess = {}): Record<string, NativeInputPlan> {
  return Object.fromEntries(Object.entries(options).map(([input, option]) => [input, inputPlan(input, option)]));
}

function inputPlan(input: string, option: InputPreprocess): NativeInputPlan {
  const where = `preprocess of input '${input}'`;
  const given = typeof option === "object" && option !== null ? Object.keys(option) : [];
  const [kind] = given;
  if (given.length !== 1 || !kinds.some((known) => known === kind)) {
    const got = given.length === 0 ? describe(option) : given.map((key) => `'${key}'`).join(", ");
    throw new OrtserveError("ERR_INVALID_ARGUMENT", `${where}: expected one of ${kinds.join(", ")}, got ${got}`);
  }
  if ("image" in option) return imagePlan(where, option.image);
  if ("audio" in option) return audioPlan(where, option.audio);
  return tabularPlan(where, option.columns);
}

function tabularPlan(where: string, columns: readonly (string | ColumnPreprocess)[]): NativeInputPlan {
  if (!Array.isArray(columns) || columns.length === 0) {
    throw new OrtserveError("ERR_INVALID_ARGUMENT", `${where}: expected a list of columns, got ${describe(columns)}`);
  }
  const plans = columns.map((column) => columnPlan(where, typeof column === "string" ? { name: column } : column));
  const names = plans.map(({ name }) => name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice === undefined) return { kind: "tabular", columns: plans };
  throw new OrtserveError("ERR_INVALID_ARGUMENT", `${where}: column '${twice}' stands twice`);
}

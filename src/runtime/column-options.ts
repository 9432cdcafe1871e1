// SPDX-License-Identifier: Apache-2.0
// One named value of a row: a number, or a category as one-hot elements or as a code.
import { OrtserveError } from "../errors.js";
import type { NativeColumn } from "../native/plans.js";
import { checkOptions, describe, type OptionTable } from "./option-check.js";

export interface ColumnPreprocess {
  name: string;
  /** Used when the value is missing or null. Default: the value must come. */
  default?: number | string | boolean;
  /** Standardize: (x - mean) / std. Default: 0 and 1. */
  mean?: number;
  std?: number;
  /** Values outside are refused, or with `clip` moved to the nearer end. Default: no bounds. */
  min?: number;
  max?: number;
  clip?: boolean;
  /** Let NaN and infinities through. Default: false. */
  allowNan?: boolean;
  /** Categories, one element each. */
  oneHot?: readonly (string | number | boolean)[];
  /** Codes by category, or categories whose codes are 0, 1, 2... */
  ordinal?: Readonly<Record<string, number>> | readonly (string | number | boolean)[];
  /** A category that is not listed: refuse it (default), "ignore" it (one-hot: all elements 0), or give it this code. */
  unknown?: "error" | "ignore" | number;
}

const number = { kind: "number", min: -Number.MAX_VALUE, max: Number.MAX_VALUE } as const;
const isCategory = (value: unknown) => ["string", "number", "boolean"].includes(typeof value);
const isCategories = (value: unknown) => Array.isArray(value) && value.length > 0 && value.every(isCategory);
const custom = (expected: string, accepts: (value: unknown) => boolean) =>
  ({ kind: "custom", check: (value: unknown) => (accepts(value) ? undefined : expected) }) as const;

const table: OptionTable<ColumnPreprocess> = {
  name: custom("a name", (value) => typeof value === "string" && value !== ""),
  default: custom("a number, a string or a boolean", isCategory),
  mean: number,
  std: custom("a number other than 0", (value) => Number.isFinite(value) && value !== 0),
  min: number,
  max: number,
  clip: { kind: "boolean" },
  allowNan: { kind: "boolean" },
  oneHot: custom("a list of categories", isCategories),
  ordinal: custom("a list of categories, or codes by category", (value) => isCategories(value) || isCodes(value)),
  unknown: custom(
    '"error", "ignore" or a number',
    (value) => ["error", "ignore"].includes(value as string) || Number.isFinite(value),
  ),
};

export function columnPlan(where: string, column: ColumnPreprocess): NativeColumn {
  checkOptions("column", column, table);
  const { name, oneHot, ordinal, unknown = "error", min = -Infinity, max = Infinity } = column;
  const fault = (expected: string) =>
    new OrtserveError("ERR_INVALID_ARGUMENT", `${where}: column '${name}': expected ${expected}`);
  if (name === undefined) throw new OrtserveError("ERR_INVALID_ARGUMENT", `${where}: expected a name in each column`);
  if (oneHot !== undefined && ordinal !== undefined) throw fault("oneHot or ordinal, got both");
  if (min > max) throw fault(`a min of at most max, got ${min} and ${max}`);
  const kind = oneHot !== undefined ? "oneHot" : ordinal !== undefined ? "ordinal" : "number";
  const numeric = ["mean", "std", "min", "max", "clip", "allowNan"] as const;
  const misplaced =
    kind === "number"
      ? column.unknown === undefined
        ? undefined
        : "unknown"
      : numeric.find((key) => column[key] !== undefined);
  if (misplaced !== undefined) throw fault(`no ${misplaced} for ${kind === "number" ? "a number" : "categories"}`);
  if (kind === "oneHot" && typeof unknown === "number")
    throw fault(`unknown: error or ignore for oneHot, got ${unknown}`);
  if (kind === "ordinal" && unknown === "ignore") throw fault("unknown: error or a number for ordinal, got ignore");
  const listed = categoriesOf(oneHot ?? ordinal ?? []);
  return {
    name,
    kind,
    ...defaultOf(column, kind, listed.categories, fault),
    mean: column.mean ?? 0,
    std: column.std ?? 1,
    low: min,
    high: max,
    clip: column.clip ?? false,
    allowNan: column.allowNan ?? false,
    ...listed,
    unknown: typeof unknown === "number" ? "value" : unknown,
    unknownCode: typeof unknown === "number" ? unknown : 0,
  };
}

/** A default that the column itself would refuse is a fault of the configuration, not of a request that relies on it. */
function defaultOf(
  column: ColumnPreprocess,
  kind: NativeColumn["kind"],
  categories: readonly string[],
  fault: (expected: string) => OrtserveError,
) {
  const { default: value, unknown = "error", min = -Infinity, max = Infinity } = column;
  if (value === undefined) return {};
  if (kind !== "number") {
    if (unknown === "error" && !categories.includes(String(value)))
      throw fault(`one of its categories as default, or another 'unknown' than error, got ${describe(value)}`);
    return { defaultCategory: String(value) };
  }
  if (typeof value === "string") throw fault(`a number as default, got ${describe(value)}`);
  const number = Number(value);
  if (!Number.isFinite(number) && !column.allowNan)
    throw fault(`a finite number as default, or allowNan, got ${describe(value)}`);
  if (!column.clip && (number < min || number > max))
    throw fault(`a default from ${min} to ${max}, or clip, got ${describe(value)}`);
  return { defaultNumber: number };
}

function categoriesOf(given: NonNullable<ColumnPreprocess["ordinal"]>): Pick<NativeColumn, "categories" | "codes"> {
  if (isList(given)) return { categories: given.map(String), codes: given.map((_, index) => index) };
  return { categories: Object.keys(given), codes: Object.values(given) };
}

function isList(given: unknown): given is readonly unknown[] {
  return Array.isArray(given);
}

function isCodes(value: unknown): boolean {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const codes = Object.values(value);
  return codes.length > 0 && codes.every(Number.isFinite);
}

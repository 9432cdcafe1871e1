// SPDX-License-Identifier: Apache-2.0
// Checks option objects against a table, so that every wrong option gets the same kind of answer.
import { OrtserveError } from "../errors.js";
import { didYouMean } from "./nearest-name.js";

/** What one option accepts. */
export type OptionRule =
  | { kind: "integer" | "number"; min: number; max: number }
  | { kind: "string" }
  | { kind: "boolean" }
  | { kind: "choice"; of: readonly (string | boolean)[] }
  /** Checked elsewhere, or by `check`, which returns what was expected when it is not that. */
  | { kind: "custom"; check: (value: unknown) => string | undefined };

export type OptionTable<T> = { readonly [K in keyof T]-?: OptionRule };

/** Throws ERR_INVALID_ARGUMENT for an unknown name or a value outside its rule. `undefined` values count as absent. */
export function checkOptions<T extends object>(owner: string, options: T, table: OptionTable<T>): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw invalid(`expected an object of ${owner} options, got ${describe(options)}`);
  }
  const rules = table as Record<string, OptionRule>;
  for (const [name, value] of Object.entries(options)) {
    const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
    if (rule === undefined) {
      throw invalid(`unknown ${owner} option '${name}'${didYouMean(name, Object.keys(rules)) || knownNames(rules)}`);
    }
    const expected = value === undefined ? undefined : mismatch(rule, value);
    if (expected !== undefined) {
      throw invalid(`expected ${expected} for ${owner} option '${name}', got ${describe(value)}`);
    }
  }
}

/** How a value is shown in a message: short, and with its type when that is the point. */
export function describe(value: unknown): string {
  if (value === null) return "null";
  if (typeof value === "string") return JSON.stringify(value.length > 40 ? `${value.slice(0, 40)}…` : value);
  if (typeof value === "number" || typeof value === "boolean" || value === undefined) return String(value);
  if (typeof value === "bigint") return `${value}n`;
  if (typeof value === "function") return "a function";
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (ArrayBuffer.isView(value)) return `${value.constructor.name} of ${value.byteLength} bytes`;
  return typeof value === "object" ? `an object ${value.constructor?.name ?? ""}`.trimEnd() : typeof value;
}

function mismatch(rule: OptionRule, value: unknown): string | undefined {
  switch (rule.kind) {
    case "integer":
      return Number.isSafeInteger(value) && inRange(value as number, rule)
        ? undefined
        : `an integer from ${rule.min} to ${rule.max}`;
    case "number":
      return typeof value === "number" && inRange(value, rule) ? undefined : `a number from ${rule.min} to ${rule.max}`;
    case "choice":
      return (rule.of as readonly unknown[]).includes(value) ? undefined : `one of ${rule.of.map(describe).join(", ")}`;
    case "custom":
      return rule.check(value);
    default:
      return typeof value === rule.kind ? undefined : `a ${rule.kind}`;
  }
}

function inRange(value: number, { min, max }: { min: number; max: number }): boolean {
  return value >= min && value <= max; // false for NaN
}

function knownNames(rules: Record<string, OptionRule>): string {
  return `; known: ${Object.keys(rules).join(", ")}`;
}

function invalid(message: string): OrtserveError {
  return new OrtserveError("ERR_INVALID_ARGUMENT", message);
}

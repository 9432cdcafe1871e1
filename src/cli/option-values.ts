// SPDX-License-Identifier: Apache-2.0
// Texts of command-line options as values. Commander turns what they throw into one line and exit code 2.
import { InvalidArgumentError } from "commander";
import { expectedOrigin, isOrigin } from "../server/origin.js";

export function integer(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (/^[0-9]+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`Expected an integer from ${least} to ${most}.`);
  };
}

export function address(text: string): string {
  if (text !== "") return text;
  throw new InvalidArgumentError("Expected an address or a host's name, such as 127.0.0.1 or ::.");
}

/** Collects what an option names that may be given several times. One value each: the next word may be the path. */
export function names(text: string, known: readonly string[] = []): string[] {
  if (text !== "" && !text.startsWith("-")) return [...known, text];
  throw new InvalidArgumentError("Expected a name.");
}

/** As {@link names}. */
export function origins(text: string, known: readonly string[] = []): string[] {
  if (isOrigin(text)) return [...known, text];
  throw new InvalidArgumentError(`${expectedOrigin.replace("expected", "Expected")}.`);
}

/** A number of threads, which the command checks, or "auto". */
export function countOrAuto(text: string): number | "auto" {
  if (text === "auto") return text;
  if (/^[0-9]+$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Expected a number, or auto.");
}

/** "64m" -> 67108864 */
export function size(text: string): number {
  const value = bytes(text);
  if (value >= 1 && value < 2 ** 31) return value;
  throw new InvalidArgumentError("Expected a number of bytes below 2 GiB, such as 1000000 or 64m.");
}

/** As {@link size}, for amounts that may pass 2 GiB. */
export function memorySize(text: string): number {
  const value = bytes(text);
  if (value >= 1 && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError("Expected a number of bytes, such as 1000000, 64m or 16g.");
}

function bytes(text: string): number {
  const [, digits, unit = ""] = /^([0-9]+)([kmgt]?)b?$/i.exec(text) ?? [];
  return Number(digits) * 1024 ** " kmgt".indexOf(unit.toLowerCase() || " ");
}

/** "1%" -> 0.01, "0.01" -> 0.01 */
export function fraction(text: string): number {
  const value = text.endsWith("%") ? Number(text.slice(0, -1)) / 100 : Number(text);
  if (/^[0-9.]+%?$/.test(text) && value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError("Expected a share from 0 to 1, or a percentage such as 1%.");
}

export function decibels(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && value <= 200) return value;
  throw new InvalidArgumentError("Expected a number of decibels from 0 to 200.");
}

/** Collects "image:1,3,224,224" into a table of shapes. */
export function shape(text: string, known: Record<string, number[]> = {}): Record<string, number[]> {
  const [, name = "", list = ""] = /^(.+):([0-9]+(?:,[0-9]+)*)$/.exec(text) ?? [];
  if (name === "") throw new InvalidArgumentError("Expected NAME:DIMS, such as image:1,3,224,224.");
  return { ...known, [name]: list.split(",").map(Number) };
}

/** "1.5" */
export function ratio(text: string): number {
  const value = Number(text);
  if (/^[0-9.]+$/.test(text) && value >= 0 && value <= 1000) return value;
  throw new InvalidArgumentError("Expected a number from 0 to 1000, such as 1.5.");
}

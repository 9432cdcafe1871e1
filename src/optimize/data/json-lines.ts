// SPDX-License-Identifier: Apache-2.0
// Requests as /predict takes them, one JSON value per line: {"instances": [rows]}, {"inputs": {name: array}}, one row as an
// object of inputs, or the row alone. A "label" beside them, or "labels" beside instances, is the index of the right class.
import { readFile } from "node:fs/promises";
import { OrtserveError } from "../../errors.js";
import type { PredictInputs } from "../../runtime/inputs.js";
import type { TensorSpec } from "../../runtime/model.js";
import type { NestedValue } from "../../runtime/nested.js";
import type { Samples } from "./samples.js";

interface Sample {
  /** A row without, or an input with, the batch dimension. */
  readonly inputs: Readonly<Record<string, NestedValue>>;
  readonly label: number | undefined;
}

/** Where a sample stands: a line of the text, and a row of its instances. */
interface Place {
  readonly line: number;
  readonly row: number | undefined;
}

export async function loadJsonLines(path: string, specs: readonly TensorSpec[]): Promise<Samples> {
  const text = await readFile(path, "utf8");
  const lines = wholeValue(text) ? [text] : text.split("\n").filter((line) => line.trim() !== "");
  const places = lines.flatMap((line, i): Place[] => {
    const { instances } = parse(line, path, i);
    if (instances === undefined) return [{ line: i, row: undefined }];
    if (!Array.isArray(instances)) throw invalid(path, i, `expected an array of rows as 'instances'`);
    return instances.map((_, row) => ({ line: i, row }));
  });
  // Parsed again when it is wanted: the text is a fraction of the size of its arrays.
  const read = ({ line, row }: Place) => sampleOf(parse(lines[line] as string, path, line), row, specs);
  return {
    count: places.length,
    inputs: async (index) => read(places[index] as Place).inputs as PredictInputs,
    label: (index) => read(places[index] as Place).label,
  };
}

type Request = Record<string, unknown>;

/** Whether the text is one value, as a request saved with line breaks is. */
function wholeValue(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function parse(text: string, path: string, line: number): Request {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Request)
      : { instances: [value] };
  } catch (cause) {
    throw invalid(path, line, (cause as Error).message);
  }
}

function sampleOf(request: Request, row: number | undefined, specs: readonly TensorSpec[]): Sample {
  if (row !== undefined) {
    const instance = (request.instances as unknown[])[row] as NestedValue;
    const labels = request.labels ?? [request.label];
    return { inputs: rowInputs(instance, specs), label: labelOf((labels as unknown[])[row]) };
  }
  const { inputs, label, ...rest } = request;
  if (inputs === undefined) return { inputs: rowInputs(rest as unknown as NestedValue, specs), label: labelOf(label) };
  const named = typeof inputs === "object" && inputs !== null && !Array.isArray(inputs);
  const all = named ? (inputs as Record<string, NestedValue>) : { [specs[0]?.name ?? ""]: inputs as NestedValue };
  return { inputs: all, label: labelOf(label) };
}

/** A row gets the batch dimension that it lacks. */
function rowInputs(row: NestedValue, specs: readonly TensorSpec[]): Record<string, NestedValue> {
  const named = typeof row === "object" && row !== null && !Array.isArray(row);
  if (!named) return { [specs[0]?.name ?? ""]: [row] };
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, [value as NestedValue]]));
}

function labelOf(value: unknown): number | undefined {
  return typeof value === "number" && Number.isInteger(value) ? value : undefined;
}

function invalid(path: string, line: number, what: string): OrtserveError {
  return new OrtserveError("ERR_INVALID_INPUT", `${path}, line ${line + 1}: ${what}`);
}

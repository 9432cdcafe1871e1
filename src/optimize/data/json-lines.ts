// SPDX-License-Identifier: Apache-2.0
// Requests as /predict takes them, one JSON value per line: {"instances": [rows]}, {"inputs": ...}, one row by name, or the row
// alone. A "label" beside them, or "labels" beside instances, is the right class: its index, or its name.
import { readFile } from "node:fs/promises";
import { OrtserveError } from "../../errors.js";
import { JsonScan, NotJson } from "../../runtime/json-scan.js";
import type { RequestReader, RequestTensors } from "./request-reader.js";
import type { Samples } from "./samples.js";

/** One request for one sample. */
interface Sample {
  readonly json: string;
  /** For messages. */
  readonly place: string;
  readonly label: number | undefined;
}

/** Beside the tensors: what decides only how the answer looks. */
const options = ["id", "outputs", "parameters", "signature_name"];

/** Texts are cut, not read: that is done by what reads requests, when a sample is wanted. */
export async function loadJsonLines(path: string, requests: RequestReader): Promise<Samples> {
  const text = await readFile(path, "utf8");
  const names = await requests.names();
  const lines = isOneValue(text) ? [text] : text.split("\n");
  const samples = lines.flatMap((line, i) => {
    if (line.trim() === "") return [];
    return samplesOf(line.trim(), `${path}, line ${i + 1}`, names, requests.form.labels);
  });
  return {
    count: samples.length,
    inputs: (index) => tensorsOf(samples[index] as Sample, requests),
    label: (index) => samples[index]?.label,
  };
}

async function tensorsOf({ json, place }: Sample, requests: RequestReader): Promise<RequestTensors> {
  try {
    return await requests.fromJson(json);
  } catch (error) {
    if (!(error instanceof OrtserveError)) throw error;
    throw new OrtserveError(error.code, `${place}: ${error.message}`, { cause: error });
  }
}

/** Whether the text is one value, as a request saved with line breaks is. */
function isOneValue(text: string): boolean {
  const scan = new JsonScan(text);
  try {
    scan.peek();
    scan.skip();
    return scan.peek() === "";
  } catch (error) {
    if (error instanceof NotJson) return false;
    throw error;
  }
}

function samplesOf(
  line: string,
  place: string,
  names: ReadonlySet<string>,
  classes: readonly string[] | undefined,
): Sample[] {
  if (!line.startsWith("{")) return [{ json: `{"instances":[${line}]}`, place, label: undefined }];
  const members = cut(line, place);
  const [instances, inputs] = [members.get("instances"), members.get("inputs")];
  const isRow = instances === undefined && inputs === undefined;
  const isLabel = (key: string) => (key === "label" || key === "labels") && !(isRow && names.has(key));
  const labelText = [...members].find(([key]) => isLabel(key))?.[1];
  if (isRow) {
    const kept = [...members].filter(([key]) => names.has(key) || !(isLabel(key) || options.includes(key)));
    const json = `{${kept.map(([key, value]) => `${JSON.stringify(key)}:${value}`).join(",")}}`;
    return [{ json, place, label: labelOf(labelText, place, classes) }];
  }
  const main = instances === undefined ? "inputs" : "instances";
  const other = [...members.keys()].find((key) => key !== main && !isLabel(key) && !options.includes(key));
  if (other !== undefined) throw invalid(place, `unexpected key '${other}' beside '${main}'`);
  if (instances === undefined)
    return [{ json: `{"inputs":${inputs}}`, place, label: labelOf(labelText, place, classes) }];
  return rowSamples(instances, labelText, place, classes);
}

function rowSamples(
  instances: string,
  labelText: string | undefined,
  place: string,
  classes: readonly string[] | undefined,
): Sample[] {
  const rows = items(instances);
  if (rows === undefined) throw invalid(place, `expected an array of rows as 'instances', got ${short(instances)}`);
  const labels = labelText?.startsWith("[") ? items(labelText) : labelText && Array(rows.length).fill(labelText);
  if (labels && labels.length !== rows.length)
    throw invalid(place, `expected as many labels as instances, ${rows.length}, got ${labels.length}`);
  return rows.map((row, i) => {
    const at = rows.length === 1 ? place : `${place}, instance ${i + 1}`;
    return { json: `{"instances":[${row}]}`, place: at, label: labelOf(labels?.[i], at, classes) };
  });
}

/** The texts of an object's members. */
function cut(text: string, place: string): Map<string, string> {
  const scan = new JsonScan(text);
  const members = new Map<string, string>();
  try {
    scan.object((key) => {
      if (members.has(key)) throw invalid(place, `duplicate key '${key}'`);
      members.set(key, value(scan));
    });
    if (scan.peek() !== "") throw new NotJson();
  } catch (error) {
    if (error instanceof NotJson) throw invalid(place, `expected one JSON value, got ${short(text)}`);
    throw error;
  }
  return members;
}

/** The texts of an array's items; undefined for what is none. */
function items(text: string): string[] | undefined {
  const scan = new JsonScan(text);
  const found: string[] = [];
  try {
    scan.array(() => found.push(value(scan)));
    return found;
  } catch (error) {
    if (error instanceof NotJson) return undefined;
    throw error;
  }
}

function value(scan: JsonScan): string {
  scan.peek();
  const start = scan.at;
  scan.skip();
  return scan.text.slice(start, scan.at);
}

/** An index as it is; a name as its place among the model's labels. */
function labelOf(text: string | undefined, place: string, classes: readonly string[] = []): number | undefined {
  if (text === undefined || text === "null") return undefined;
  if (/^[0-9]+$/.test(text)) return Number(text);
  const index = text.startsWith('"') ? classes.indexOf(new JsonScan(text).string()) : -1;
  if (index >= 0) return index;
  const known = classes.length > 0 ? ", or one of the model's labels" : "";
  throw invalid(place, `expected the index of a class as label${known}, got ${short(text)}`);
}

function short(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function invalid(place: string, what: string): OrtserveError {
  return new OrtserveError("ERR_INVALID_INPUT", `${place}: ${what}`);
}

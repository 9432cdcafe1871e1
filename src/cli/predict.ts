// SPDX-License-Identifier: Apache-2.0
// `ortserve predict`: runs a model once from the shell, exactly as /predict would.
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { Command } from "commander";
import { OrtserveError } from "../errors.js";
import { predictJson } from "../runtime/json-predict.js";
import { drawFirst, type MediaFile, type PreparedBody, withoutFiles } from "../runtime/media-body.js";
import { mediaTypeOf } from "../runtime/media-type.js";
import { Model } from "../runtime/model.js";
import { isNpy, npyIn } from "../runtime/npy.js";
import { modelOptions } from "../serving/model-options-of-config.js";
import { compareVersions, scanRepository } from "../serving/repository.js";
import { npyToJson } from "./npy-json.js";

interface PredictFlags {
  model?: string;
  modelVersion?: string;
  pretty?: true;
}

const examples = `
Examples:
  ortserve predict models/digits seven.png                       an image, where the model's preprocess takes one
  ortserve predict models/iris '{"instances": [[5.1, 3.5, 1.4, 0.2]]}'
  ortserve predict model.onnx request.json x.npy                 each input is one request, each answer one line
  ortserve predict models/people age=39 city=Oslo                named values or files are one request together
  cat photo.jpg | ortserve predict models/photos -
`;

export function predictCommand(): Command {
  return new Command("predict")
    .description("run a model once, and print the answer as JSON")
    .argument("<model>", ".onnx file, a model's directory, or a repository with --model")
    .argument("<input...>", "file (image, sound, JSON, .npy), JSON text, NAME=VALUE or NAME=FILE, or - for stdin")
    .option("--model <name>", "which model of a repository (default: the only one)")
    .option("--model-version <number>", "which version of it (default: the one that is served)")
    .option("--pretty", "indent the answer")
    .addHelpText("after", examples)
    .action(predict);
}

async function predict(path: string, inputs: string[], flags: PredictFlags): Promise<void> {
  const model = await loadOne(path, flags);
  try {
    const named = inputs.filter(isNamed);
    if (named.length > 0 && named.length < inputs.length) {
      const other = inputs.find((input) => !isNamed(input));
      throw new OrtserveError("ERR_INVALID_ARGUMENT", `expected NAME=VALUE as the other inputs are, got '${other}'`);
    }
    if (named.length > 0) await print(model, await namedRequest(model, named), flags);
    else for (const input of inputs) await print(model, await request(model, input), flags);
  } finally {
    await model.close();
  }
}

async function loadOne(path: string, flags: PredictFlags): Promise<Model> {
  const { entries, faults } = await scanRepository(path);
  const wanted = flags.model;
  const fault = faults.find(({ name }) => wanted === undefined || name === wanted);
  const found = wanted === undefined ? entries : entries.filter(({ name }) => name === wanted);
  const [entry] = found;
  if (entry === undefined && fault) throw fault.error;
  if (entry === undefined || found.length > 1) {
    const names = entries.map(({ name }) => name).join(", ");
    throw new OrtserveError(
      "ERR_INVALID_ARGUMENT",
      `${path}: expected --model to be one of ${names}, got ${wanted ?? "none"}`,
    );
  }
  const versions = [...entry.versions].sort((a, b) => compareVersions(a.version, b.version));
  const number = flags.modelVersion ?? entry.config.default_version ?? versions.at(-1)?.version;
  const version = versions.find((one) => one.version === number);
  if (version === undefined) {
    const numbers = versions.map((one) => one.version).join(", ");
    throw new OrtserveError(
      "ERR_MODEL_NOT_FOUND",
      `model '${entry.name}' has the versions ${numbers}, and not ${number}`,
    );
  }
  return Model.load(version.path, modelOptions(entry.name, version.version, entry.config));
}

/** NAME=VALUE, unless that is a file, or JSON. */
function isNamed(input: string): boolean {
  return /^[\w.:/-]+=/.test(input) && !existsSync(input);
}

/** One request of one input. */
async function request(model: Model, input: string): Promise<PreparedBody> {
  const bytes = await contentOf(input);
  if (isNpy(bytes)) return withoutFiles(`{"inputs":${npyToJson(npyIn(bytes, input))}}`);
  if (mediaTypeOf(bytes) !== undefined) {
    if (model.media) return model.media.fromFile(bytes);
    const { name } = model.metadata;
    throw new OrtserveError(
      "ERR_INVALID_INPUT",
      `model '${name}' takes no files: its configuration has no preprocess for one`,
    );
  }
  const text = bytes.toString();
  const body = text.trimStart().startsWith("[") ? `{"instances":${text}}` : text;
  return (await model.media?.fromJson(body)) ?? withoutFiles(body);
}

/** One request of all named values, each read from a file where there is one of that name. */
async function namedRequest(model: Model, inputs: readonly string[]): Promise<PreparedBody> {
  const files: MediaFile[] = [];
  const first = drawFirst();
  let whole = false;
  const members: string[] = [];
  for (const input of inputs) {
    const at = input.indexOf("=");
    const name = input.slice(0, at);
    const value = input.slice(at + 1);
    const bytes = existsSync(value) ? await readFile(value) : undefined;
    if (model.media?.has(name)) {
      if (bytes === undefined) throw new OrtserveError("ERR_INVALID_ARGUMENT", `${name}: there is no file '${value}'`);
      members.push(`${JSON.stringify(name)}:${first + files.length}`);
      files.push({ input: name, file: bytes, place: "" });
      continue;
    }
    const isArray = bytes !== undefined && isNpy(bytes);
    whole ||= isArray;
    members.push(
      `${JSON.stringify(name)}:${isArray ? npyToJson(npyIn(bytes, value)) : jsonOf(bytes?.toString() ?? value)}`,
    );
  }
  const object = `{${members.join(",")}}`;
  const attachments = files.length > 0 && model.media ? await model.media.decode(files) : [];
  return { json: whole ? `{"inputs":${object}}` : `{"instances":[${object}]}`, attachments, first };
}

async function contentOf(input: string): Promise<Buffer> {
  if (input === "-") {
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  }
  if (/^\s*[[{]/.test(input)) return Buffer.from(input);
  return readFile(input).catch((error: NodeJS.ErrnoException) => {
    throw new OrtserveError("ERR_INVALID_ARGUMENT", `cannot read ${input}: ${error.message}`);
  });
}

/** JSON as it is; any other text is a string. */
function jsonOf(text: string): string {
  if (/^-?(NaN|Infinity)$/.test(text)) return text;
  try {
    JSON.parse(text);
    return text;
  } catch {
    return JSON.stringify(text);
  }
}

async function print(model: Model, body: PreparedBody, { pretty }: PredictFlags): Promise<void> {
  const text = await predictJson(model, body);
  process.stdout.write(`${pretty ? indented(text) : text}\n`);
}

/** As it is where it has numbers that JavaScript would change, or words that JSON lacks. */
function indented(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

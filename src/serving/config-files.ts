// SPDX-License-Identifier: Apache-2.0
// Where a model's configuration comes from: config.yaml, Triton's config.pbtxt, or a load request.
import { dirname, extname, join, resolve } from "node:path";
import { OrtserveError } from "../errors.js";
import { checkConfig, parseConfig } from "./config-check.js";
import { findFileOption } from "./file-options.js";
import { type ConfigReading, modelConfigSchema } from "./model-config.js";
import { readTextFile } from "./text-file.js";
import { parseTextFormat } from "./triton/text-format.js";
import { isTritonConfig, readTritonConfig } from "./triton/triton-config.js";

const yamlFile = "config.yaml";
const tritonFile = "config.pbtxt";

/** Names of the files that may hold it. */
export const configFiles: readonly string[] = [yamlFile, tritonFile];

/**
 * Reads and checks the configuration in a model's directory. `config.yaml` wins where both are there; without either
 * everything is the default.
 * @throws OrtserveError ERR_INVALID_CONFIG
 */
export async function readModelConfig(directory: string): Promise<ConfigReading> {
  const [yaml, triton] = [join(directory, yamlFile), join(directory, tritonFile)];
  const [yamlText, tritonText] = await Promise.all([readText(yaml), readText(triton)]);
  if (yamlText === undefined && tritonText !== undefined) {
    return inDirectory(readTritonConfig(parseTextFormat(tritonText, triton), triton), directory);
  }
  const notes = tritonText === undefined ? [] : [`${triton} is not read, because there is a ${yamlFile}`];
  const config = yamlText === undefined ? {} : parseConfig(modelConfigSchema, yamlText, yaml);
  return inDirectory({ config, source: yaml, notes, checks: [] }, directory);
}

/** Reads and checks one file: Triton's where its name ends in .pbtxt. @throws OrtserveError ERR_INVALID_CONFIG */
export async function readConfigFile(path: string): Promise<ConfigReading> {
  const text = await readText(path);
  if (text === undefined) throw new OrtserveError("ERR_INVALID_CONFIG", `${path}: there is no such file`);
  const reading =
    extname(path) === ".pbtxt"
      ? readTritonConfig(parseTextFormat(text, path), path)
      : { config: parseConfig(modelConfigSchema, text, path), source: path, notes: [], checks: [] };
  return inDirectory(reading, dirname(path));
}

/** The configuration that a load request brings, in JSON: the keys of `config.yaml`, or Triton's ModelConfig. @throws OrtserveError ERR_INVALID_CONFIG */
export function parseOverrideConfig(text: string, source: string): ConfigReading {
  const value = parseJson(text, source);
  const reading = isTritonConfig(value, Object.keys(modelConfigSchema.shape))
    ? readTritonConfig(value, source)
    : { config: checkConfig(modelConfigSchema, value, source), source, notes: [], checks: [] };
  const { labels, warmup } = reading.config;
  // Whoever sends this may not be shown, or write to, just any file of the machine.
  for (const path of [labels, ...(warmup?.requests ?? [])]) {
    if (typeof path !== "string" || isInside(path)) continue;
    throw new OrtserveError("ERR_INVALID_CONFIG", `${source}: expected a file in the model's directory, got ${path}`);
  }
  const option = findFileOption(reading.config);
  if (option === undefined) return reading;
  const reason = "this option has ONNX Runtime use files, or may, and can be set only in the model's directory";
  throw new OrtserveError("ERR_INVALID_CONFIG", `${source}: '${option}': ${reason}`);
}

/** With the class names in place of the file that has them, and other paths made absolute. */
export async function inDirectory(reading: ConfigReading, directory: string): Promise<ConfigReading> {
  const { config, source } = reading;
  const { labels, warmup } = config;
  const requests = warmup?.requests?.map((one) => (typeof one === "string" ? resolve(directory, one) : one));
  return {
    ...reading,
    config: {
      ...config,
      ...(typeof labels === "string" && { labels: await readLabels(resolve(directory, labels), source) }),
      ...(requests && { warmup: { ...warmup, requests } }),
    },
  };
}

/** Whether a path with "/" stays below where it starts. */
export function isInside(path: string): boolean {
  return path.split("/").every((part) => part !== "" && part !== "." && part !== ".." && !/[\\:\0]/.test(part));
}

function parseJson(text: string, source: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new OrtserveError("ERR_INVALID_CONFIG", `${source}: expected JSON: ${(error as Error).message}`);
  }
}

/** undefined: there is no such file. */
function readText(path: string): Promise<string | undefined> {
  return readTextFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw new OrtserveError("ERR_INVALID_CONFIG", `${path}: cannot be read: ${error.message}`, { cause: error });
  });
}

async function readLabels(path: string, source: string): Promise<string[]> {
  const text = await readTextFile(path).catch((error: Error) => {
    throw new OrtserveError("ERR_INVALID_CONFIG", `${source}: 'labels': cannot read ${path}: ${error.message}`, {
      cause: error,
    });
  });
  return text.split(/\r?\n/).filter((line, index, lines) => line !== "" || index < lines.length - 1);
}

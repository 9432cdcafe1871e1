// SPDX-License-Identifier: Apache-2.0
// What a model's configuration says of its requests, for commands that are given the model's file.
import { basename, dirname, resolve } from "node:path";
import type { RequestForm } from "../optimize/data/request-reader.js";
import { readConfigFile, readModelConfig } from "../serving/config-files.js";
import type { ConfigReading } from "../serving/model-config.js";
import { modelOptions } from "../serving/model-options-of-config.js";

export const calibrationHelp = "images, .npy, .npz or .jsonl files: one, or a directory of them; or the word random";

/**
 * Of `config`, or of the configuration in the repository that the model stands in as NAME/VERSION/model.onnx. Rejects with
 * ERR_INVALID_CONFIG.
 */
export async function requestForm(model: string, config?: string): Promise<RequestForm> {
  const reading = config === undefined ? await neighbour(model) : await readConfigFile(config);
  if (reading === undefined) return {};
  const { preprocess, features, labels } = modelOptions(basename(model), "1", reading.config);
  return {
    source: reading.source,
    ...(preprocess && { preprocess }),
    ...(features && { features }),
    ...(labels && { labels }),
  };
}

async function neighbour(model: string): Promise<ConfigReading | undefined> {
  const version = dirname(resolve(model));
  return /^[0-9]+$/.test(basename(version)) ? readModelConfig(dirname(version)) : undefined;
}

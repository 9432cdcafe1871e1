// SPDX-License-Identifier: Apache-2.0
// Calibration data that a client could send as they are: files of JSON, and images.
import { readFile } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { OrtserveError } from "../../errors.js";
import type { MediaReader } from "../../runtime/media-body.js";
import { loadJsonLines } from "./json-lines.js";
import type { RequestReader } from "./request-reader.js";
import type { SampleLoader, Samples } from "./samples.js";

/** They read through `requests`, which must stay open as long as their samples are used. */
export function requestLoaders(requests: RequestReader): readonly SampleLoader[] {
  return [
    { endings: [".jsonl", ".ndjson", ".json"], load: (path) => loadJsonLines(path, requests) },
    {
      endings: [".jpg", ".jpeg", ".png", ".webp", ".avif", ".gif", ".tif", ".tiff"],
      load: (path) => loadImage(path, requests),
    },
  ];
}

/** One sample, decoded each time it is wanted. Its directory's name is its class, where that is one of the model's labels. */
async function loadImage(path: string, requests: RequestReader): Promise<Samples> {
  const media = await requests.media();
  if (media === undefined) throw await withoutPreprocess(path, requests);
  const label = requests.form.labels?.indexOf(basename(dirname(path))) ?? -1;
  return {
    count: 1,
    inputs: () => imageTensors(path, media, requests),
    label: () => (label < 0 ? undefined : label),
  };
}

async function imageTensors(path: string, media: MediaReader, requests: RequestReader) {
  try {
    return await requests.fromFile(media, await readFile(path));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const code = error instanceof OrtserveError ? error.code : "ERR_INVALID_INPUT"; // it cannot be read at all
    throw new OrtserveError(code, `${path}: ${error.message}`, { cause: error });
  }
}

async function withoutPreprocess(path: string, requests: RequestReader): Promise<OrtserveError> {
  const { source } = requests.form;
  const where = source ?? "a config.yaml and name it with --config";
  const [first] = await requests.inputs();
  const example = `preprocess: { ${JSON.stringify(first?.name ?? "")}: { image: { scale: 1/255 } } }`;
  return new OrtserveError(
    "ERR_INVALID_ARGUMENT",
    `${path} is an image, and nothing says how images become the model's input: write, for example, ${example} into ${where}`,
  );
}

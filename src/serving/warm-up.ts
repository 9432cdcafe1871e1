// SPDX-License-Identifier: Apache-2.0
// What a model runs before it takes requests: samples from its configuration, or inputs made from its shapes.
import { OrtserveError } from "../errors.js";
import type { Model, ModelMetadata, TensorSpec } from "../runtime/model.js";
import { arrayTypes, type Datatype, elementCount, Tensor } from "../runtime/tensor.js";
import { trialRequest } from "../runtime/trial-request.js";
import type { ModelConfig } from "./model-config.js";
import { readTextFile } from "./text-file.js";

/** Larger inputs are not made up. */
const mostElements = 2 ** 24;

/**
 * Runs what `config.warmup` asks for, which is nothing when it is absent: loading has measured the model by then. A sample that the
 * model refuses rejects with ERR_INVALID_CONFIG; inputs that are made up may be refused.
 */
export async function warmUp(model: Model, { warmup }: ModelConfig, source: string): Promise<void> {
  if (warmup === undefined) return;
  const { count = 1, requests = [] } = warmup;
  const samples = await Promise.all(requests.map((request) => bodyOf(request, source)));
  for (let i = 0; i < count; i++) {
    for (const [index, sample] of samples.entries())
      await runSample(model, sample, `${source}: 'warmup.requests.${index}'`);
    if (samples.length === 0) await model.predict(generatedInputs(model.metadata)).catch(() => {});
  }
}

async function bodyOf(request: string | Record<string, unknown>, source: string): Promise<Record<string, unknown>> {
  if (typeof request !== "string") return request;
  try {
    return JSON.parse(await readTextFile(request));
  } catch (error) {
    throw new OrtserveError(
      "ERR_INVALID_CONFIG",
      `${source}: 'warmup': cannot read ${request}: ${(error as Error).message}`,
    );
  }
}

async function runSample(model: Model, sample: Record<string, unknown>, where: string): Promise<void> {
  const isTensor = (input: unknown): input is TensorSample =>
    typeof input === "object" && input !== null && "datatype" in input && "shape" in input;
  const { inputs } = sample;
  const isOpenInference = Array.isArray(inputs) && inputs.length > 0 && inputs.every(isTensor);
  try {
    const body = isOpenInference ? { ...sample, inputs: inputs.map(withData) } : sample;
    await trialRequest(model, isOpenInference ? "openInference" : "predict", JSON.stringify(body));
  } catch (error) {
    throw new OrtserveError("ERR_INVALID_CONFIG", `${where}: the model refuses it: ${(error as Error).message}`);
  }
}

interface TensorSample {
  datatype: string;
  shape: number[];
  data?: unknown;
}

/** An input without data is all zeros. @throws OrtserveError ERR_INVALID_ARGUMENT: no shape */
function withData(input: TensorSample): TensorSample {
  if (input.data !== undefined || elementCount(input.shape) > mostElements) return input;
  const zero = input.datatype === "BYTES" ? "" : input.datatype === "BOOL" ? false : 0;
  return { ...input, data: new Array(elementCount(input.shape)).fill(zero) };
}

/** One row of zeros for each input that has to be there. */
function generatedInputs({ inputs }: ModelMetadata): Record<string, Tensor> {
  return Object.fromEntries(inputs.filter(({ optional }) => !optional).map((spec) => [spec.name, zeros(spec)]));
}

function zeros({ datatype, shape }: TensorSpec): Tensor {
  const sizes = shape.map((dim) => (dim < 0 ? 1 : dim));
  const count = elementCount(sizes);
  const type = arrayTypes[datatype as Datatype];
  const data = type
    ? new type(Math.min(count, mostElements))
    : new Array<string>(Math.min(count, mostElements)).fill("");
  return new Tensor(datatype as Datatype, data, sizes);
}

// SPDX-License-Identifier: Apache-2.0
// Inputs for a model that nobody gave any: right in shape and datatype, the same each time, and without meaning.
import { OrtserveError } from "../../errors.js";
import type { Model, TensorSpec } from "../../runtime/model.js";
import { arrayTypes, type Datatype, elementCount, Tensor } from "../../runtime/tensor.js";

/** Shape by input name, for dims that the model leaves open. */
export type ShapeChoice = Readonly<Record<string, readonly number[]>>;

/** For open dims other than the first of an input, which is 1 row: a sentence, a small image; then what fits nearly everything. */
const openDims = [128, 1, 224, 512];

/**
 * Random inputs that the model runs on: where dims are open and `choice` leaves them so, some usual ones are tried. Rejects with
 * ERR_INVALID_ARGUMENT when none fits, ERR_UNSUPPORTED as {@link randomInputs} does.
 */
export async function runnableInputs(model: Model, choice: ShapeChoice, seed = 1): Promise<Record<string, Tensor>> {
  let failure: unknown;
  for (const open of openDims) {
    const inputs = randomInputs(model.metadata.inputs, choice, seed, open);
    try {
      await model.predict(inputs);
      return inputs;
    } catch (error) {
      // A shape that does not fit is found by the model's check, or by a node when it runs.
      const isShape = error instanceof OrtserveError && ["ERR_RUN_FAILED", "ERR_INVALID_INPUT"].includes(error.code);
      if (!isShape) throw error;
      failure ??= error;
    }
  }
  const [first] = model.metadata.inputs;
  const remedy = `give shapes that fit, such as --shape ${first?.name ?? "NAME"}:${first?.shape.map((dim) => Math.abs(dim)).join(",")}`;
  throw new OrtserveError(
    "ERR_INVALID_ARGUMENT",
    `cannot run the model on made-up inputs: ${remedy} (${(failure as Error).message})`,
    {
      cause: failure,
    },
  );
}

/** The shape to run an input with. Throws ERR_INVALID_ARGUMENT when the choice does not fit the model. */
function chosenShape(spec: TensorSpec, choice: ShapeChoice, open: number): number[] {
  const wanted = Object.hasOwn(choice, spec.name) ? choice[spec.name] : undefined;
  // The first open dim is taken for the rows: also of recurrent states, [layers, rows, width].
  const rows = spec.shape.findIndex((dim) => dim < 0);
  if (wanted === undefined) return spec.shape.map((dim, i) => (dim >= 0 ? dim : i === rows ? 1 : open));
  const fits = wanted.length === spec.shape.length && spec.shape.every((dim, i) => dim < 0 || dim === wanted[i]);
  if (fits) return [...wanted];
  const got = `expected a shape that fits ${spec.datatype} [${spec.shape.join(",")}] for input '${spec.name}'`;
  throw new OrtserveError("ERR_INVALID_ARGUMENT", `${got}, got [${wanted.join(",")}]`);
}

/** Normally distributed floats, integers 0 and 1. Throws ERR_UNSUPPORTED for inputs that are no numbers. */
export function randomInputs(
  specs: readonly TensorSpec[],
  choice: ShapeChoice,
  seed = 1,
  open = 128,
): Record<string, Tensor> {
  const unknown = Object.keys(choice).find((name) => !specs.some((spec) => spec.name === name));
  if (unknown !== undefined) {
    const names = specs.map(({ name }) => name).join(", ");
    throw new OrtserveError("ERR_INVALID_ARGUMENT", `unknown input '${unknown}'; the model takes ${names}`);
  }
  const random = generator(seed);
  const given = specs.filter(({ optional }) => !optional);
  return Object.fromEntries(
    given.map((spec) => [spec.name, randomTensor(spec, chosenShape(spec, choice, open), random)]),
  );
}

function randomTensor(spec: TensorSpec, shape: readonly number[], random: () => number): Tensor {
  const datatype = spec.datatype as Datatype;
  const count = elementCount(shape);
  const type = spec.kind === "tensor" ? arrayTypes[datatype] : undefined;
  if (type === undefined)
    throw new OrtserveError(
      "ERR_UNSUPPORTED",
      `input '${spec.name}' takes ${spec.datatype}: no values can be made up for it`,
    );
  const data = new type(count);
  for (let i = 0; i < count; i++) {
    const value = datatype === "FP32" || datatype === "FP64" ? gaussian(random) : Math.floor(2 * random());
    if (data instanceof BigInt64Array || data instanceof BigUint64Array) data[i] = BigInt(value);
    else data[i] = datatype === "FP16" ? value * 0x3c00 : datatype === "BF16" ? value * 0x3f80 : value;
  }
  return new Tensor(datatype, data as never, shape);
}

/** Uniform in [0, 1), by mulberry32. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

function gaussian(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

// SPDX-License-Identifier: Apache-2.0
// What the Node.js peers share: one onnxruntime-node session and the two wire formats, written for speed.
import { InferenceSession, Tensor } from "onnxruntime-node";

const { MODEL_FILE, MODEL_NAME, ORT_THREADS = "1" } = process.env;
export const name = MODEL_NAME;
export const port = Number(process.env.PORT);

const session = await InferenceSession.create(MODEL_FILE, {
  intraOpNumThreads: Number(ORT_THREADS),
  executionMode: "sequential",
});
const input = session.inputNames[0];
const output = session.outputNames[0];
const rowShape = session.inputMetadata[0].shape.slice(1).map(Number);
const rowSize = rowShape.reduce((a, b) => a * b, 1);

async function run(data, shape) {
  const results = await session.run({ [input]: new Tensor("float32", data, shape) });
  return results[output];
}

function flatten(values, target, at) {
  if (typeof values[0] === "number") {
    target.set(values, at);
    return at + values.length;
  }
  for (const inner of values) at = flatten(inner, target, at);
  return at;
}

/** `{"instances": rows}` -> `{"predictions": rows}` */
export async function predict({ instances }) {
  const data = new Float32Array(instances.length * rowSize);
  flatten(instances, data, 0);
  const result = await run(data, [instances.length, ...rowShape]);
  const width = result.data.length / instances.length;
  const predictions = instances.map((_, i) => Array.from(result.data.subarray(i * width, (i + 1) * width)));
  return { model: name, version: "1", predictions };
}

/** Open Inference Protocol, tensors as JSON. */
export async function inferJson({ inputs }) {
  const result = await run(new Float32Array(inputs[0].data), inputs[0].shape);
  const out = { name: output, datatype: "FP32", shape: result.dims, data: Array.from(result.data) };
  return { model_name: name, model_version: "1", outputs: [out] };
}

/** Open Inference Protocol, tensors as bytes behind `jsonSize` bytes of JSON. `body`: a Buffer. */
export async function inferBinary(body, jsonSize) {
  const { inputs } = JSON.parse(body.toString("utf8", 0, jsonSize));
  const start = body.byteOffset + jsonSize;
  const bytes = inputs[0].parameters.binary_data_size;
  const data =
    start % 4 === 0
      ? new Float32Array(body.buffer, start, bytes / 4)
      : new Float32Array(body.buffer.slice(start, start + bytes));
  const result = await run(data, inputs[0].shape);
  const blob = Buffer.from(result.data.buffer, result.data.byteOffset, result.data.byteLength);
  const parameters = { binary_data_size: blob.length };
  const out = { name: output, datatype: "FP32", shape: result.dims, parameters };
  const json = Buffer.from(JSON.stringify({ model_name: name, model_version: "1", outputs: [out] }));
  return { jsonSize: json.length, body: Buffer.concat([json, blob]) };
}

// SPDX-License-Identifier: Apache-2.0
// What is sent: one fixed request per workload, the same bytes to every server.
import { reproducibleNumbers } from "./models/graph.js";
import type { BenchModel } from "./models/models.js";
import { nestedText } from "./number-text.js";

export type Encoding = "instances" | "json" | "binary";

export interface Workload {
  readonly id: string;
  readonly title: string;
  readonly model: string;
  /** `instances`: POST /predict/NAME; `json`, `binary`: POST /v2/models/NAME/infer of the Open Inference Protocol. */
  readonly encoding: Encoding;
  /** Simultaneous connections of the closed loop, each with one request in flight. */
  readonly concurrency: readonly number[];
  /** Where the headline ratios are read. One of `concurrency`. */
  readonly headline: number;
  /** Whether the fixed-rate open loop runs too. */
  readonly openLoop: boolean;
  /** Whether one run takes milliseconds. */
  readonly heavy: boolean;
  /** Rows per run tried by the bare ONNX Runtime loop. */
  readonly ceilingBatches: readonly number[];
}

const ladder = [1, 4, 16, 64, 256];
const batches = [1, 2, 4, 8, 16, 32, 64];

export const workloads: readonly Workload[] = [
  {
    ...{ id: "tiny-json", title: "MLP 4-16-3, one row, JSON", model: "mlp_tiny", encoding: "instances" },
    ...{ concurrency: ladder, headline: 64, openLoop: true, heavy: false, ceilingBatches: batches },
  },
  {
    ...{ id: "mid-json", title: "MLP 784-512-512-10, one row, JSON", model: "mlp_mid", encoding: "instances" },
    ...{ concurrency: ladder, headline: 64, openLoop: true, heavy: false, ceilingBatches: batches },
  },
  {
    ...{ id: "digits-json", title: "Digits CNN, one image, JSON", model: "digits", encoding: "json" },
    ...{ concurrency: [1, 64], headline: 64, openLoop: false, heavy: false, ceilingBatches: [1, 4, 16] },
  },
  {
    ...{ id: "digits-binary", title: "Digits CNN, one image, binary", model: "digits", encoding: "binary" },
    ...{ concurrency: [1, 64], headline: 64, openLoop: false, heavy: false, ceilingBatches: [1, 4, 16] },
  },
  {
    ...{ id: "image-json", title: "3x224x224 floats, JSON", model: "image_pool", encoding: "json" },
    ...{ concurrency: [1, 8, 32], headline: 8, openLoop: false, heavy: false, ceilingBatches: [1] },
  },
  {
    ...{ id: "image-binary", title: "3x224x224 floats, binary", model: "image_pool", encoding: "binary" },
    ...{ concurrency: [1, 8, 32], headline: 8, openLoop: false, heavy: false, ceilingBatches: [1] },
  },
  {
    ...{ id: "heavy-binary", title: "CNN of 12 convolutions, binary", model: "cnn_heavy", encoding: "binary" },
    ...{ concurrency: [1, 4, 16], headline: 16, openLoop: false, heavy: true, ceilingBatches: [1, 2, 4] },
  },
];

export interface BenchRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** The numbers the model gives for this request. */
  readonly expected: Float32Array;
}

export async function buildRequest(workload: Pick<Workload, "encoding">, model: BenchModel): Promise<BenchRequest> {
  const row = reproducibleNumbers(
    7,
    model.rowShape.reduce((a, b) => a * b, 1),
  );
  const expected = await model.run(row);
  if (workload.encoding === "instances") {
    const body = Buffer.from(`{"instances":[${nestedText(row, model.rowShape)}]}`);
    return { path: `/predict/${model.name}`, headers: { "content-type": "application/json" }, body, expected };
  }
  const path = `/v2/models/${model.name}/infer`;
  const input = { name: model.input, shape: [1, ...model.rowShape], datatype: "FP32" };
  if (workload.encoding === "json") {
    const head = JSON.stringify(input).slice(0, -1);
    const body = Buffer.from(`{"inputs":[${head},"data":${nestedText(row, [row.length])}}]}`);
    return { path, headers: { "content-type": "application/json" }, body, expected };
  }
  return { ...binaryRequest(model.name, input, row, model.output), expected };
}

/** An inference by the Open Inference Protocol whose tensors, in and out, are binary. */
export function binaryRequest(
  model: string,
  input: { readonly name: string; readonly shape: readonly number[]; readonly datatype: string },
  data: ArrayBufferView,
  output: string,
): Omit<BenchRequest, "expected"> {
  const json = Buffer.from(
    JSON.stringify({
      inputs: [{ ...input, parameters: { binary_data_size: data.byteLength } }],
      outputs: [{ name: output, parameters: { binary_data: true } }],
    }),
  );
  const headers = {
    "content-type": "application/octet-stream",
    "inference-header-content-length": String(json.length),
  };
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  return { path: `/v2/models/${model}/infer`, headers, body: Buffer.concat([json, bytes]) };
}

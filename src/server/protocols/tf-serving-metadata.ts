// SPDX-License-Identifier: Apache-2.0
// What TensorFlow Serving says about models: the states of their versions, and their signature.
import { z } from "zod";
import type { TensorSpec } from "../../runtime/model.js";
import type { InferenceService } from "../../serving/inference-service.js";
import type { Servable } from "../../serving/model-store.js";
import type { VersionState } from "../../serving/route-table.js";

const states = { LOADING: "LOADING", READY: "AVAILABLE", UNLOADING: "UNLOADING", UNAVAILABLE: "END" } as const;

const versionStatus = z.object({
  version: z.string(),
  state: z.enum(["START", "LOADING", "AVAILABLE", "UNLOADING", "END"]),
  status: z.object({ error_code: z.string(), error_message: z.string() }),
});
type VersionStatus = z.output<typeof versionStatus>;

export const statusSchema = z
  .object({ model_version_status: z.array(versionStatus), name: z.string(), ready: z.boolean() })
  .meta({ id: "TfServingStatus" });

/** Of one version, or with `version` "" of all; none where there is none. */
export function versionStatuses(service: InferenceService, name: string, version: string): VersionStatus[] {
  return service
    .versions(name)
    .filter((one) => version === "" || one.version === version)
    .map(({ version, state, reason }) => ({ version, state: states[state], status: statusOf(state, reason) }));
}

function statusOf(state: VersionState, reason: string): VersionStatus["status"] {
  const failed = state === "UNAVAILABLE" && reason !== "" && reason !== "unloaded";
  return failed ? { error_code: "UNKNOWN", error_message: reason } : { error_code: "OK", error_message: "" };
}

const tensorInfo = z.object({
  dtype: z.string(),
  tensor_shape: z.object({
    dim: z.array(z.object({ size: z.string(), name: z.string() })),
    unknown_rank: z.boolean(),
  }),
  name: z.string(),
});
type TensorInfo = z.output<typeof tensorInfo>;

const signature = z.object({
  inputs: z.record(z.string(), tensorInfo),
  outputs: z.record(z.string(), tensorInfo),
  method_name: z.string(),
});

export const metadataSchema = z
  .object({
    model_spec: z.object({ name: z.string(), signature_name: z.string(), version: z.string() }),
    metadata: z.object({ signature_def: z.object({ signature_def: z.object({ serving_default: signature }) }) }),
  })
  .meta({ id: "TfServingMetadata" });

/** The metadata of a version, whose one signature has TensorFlow's default name. */
export function signatureOf({ name, version, model }: Servable): z.output<typeof metadataSchema> {
  const { inputs, outputs } = model.metadata;
  const infos = (specs: readonly TensorSpec[]) => Object.fromEntries(specs.map((spec) => [spec.name, infoOf(spec)]));
  const serving_default = { inputs: infos(inputs), outputs: infos(outputs), method_name: "tensorflow/serving/predict" };
  return {
    model_spec: { name, signature_name: "", version },
    metadata: { signature_def: { signature_def: { serving_default } } },
  };
}

const typeNames: Readonly<Record<string, string>> = {
  FP16: "DT_HALF",
  BF16: "DT_BFLOAT16",
  FP32: "DT_FLOAT",
  FP64: "DT_DOUBLE",
  BYTES: "DT_STRING",
};

function infoOf({ name, datatype, shape, dimNames, kind }: TensorSpec): TensorInfo {
  const dim = shape.map((size, index) => ({ size: String(size), name: dimNames[index] ?? "" }));
  return {
    dtype: typeNames[datatype] ?? `DT_${datatype}`,
    tensor_shape: { dim, unknown_rank: kind !== "tensor" },
    name,
  };
}

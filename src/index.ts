// SPDX-License-Identifier: Apache-2.0
// The embedding API.
export { type ErrorCode, errorCodes, OrtserveError } from "./errors.js";
export { type Devices, devices, type GpuState, gpuStates } from "./runtime/devices.js";
export { type BufferStats, bufferStats, type EngineInfo, type EngineOptions, startEngine } from "./runtime/engine.js";
export type { InputValue, PredictInputs, ShapedData } from "./runtime/inputs.js";
export { Model, type ModelMetadata, type ModelStats, type TensorSpec } from "./runtime/model.js";
export type { ModelOptions, ProviderChoice } from "./runtime/model-options.js";
export type { NestedValue } from "./runtime/nested.js";
export type { OutputValue } from "./runtime/outputs.js";
export type { OutputPostprocess, Postprocess } from "./runtime/postprocess-options.js";
export type { PredictOptions } from "./runtime/predict.js";
export type { PreparedInputs, PreparedList, PreparedValue } from "./runtime/prepared-inputs.js";
export type { InputPreprocess, Preprocess } from "./runtime/preprocess-options.js";
export type { Recording, RecordOptions } from "./runtime/recording.js";
export { type Datatype, Tensor, type TensorArrays, type TypedArray } from "./runtime/tensor.js";
export { SharedCache, type SharedCacheEvent, type SharedCacheOptions } from "./serving/shared-cache/shared-cache.js";

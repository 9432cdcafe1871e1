// SPDX-License-Identifier: Apache-2.0
// ortserve/client: calls an inference server from browsers and Node, over HTTP and WebSocket. Depends on nothing.

export type { Backoff } from "./backoff.js";
export type { BytesTensor, Datatype, Tensor, TypedArray, TypedArrays } from "./datatypes.js";
export type { CallOptions } from "./deadline.js";
export type { InferenceReply, Outputs } from "./decode-reply.js";
export type { OutputRequest, Parameters, ParameterValue, RequestOptions } from "./encode-request.js";
export {
  type ClientOptions,
  InferenceClient,
  type InferOptions,
  type PredictOptions,
  type PredictReply,
  type Version,
} from "./inference-client.js";
export { InferenceError, type InferenceErrorCode, inferenceErrorCodes } from "./inference-error.js";
export type { InputData, Inputs, InputValue, NestedArray } from "./input-values.js";
export type { ModelMetadata, ServerMetadata, TensorMetadata } from "./metadata.js";
export type { InferenceSession, SessionInferOptions, SessionOptions } from "./session.js";
export type { SocketConstructor, SocketLike } from "./socket.js";

// SPDX-License-Identifier: Apache-2.0
// Requests that the server sends itself, in the words of a wire format.
import { OrtserveError } from "../errors.js";
import { CacheUse, WireFormat } from "../native/binding.js";
import type { Model } from "./model.js";
import { ModelPort } from "./model-port.js";

/**
 * Runs `body` (JSON) as if it had come over the wire; the answer is thrown away and the prediction cache left alone.
 * Rejects with the error that a client would get.
 */
export function trialRequest(model: Model, format: keyof typeof WireFormat, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const { buffer, byteOffset, byteLength } = new TextEncoder().encode(body);
    ModelPort.current().submit(
      model,
      WireFormat[format],
      false,
      -1,
      buffer as ArrayBuffer,
      byteOffset,
      byteLength,
      0,
      { reply: () => resolve(), fail: (code, message) => reject(new OrtserveError(code, message)) },
      CacheUse.bypass,
    );
  });
}

// SPDX-License-Identifier: Apache-2.0
// One prediction in the words of /predict, without a server.
import { OrtserveError } from "../errors.js";
import { WireFormat } from "../native/binding.js";
import type { PreparedBody } from "./media-body.js";
import type { Model } from "./model.js";
import { ModelPort } from "./model-port.js";

/** The reply's JSON text, as /predict sends it. Rejects with the errors of `Model.predict`. */
export function predictJson(model: Model, body: PreparedBody): Promise<string> {
  return new Promise((resolve, reject) => {
    ModelPort.current().submitPrepared(model, WireFormat.predict, false, body, 0, {
      reply: (reply) => resolve(Buffer.from(reply).toString()),
      fail: (code, message) => reject(new OrtserveError(code, message)),
    });
  });
}

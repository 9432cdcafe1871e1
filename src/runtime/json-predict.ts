// SPDX-License-Identifier: Apache-2.0
// One prediction in the words of /predict, without a server.
import { OrtserveError } from "../errors.js";
import { WireFormat } from "../native/binding.js";
import type { PreparedBody } from "./media-body.js";
import type { Model } from "./model.js";
import { ModelPort } from "./model-port.js";
import { callSite } from "./native-error.js";
import type { OutputValue } from "./outputs.js";
import { startPredict } from "./predict.js";

/** The reply's JSON text, as /predict sends it. Rejects with the errors of `Model.predict`. */
export function predictJson(model: Model, body: PreparedBody): Promise<string> {
  return new Promise((resolve, reject) => {
    ModelPort.current().submitPrepared(model, WireFormat.predict, false, body, 0, {
      reply: (reply) => resolve(Buffer.from(reply).toString()),
      fail: (code, message) => reject(new OrtserveError(code, message)),
    });
  });
}

/** As {@link predictJson}, with the outputs by name instead of a text. */
export function predictBody(model: Model, body: PreparedBody): Promise<Record<string, OutputValue>> {
  const site = callSite(predictBody);
  return new Promise((resolve, reject) => startPredict(ModelPort.current(), model, body, {}, site, resolve, reject));
}

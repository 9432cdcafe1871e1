// SPDX-License-Identifier: Apache-2.0
// ortserve's own routes: short paths, rows or columns or named features in, predictions out.
import { OrtserveError } from "../../errors.js";
import { WireFormat } from "../../native/binding.js";
import { predictForm } from "../openapi/predict-form.js";
import type { InferenceRoute } from "../routes.js";

const versionPattern = /^v[0-9]+$/;

const doc = {
  tag: "Predict",
  description: "A WebSocket to the same path takes the same bodies as messages; replies carry the request's `id`.",
  form: predictForm,
} as const;

/** `/predict[/NAME][/vN]`, `/predict/NAME/LABEL`. A model whose name looks like a version is reached by its full path. */
export const predictRoutes: readonly InferenceRoute[] = [
  {
    pattern: "/predict",
    doc: { ...doc, summary: "Predict by the default model" },
    format: WireFormat.predict,
    find: ({ service }) => service.findDefault(""),
  },
  {
    pattern: "/predict/:name",
    doc: { ...doc, path: "/predict/{model}", summary: "Predict with rows, columns or named features" },
    format: WireFormat.predict,
    find: ({ service }, params) => {
      const name = params(0);
      const isVersion = versionPattern.test(name) && !service.has(name);
      return isVersion ? service.findDefault(name.slice(1)) : service.find(name, "");
    },
  },
  {
    pattern: "/predict/:name/:version",
    doc: { ...doc, path: "/predict/{model}/v{version}", summary: "Predict, by version" },
    format: WireFormat.predict,
    find: ({ service }, params) => {
      const version = params(1);
      if (versionPattern.test(version)) return service.find(params(0), version.slice(1));
      if (service.labels(params(0)).includes(version)) return service.find(params(0), version);
      const labels = service.labels(params(0)).map((label) => `, or the label ${label}`);
      throw new OrtserveError(
        "ERR_MODEL_NOT_FOUND",
        `expected a version such as v1${labels.join("")} after /predict/${params(0)}/, got '${version}'`,
      );
    },
  },
];

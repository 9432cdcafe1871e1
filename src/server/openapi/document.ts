// SPDX-License-Identifier: Apache-2.0
// The OpenAPI document of a server, from its routes and the models it serves.
import { setImmediate } from "node:timers/promises";
import type { ModelMetadata } from "../../runtime/model.js";
import { version } from "../../version.js";
import type { CommandRoute, InferenceRoute, QueryRoute, Routes } from "../routes.js";
import { Components } from "./components.js";
import { modelTag, OperationWriter } from "./operations.js";
import { type AliasDoc, type JsonSchema, tags } from "./route-doc.js";

/** Described before the event loop gets its turn; one takes a fraction of a millisecond. */
const modelsAtOnce = 4;

export interface OpenApiDocument {
  openapi: string;
  info: JsonSchema;
  servers: JsonSchema[];
  tags: JsonSchema[];
  paths: Record<string, Record<string, JsonSchema>>;
  components: Components;
}

/**
 * @param models each under its name; the first one's values stand in the examples of routes for any model
 * @param only describe nothing but the paths of these models
 */
export async function openApiDocument(
  routes: Routes,
  models: readonly ModelMetadata[],
  only = false,
): Promise<OpenApiDocument> {
  const components = new Components();
  const writer = new OperationWriter(components, models[0]);
  const paths = new Paths();
  if (!only) describeRoutes(routes, writer, paths);
  for (const [index, model] of models.entries()) {
    if (index % modelsAtOnce === modelsAtOnce - 1) await setImmediate(); // requests do not wait for hundreds of models
    describeModel(routes, writer, paths, model);
  }
  const title = only && models[0] ? `ortserve: ${models[0].name}` : "ortserve";
  const named = models.map(({ name }) => ({ name: modelTag(name), description: `Predictions by the model ${name}.` }));
  const general = Object.entries(tags).map(([name, description]) => ({ name, description }));
  const license = { name: "Apache-2.0", identifier: "Apache-2.0" };
  return {
    openapi: "3.1.0",
    info: { title, version, description: "ONNX models over HTTP.", license },
    servers: [{ url: "/" }],
    tags: [...named, ...(only ? [] : general)],
    paths: paths.items,
    components,
  };
}

class Paths {
  readonly items: OpenApiDocument["paths"] = {};

  put(path: string, method: string, operation: JsonSchema): void {
    this.items[path] = { ...this.items[path], [method]: operation };
  }
}

function describeRoutes(routes: Routes, writer: OperationWriter, paths: Paths): void {
  for (const route of routes.queries) {
    for (const doc of docsOf(route)) paths.put(pathOf(route, doc), "get", writer.query(pathOf(route, doc), doc, route));
  }
  for (const route of routes.commands) {
    const method = route.method.toLowerCase();
    for (const doc of docsOf(route)) {
      const path = pathOf(route, doc);
      paths.put(path, method, writer.command(path, method, doc, route));
    }
  }
  for (const route of routes.inferences) {
    for (const doc of docsOf(route)) {
      const path = pathOf(route, doc);
      paths.put(path, "post", writer.inference(path, "post", doc, route));
    }
  }
}

/** The paths with the model's name in them. Versions may differ: what is described is the one that answers by default. */
function describeModel(routes: Routes, writer: OperationWriter, paths: Paths, model: ModelMetadata): void {
  const put = (template: string, operation: () => JsonSchema) => {
    const [parameter, ...more] = template.match(/\{\w+\}/g) ?? [];
    if (parameter !== "{model}" || more.length > 0) return;
    paths.put(template.replace(parameter, encodeURIComponent(model.name)), "post", operation());
  };
  for (const route of routes.inferences) {
    for (const doc of docsOf(route)) {
      const path = pathOf(route, doc);
      put(path, () => writer.inference(path, "post", doc, route, model));
    }
  }
  for (const route of routes.commands.filter(({ method }) => method === "POST")) {
    for (const { form, ...doc } of docsOf(route)) {
      const path = pathOf(route, doc);
      if (form !== undefined) put(path, () => writer.inference(path, "post", { ...doc, form }, route, model));
    }
  }
}

type AnyRoute = QueryRoute | CommandRoute | InferenceRoute;
type DocOf<R extends AnyRoute> = Exclude<R["doc"], AliasDoc | readonly unknown[]>;

/** What there is to show of a route: nothing of an alias. */
export function docsOf<R extends AnyRoute>({ doc }: R): readonly DocOf<R>[] {
  if (Array.isArray(doc)) return doc as readonly DocOf<R>[];
  return "aliasOf" in doc ? [] : [doc as DocOf<R>];
}

/** "/v2/models/{model}" of "/v2/models/:model", unless the documentation says otherwise. */
export function pathOf({ pattern }: AnyRoute, doc: { readonly path?: string }): string {
  return doc.path ?? pattern.replace(/:(\w+)/g, "{$1}");
}

// SPDX-License-Identifier: Apache-2.0
// The OpenAPI document as it is sent. With hundreds of models it takes long to make, and only changes when a model does.
import type { ModelMetadata } from "../../runtime/model.js";
import type { Routes } from "../routes.js";
import { openApiDocument } from "./document.js";

export class DocumentCache {
  #models: readonly ModelMetadata[] = [];
  #text: Promise<Buffer> | undefined;

  /** Of the whole server, as JSON. Requests that come while it is made wait for the same one. */
  text(routes: Routes, models: readonly ModelMetadata[]): Promise<Buffer> {
    if (this.#text === undefined || !this.#isFor(models)) {
      this.#models = models;
      this.#text = openApiDocument(routes, models).then((document) => Buffer.from(JSON.stringify(document)));
    }
    return this.#text;
  }

  /** A model that was loaded anew has metadata of its own. */
  #isFor(models: readonly ModelMetadata[]): boolean {
    return models.length === this.#models.length && models.every((model, index) => model === this.#models[index]);
  }
}

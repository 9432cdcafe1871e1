// SPDX-License-Identifier: Apache-2.0
// Reads an OpenAPI document as a client does: what may be called, with what, and what the answer must look like.

import assert from "node:assert/strict";
import { Ajv2020 } from "ajv/dist/2020.js";

interface Media {
  schema: object;
  example?: unknown;
  examples?: Record<string, { value: unknown }>;
}
interface Response {
  $ref?: string;
  description: string;
  content?: Record<string, Media>;
}
export interface Operation {
  operationId: string;
  tags: string[];
  summary: string;
  parameters?: { name: string; in: string; example?: string }[];
  requestBody?: { content: Record<string, Media> };
  responses: Record<string, Response>;
}
export interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, object>; responses: Record<string, Response> };
  tags: { name: string }[];
}

export class OpenApi {
  readonly document: Document;
  readonly #ajv = new Ajv2020({ strict: false, allErrors: true });

  constructor(document: Document) {
    this.document = document;
    this.#ajv.addSchema({ $id: "openapi", components: document.components });
  }

  static async of(url: string): Promise<OpenApi> {
    const response = await fetch(url);
    assert.equal(response.status, 200);
    return new OpenApi((await response.json()) as Document);
  }

  operation(method: string, path: string): Operation {
    return this.document.paths[path]?.[method] ?? assert.fail(`${method} ${path} is not documented`);
  }

  /** The operations of a method with their paths as the examples of their parameters make them. A model need not have labels. */
  operations(method: string): { path: string; operation: Operation }[] {
    return Object.entries(this.document.paths).flatMap(([template, item]) => {
      const operation = item[method];
      if (operation === undefined || template.includes("{label}")) return [];
      const exampleOf = (name: string) => operation.parameters?.find((one) => one.name === name)?.example;
      return [
        { path: template.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(String(exampleOf(name)))), operation },
      ];
    });
  }

  /** Why `value` is not what `schema` says; "" when it is. */
  faults(schema: object, value: unknown): string {
    const text = JSON.stringify(schema).replaceAll('"#/components/', '"openapi#/components/');
    const validate = this.#ajv.compile(JSON.parse(text));
    return validate(value) ? "" : this.#ajv.errorsText(validate.errors);
  }

  /** Asserts that the answer is one of those documented: status, content type and body. Gives the body. */
  async check(operation: Operation, response: globalThis.Response): Promise<unknown> {
    const name = operation.operationId;
    const { $ref, ...inline } = operation.responses[response.status] ?? assert.fail(`${name}: ${response.status}`);
    const said = $ref ? (this.document.components.responses[$ref.split("/").at(-1) as string] as Response) : inline;
    const type = response.headers.get("content-type") ?? "";
    const text = await response.text();
    if (said.content === undefined) {
      assert.equal(text, "", name);
      return undefined;
    }
    const media =
      said.content[type] ?? assert.fail(`${name}: answered with '${type}', documented ${Object.keys(said.content)}`);
    if (type !== "application/json") return text;
    const value = JSON.parse(text);
    assert.equal(this.faults(media.schema, value), "", `${name}: ${text.slice(0, 300)}`);
    return value;
  }
}

/** Of a request, by name. */
export function examplesOf({ requestBody }: Operation): [string, unknown][] {
  const { example, examples = {} } = requestBody?.content["application/json"] ?? {};
  const several = Object.entries(examples).map(([name, { value }]): [string, unknown] => [name, value]);
  return example === undefined ? several : [["example", example], ...several];
}

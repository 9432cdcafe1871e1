// SPDX-License-Identifier: Apache-2.0
// zod schemas as the components of an OpenAPI document. A schema with an id (`.meta({ id })`) becomes one of its own.
import { z } from "zod";
import type { JsonSchema } from "./route-doc.js";

export class Components {
  readonly schemas: Record<string, JsonSchema> = {};
  readonly responses: Record<string, JsonSchema> = {};
  readonly #converted = new Map<z.ZodType, JsonSchema>();

  /** A schema to put where `schema` is meant. */
  of(schema: z.ZodType): JsonSchema {
    const known = this.#converted.get(schema);
    if (known !== undefined) return known;
    const made = this.#convert(schema);
    this.#converted.set(schema, made);
    return made;
  }

  /** Makes a component of a schema that no zod schema stands behind. */
  add(id: string, schema: JsonSchema): JsonSchema {
    this.schemas[id] = schema;
    return referenceTo(id);
  }

  /** A response to refer to; most routes share the same ones. */
  response(name: string, response: JsonSchema): JsonSchema {
    const text = JSON.stringify(response);
    for (let count = 1; ; count++) {
      const id = count === 1 ? name : `${name}-${count}`;
      const there = this.responses[id];
      if (there !== undefined && JSON.stringify(there) !== text) continue;
      this.responses[id] = response;
      return { $ref: `#/components/responses/${id}` };
    }
  }

  #convert(schema: z.ZodType): JsonSchema {
    const converted = z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }) as JsonSchema;
    const { $schema: _, $defs = {}, id, ...rest } = pointToComponents(converted) as JsonSchema;
    for (const [name, definition] of Object.entries($defs as Record<string, JsonSchema>)) {
      const { id: _id, ...body } = definition;
      this.schemas[name] = body;
    }
    return typeof id === "string" ? this.add(id, rest) : rest;
  }
}

/** `text` in characters that an id may have; different texts stay different. */
export function idOf(text: string): string {
  return text.replace(/[^A-Za-z0-9.-]/g, (character) => `_${character.codePointAt(0)?.toString(16)}_`);
}

function referenceTo(id: string): JsonSchema {
  return { $ref: `#/components/schemas/${id}` };
}

function pointToComponents(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(pointToComponents);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, member]) =>
      key === "$ref" && typeof member === "string"
        ? [key, member.replace("#/$defs/", "#/components/schemas/")]
        : [key, pointToComponents(member)],
    ),
  );
}

// SPDX-License-Identifier: Apache-2.0
// Execution providers and their options as `config.yaml` names them.
import { z } from "zod";
import { providerOptionTable } from "./provider-option-table.js";

/** What one option may hold. */
export interface ProviderOptionRule {
  readonly kind: "boolean" | "integer" | "choice" | "text";
  /** Of a choice. */
  readonly of?: readonly string[];
  /** Of an integer. */
  readonly min?: number;
  readonly max?: number;
  /** One line. */
  readonly doc: string;
}

const scalar = z.union([z.string(), z.number(), z.boolean()]).transform(String);

/** Keys with this prefix go to ONNX Runtime as they are, without it. */
const unchecked = "x-";

type JsonSchema = z.core.JSONSchema.BaseSchema;

/** How the schemas made here look as JSON Schema. */
const jsonForms = new Map<unknown, JsonSchema>();

interface ValueRule {
  readonly expected: string;
  readonly accepts: (value: string) => boolean;
  readonly json: JsonSchema;
}

function valueRule({ kind, of = [], min = 0, max }: ProviderOptionRule): ValueRule {
  const anything = { type: ["string", "number", "boolean"] } as unknown as JsonSchema;
  switch (kind) {
    case "boolean":
      return {
        expected: "true or false",
        accepts: (value) => ["true", "false", "1", "0"].includes(value),
        json: { enum: [true, false, 0, 1, "true", "false", "0", "1"] },
      };
    case "integer":
      return {
        expected: max === undefined ? `an integer of at least ${min}` : `an integer from ${min} to ${max}`,
        accepts: (value) => /^-?[0-9]+$/.test(value) && Number(value) >= min && Number(value) <= (max ?? Infinity),
        json: { type: "integer", minimum: min, ...(max !== undefined && { maximum: max }) },
      };
    case "choice":
      return {
        expected: `one of ${of.join(", ")}`,
        accepts: (value) => of.includes(value),
        json: { type: "string", enum: [...of] },
      };
    case "text":
      return { expected: "text", accepts: () => true, json: anything };
  }
}

function valueSchema(rule: ProviderOptionRule) {
  const { expected, accepts, json } = valueRule(rule);
  const schema = scalar.refine(accepts, { error: `expected ${expected}` });
  jsonForms.set(schema, json);
  return schema.optional().describe(rule.doc);
}

function optionsSchema(rules: Readonly<Record<string, ProviderOptionRule>>) {
  const shape = Object.fromEntries(Object.entries(rules).map(([key, rule]) => [key, valueSchema(rule)]));
  const refuseUnknown = (options: Record<string, unknown>, context: z.RefinementCtx) => {
    const keys = Object.keys(options).filter((key) => !Object.hasOwn(shape, key) && !key.startsWith(unchecked));
    if (keys.length > 0) context.addIssue({ code: "unrecognized_keys", keys, input: options });
  };
  const schema = z.object(shape).catchall(scalar).superRefine(refuseUnknown);
  jsonForms.set(schema, {
    patternProperties: { "^x-": { type: ["string", "number", "boolean"] } },
    additionalProperties: false,
  } as unknown as JsonSchema);
  return schema as unknown as z.ZodType<Record<string, string>, Record<string, string | number | boolean>>;
}

function providerSchema(name: string, rules: Readonly<Record<string, ProviderOptionRule>>) {
  return z.strictObject({
    name: z.literal(name),
    options: optionsSchema(rules).optional(),
    required: z.boolean().optional().describe("Refuse to load the model without it."),
  });
}

const known = ["tensorrt", "cuda", "cpu"] as const;
const [tensorrt, cuda, cpu] = known.map((name) => providerSchema(name, providerOptionTable[name] ?? {})) as [
  ReturnType<typeof providerSchema>,
  ReturnType<typeof providerSchema>,
  ReturnType<typeof providerSchema>,
];

/** Takes nothing: says what is wrong with an object that is none of the above. */
const misnamed = z.strictObject({
  name: z.string().refine(() => false, { error: `expected one of ${known.join(", ")}` }),
  options: z.unknown().optional(),
  required: z.unknown().optional(),
});
jsonForms.set(misnamed, { not: {} });

/** A provider's name, or the same with its options. */
export const providerChoiceSchema = z.union(
  [z.string(), z.discriminatedUnion("name", [tensorrt, cuda, cpu]), misnamed as unknown as typeof cpu],
  { error: "expected a provider's name, or {name, options, required}" },
);

/** For {@link z.toJSONSchema}: what the checks of this file mean to editors. */
export function describeOptions({ zodSchema, jsonSchema }: { zodSchema: unknown; jsonSchema: JsonSchema }): void {
  const form = jsonForms.get(zodSchema);
  if (form === undefined) return;
  if (!("patternProperties" in form)) for (const key of Object.keys(jsonSchema)) delete jsonSchema[key];
  Object.assign(jsonSchema, form);
}

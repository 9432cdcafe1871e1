// SPDX-License-Identifier: Apache-2.0
// Checks configuration from outside (YAML files, options) and says precisely what is wrong with it.
import { parseDocument } from "yaml";
import { z } from "zod";
import { OrtserveError } from "../errors.js";
import { didYouMean } from "../runtime/nearest-name.js";

/**
 * Parses YAML (or JSON) text and checks it. An empty document counts as `{}`.
 * @param source where the text comes from, for messages: a file path.
 * @throws OrtserveError ERR_INVALID_CONFIG naming source, key, what was expected and what came.
 */
export function parseConfig<T extends z.ZodType>(schema: T, text: string, source: string): z.output<T> {
  const document = parseDocument(text);
  const fault = document.errors[0];
  if (fault) throw new OrtserveError("ERR_INVALID_CONFIG", `${source}: ${fault.message.trimEnd()}`);
  return checkConfig(schema, document.toJS() ?? {}, source);
}

/** As {@link parseConfig}, for a value that is parsed already. */
export function checkConfig<T extends z.ZodType>(schema: T, value: unknown, source: string): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const faults = result.error.issues.flatMap((issue) => describe(schema, issue, value));
  throw new OrtserveError("ERR_INVALID_CONFIG", faults.map((fault) => `${source}: ${fault}`).join("\n"));
}

type Issue = z.core.$ZodIssue;

function describe(schema: z.ZodType, issue: Issue, value: unknown): string[] {
  if (issue.code === "unrecognized_keys") {
    const known = keysAt(schema, issue.path);
    return issue.keys.map(
      (key) =>
        `unknown key '${[...issue.path, key].join(".")}'${didYouMean(key, known) || `; known: ${known.join(", ")}`}`,
    );
  }
  const where = issue.path.length > 0 ? `'${issue.path.join(".")}': ` : "";
  // zod's own messages read "<kind of fault>: expected <what>, received <type>".
  const expected = /expected .*?(?=, received|$)/s.exec(issue.message)?.[0] ?? issue.message;
  return [`${where}${expected}, got ${show(valueAt(value, issue.path))}`];
}

function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
  let inner: unknown = schema;
  for (const step of ["", ...path]) {
    if (step !== "" && inner instanceof z.ZodObject) inner = inner.shape[step as string];
    while (inner instanceof z.ZodOptional || inner instanceof z.ZodDefault) inner = inner.unwrap();
  }
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], value);
}

function show(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

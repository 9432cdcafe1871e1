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
  return checkConfig(schema, parseYaml(text, source) ?? {}, source);
}

function parseYaml(text: string, source: string): unknown {
  const fault = (cause: Error) =>
    new OrtserveError("ERR_INVALID_CONFIG", `${source}: ${cause.message.trimEnd()}`, { cause });
  try {
    const document = parseDocument(text);
    if (document.errors[0] === undefined) return document.toJS();
    throw document.errors[0];
  } catch (error) {
    throw fault(error as Error); // also an alias of nothing, or of too much, and nesting that exhausts the stack
  }
}

/** As {@link parseConfig}, for a value that is parsed already. */
export function checkConfig<T extends z.ZodType>(schema: T, value: unknown, source: string): z.output<T> {
  refuseDeep(value, [], source);
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const faults = result.error.issues.flatMap((issue) => describe(schema, issue, value));
  throw new OrtserveError("ERR_INVALID_CONFIG", faults.map((fault) => `${source}: ${fault}`).join("\n"));
}

/** Nested values of a configuration; warm-up requests have the most. */
const mostLevels = 64;

/** A YAML alias may stand within what it stands for: such a value has no end, and no JSON. */
function refuseDeep(value: unknown, path: readonly string[], source: string): void {
  if (typeof value !== "object" || value === null) return;
  if (path.length >= mostLevels) {
    const where = `'${path.slice(0, 4).join(".")}...'`;
    const expected = `expected at most ${mostLevels} levels of nesting, and no alias within what it stands for`;
    throw new OrtserveError("ERR_INVALID_CONFIG", `${source}: ${where}: ${expected}`);
  }
  for (const [key, inner] of Object.entries(value)) refuseDeep(inner, [...path, key], source);
}

type Issue = z.core.$ZodIssue;

function describe(schema: z.ZodType, issue: Issue, value: unknown): string[] {
  const meant = issue.code === "invalid_union" ? meantBranch(issue) : undefined;
  if (meant)
    return meant.flatMap((inner) => describe(schema, { ...inner, path: [...issue.path, ...inner.path] }, value));
  if (issue.code === "unrecognized_keys") {
    const known = keysAt(schema, issue.path, value);
    return issue.keys.map(
      (key) =>
        `unknown key '${[...issue.path, key].join(".")}'${didYouMean(key, known) || (known.length > 0 ? `; known: ${known.join(", ")}` : "; none is known here")}`,
    );
  }
  if (issue.code === "invalid_key") {
    const expected = issue.issues[0]?.message ?? "expected another key";
    return [`'${issue.path.slice(0, -1).join(".")}': ${expected}, got '${String(issue.path.at(-1))}'`];
  }
  const where = issue.path.length > 0 ? `'${issue.path.join(".")}': ` : "";
  // zod's own messages read "<kind of fault>: expected <what>, received <type>".
  const expected = /expected .*?(?=, received|$)/s.exec(issue.message)?.[0] ?? issue.message;
  const got = valueAt(value, issue.path);
  const hint =
    issue.code === "invalid_value" && typeof got === "string" ? didYouMean(got, issue.values.map(String)) : "";
  return [`${where}${expected}, got ${show(got)}${hint}`];
}

/** Where a value may be of several kinds: the faults of the one that it is of, if it is of any. */
function meantBranch({ errors }: z.core.$ZodIssueInvalidUnion): Issue[] | undefined {
  const isOfKind = (issues: readonly Issue[]) =>
    issues.every(({ code, path }) => code === "unrecognized_keys" || (path.length > 0 && code !== "invalid_union"));
  return errors.find(isOfKind) as Issue[] | undefined;
}

function keysAt(schema: z.ZodType, path: readonly PropertyKey[], value: unknown): string[] {
  let inner = bare(schema, value);
  path.forEach((step, index) => {
    const here = valueAt(value, path.slice(0, index + 1));
    if (inner instanceof z.ZodObject) inner = bare(inner.shape[step as string], here);
    else if (inner instanceof z.ZodRecord) inner = bare(inner.valueType, here);
    else if (inner instanceof z.ZodArray) inner = bare(inner.element, here);
  });
  return inner instanceof z.ZodObject ? Object.keys(inner.shape) : [];
}

/** Without what makes a schema optional; of several kinds, the one that `value` says it is, or else the first that has keys. */
function bare(schema: unknown, value: unknown): unknown {
  let inner = schema;
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodDefault) inner = inner.unwrap();
  if (!(inner instanceof z.ZodUnion)) return inner;
  const options = inner.options.map((option) => bare(option, value));
  return (
    options.find((option) => option instanceof z.ZodObject && isNamed(option, value)) ??
    options.find((option) => option instanceof z.ZodObject || option instanceof z.ZodRecord) ??
    inner
  );
}

/** Whether the schema is that of an object whose `name` is the value's. */
function isNamed({ shape: { name } }: z.ZodObject, value: unknown): boolean {
  return name instanceof z.ZodLiteral && name.values.has((value as { name?: string } | undefined)?.name as string);
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], value);
}

function show(value: unknown): string {
  if (value === undefined) return "nothing";
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

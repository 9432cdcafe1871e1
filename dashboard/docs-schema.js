// SPDX-License-Identifier: Apache-2.0
// A JSON schema as a tree that opens where it is asked to.
import { element, prose } from "./docs-element.js";

/** @returns {(title: string, schema: object) => HTMLElement} */
export function schemaTree(document) {
  const resolve = (schema) => {
    const name = schema.$ref?.split("/").at(-1);
    return name === undefined ? schema : { title: name, ...document.components.schemas[name] };
  };

  const node = (label, schema, optional) => {
    const meant = resolve(schema);
    const parts = partsOf(meant);
    const line = [
      label && element("code", {}, label + (optional ? "?" : "")),
      label && " ",
      element("span", { class: "type" }, typeOf(meant, resolve)),
      ...(meant.description ? [element("span", { class: "quiet" }, " ", ...prose(meant.description))] : []),
    ].filter(Boolean);
    if (parts.length === 0) return element("div", { class: "schema" }, ...line);
    const list = element("ul");
    const open = ({ target }) => {
      if (!target.open || list.childElementCount > 0) return;
      list.append(...parts.map((part) => element("li", {}, node(part.label, part.schema, part.optional))));
    };
    return element("details", { class: "schema", ontoggle: open }, element("summary", {}, ...line), list);
  };

  return (title, schema) => node(title, schema, false);
}

/** What a schema is made of. */
function partsOf(schema) {
  const properties = Object.entries(schema.properties ?? {}).map(([label, part]) => ({
    label,
    schema: part,
    optional: !schema.required?.includes(label),
  }));
  const choices = (schema.anyOf ?? []).map((part) => ({ label: "", schema: part }));
  const values = typeof schema.additionalProperties === "object" ? schema.additionalProperties : undefined;
  const named = values && Object.keys(values).length > 0 ? [{ label: "(any name)", schema: values }] : [];
  const inner = innermost(schema);
  const items =
    inner !== schema && (inner.properties || inner.anyOf || inner.$ref) ? [{ label: "[ ]", schema: inner }] : [];
  return [...properties, ...choices, ...named, ...items];
}

/** The elements of nested arrays. */
function innermost(schema) {
  return schema.type === "array" && schema.items ? innermost(schema.items) : schema;
}

function typeOf(schema, resolve) {
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.anyOf) return schema.title ? `${schema.title}, one of` : "one of";
  if (schema.type !== "array") return schema.title ?? [schema.format ?? schema.type ?? "any"].flat().join(" or ");
  const sizes = [];
  let inner = schema;
  for (; inner.type === "array"; inner = inner.items ?? {}) {
    sizes.push(inner.maxItems !== undefined && inner.maxItems === inner.minItems ? inner.maxItems : "");
  }
  return `${typeOf(resolve(inner), resolve)}${sizes.map((size) => `[${size}]`).join("")}`;
}

// SPDX-License-Identifier: Apache-2.0
// Writes what is derived from the addon's tables of provider options: src/serving/provider-option-table.ts, by which config.yaml
// is checked, and the tables of docs/gpu.md. After a change in native/engine/provider_options.cc:
//   npm run build && node --import tsx scripts/provider-options.mjs && npm run lint:fix
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { nativeBinding } from "../src/native/load.ts";
import { root } from "./stale.mjs";

export const tablePath = "src/serving/provider-option-table.ts";
export const docsPath = "docs/gpu.md";

/** Options that a configuration can hold, by provider. */
function byProvider(options) {
  const providers = new Map();
  for (const option of options.filter(({ settable }) => settable)) {
    providers.set(option.provider, [...(providers.get(option.provider) ?? []), option]);
  }
  return providers;
}

/** The rule of one option as a line of TypeScript's data. */
function ruleOf({ kind, doc, choices, min, max }) {
  const rule = { kind, ...(choices && { of: choices.split("|") }), ...(min !== undefined && { min, max }), doc };
  return JSON.stringify(rule);
}

/** The content of the TypeScript table. */
export function tableText(options) {
  const providers = [...byProvider(options)].map(
    ([provider, list]) => `  ${provider}: {\n${list.map((o) => `    ${o.key}: ${ruleOf(o)},`).join("\n")}\n  },`,
  );
  return [
    "// SPDX-License-Identifier: Apache-2.0",
    "// Written by scripts/provider-options.mjs from native/engine/provider_options.cc: do not edit.",
    'import type { ProviderOptionRule } from "./provider-options.js";',
    "",
    "export const providerOptionTable: Readonly<Record<string, Readonly<Record<string, ProviderOptionRule>>>> = {",
    ...providers,
    "};",
    "",
  ].join("\n");
}

function valueText({ kind, choices, min, max }) {
  if (kind === "boolean") return "`true`, `false`";
  if (kind === "choice")
    return choices
      .split("|")
      .map((choice) => `\`${choice}\``)
      .join(", ");
  if (kind === "text") return "text";
  return max === undefined ? `integer, ${min} or more` : `${min} to ${max}`;
}

/** `docs` with its option tables renewed. */
export function docsText(docs, options) {
  let text = docs;
  for (const [provider, list] of byProvider(options)) {
    const rows = list.map((o) => `| \`${o.key}\` | ${valueText(o)} | ${o.preset && `\`${o.preset}\``} | ${o.doc} |`);
    const table = ["| Option | Values | Preset | Meaning |", "|---|---|---|---|", ...rows].join("\n");
    const [begin, end] = [`<!-- options of ${provider} -->`, `<!-- end of options of ${provider} -->`];
    const [before, rest] = text.split(begin);
    const after = rest?.split(end)[1];
    if (after === undefined) throw new Error(`${docsPath} lacks the marks ${begin} and ${end}`);
    text = `${before}${begin}\n${table}\n${end}${after}`;
  }
  return text;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const options = nativeBinding().providerOptions();
  writeFileSync(join(root, tablePath), tableText(options));
  const docs = join(root, docsPath);
  writeFileSync(docs, docsText(readFileSync(docs, "utf8"), options));
}

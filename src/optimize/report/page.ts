// SPDX-License-Identifier: Apache-2.0
// A report as one HTML file that needs nothing beside it.
import { escapeHtml } from "./svg.js";

const style = `
:root { color-scheme: light dark; --ink: #1d2733; --paper: #fff; --line: #c9d1da; --bar: #3b7dd8; --pale: #c3d5ee; --bad: #d1495b; }
@media (prefers-color-scheme: dark) { :root { --ink: #dde5ee; --paper: #14191f; --line: #3a4653; --bar: #6aa5f5; --pale: #30445e; --bad: #f07a89; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 880px; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; width: 100%; }
th, td { text-align: left; padding: .25rem .75rem .25rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
figure { margin: 1.5rem 0; } figcaption { font-weight: 600; margin-bottom: .25rem; }
svg { width: 100%; height: auto; font: 11px system-ui, sans-serif; } svg text { fill: var(--ink); } svg line { stroke: var(--line); }
rect.plain { fill: var(--bar); } rect.pale { fill: var(--pale); } rect.bad { fill: var(--bad); }
.warning { border-left: 3px solid var(--bad); padding-left: .75rem; } code { font-size: 13px; }`;

export type Row = readonly (string | number)[];

/** `notes` stand out at the top; `body` is HTML. */
export function page(title: string, notes: readonly string[], body: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeHtml(title)}</title>
<style>${style}</style>
</head>
<body>
<h1>${escapeHtml(title)}</h1>
${notes.map((text) => `<p class="warning">${escapeHtml(text)}</p>`).join("\n")}
${body}
</body>
</html>
`;
}

export function table(header: readonly string[], rows: readonly Row[]): string {
  const line = (cells: Row, tag: string) =>
    `<tr>${cells.map((cell) => `<${tag}>${escapeHtml(String(cell))}</${tag}>`).join("")}</tr>`;
  const head = header.some((text) => text !== "") ? `<thead>${line(header, "th")}</thead>` : "";
  return `<table>${head}<tbody>${rows.map((row) => line(row, "td")).join("\n")}</tbody></table>`;
}

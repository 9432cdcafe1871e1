// SPDX-License-Identifier: Apache-2.0
import type { Table } from "./tables.js";

/** For a terminal. */
export function textTable({ title, header, rows }: Table): string {
  const widths = header.map((cell, i) => Math.max(cell.length, ...rows.map((row) => row[i]?.length ?? 0)));
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join("  ")
      .trimEnd();
  const rule = "-".repeat(line(header.map((_, i) => "-".repeat(widths[i] ?? 0))).length);
  return [title, rule, line(header), rule, ...rows.map(line), ""].join("\n");
}

export function markdownTable({ header, rows }: Table): string {
  const line = (row: readonly string[]) => `| ${row.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  const align = `|${header.map((_, i) => (i === 0 ? " --- " : " ---: ")).join("|")}|`;
  return [line(header), align, ...rows.map(line), ""].join("\n");
}

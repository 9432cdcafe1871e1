// SPDX-License-Identifier: Apache-2.0
// Horizontal bars as SVG: readable without a script, and in print.

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c] ?? c);
}

export interface Bar {
  readonly label: string;
  readonly from: number;
  readonly to: number;
  /** Behind the bar. */
  readonly note: string;
  /** "bad" bars stand out. */
  readonly tone?: "plain" | "bad" | "pale";
}

const [labelWidth, plotWidth, noteWidth, rowHeight] = [240, 420, 160, 20];

/** One bar per row on one scale, which always has 0 on it. */
export function barChart(title: string, bars: readonly Bar[]): string {
  const low = Math.min(0, ...bars.map(({ from, to }) => Math.min(from, to)));
  const high = Math.max(low + Number.MIN_VALUE, 0, ...bars.map(({ from, to }) => Math.max(from, to)));
  const x = (value: number) => labelWidth + (plotWidth * (value - low)) / (high - low || 1);
  const rows = bars.map((bar, i) => {
    const [left, right] = [x(Math.min(bar.from, bar.to)), x(Math.max(bar.from, bar.to))];
    const y = i * rowHeight;
    const width = Math.max(1, right - left).toFixed(1);
    return [
      `<text x="${labelWidth - 8}" y="${y + 14}" text-anchor="end">${escapeHtml(shorten(bar.label))}<title>${escapeHtml(bar.label)}</title></text>`,
      `<rect class="${bar.tone ?? "plain"}" x="${left.toFixed(1)}" y="${y + 3}" width="${width}" height="${rowHeight - 6}"/>`,
      `<text class="note" x="${labelWidth + plotWidth + 8}" y="${y + 14}">${escapeHtml(bar.note)}</text>`,
    ].join("");
  });
  const [width, height] = [labelWidth + plotWidth + noteWidth, bars.length * rowHeight + 4];
  const zero = `<line x1="${x(0).toFixed(1)}" x2="${x(0).toFixed(1)}" y1="0" y2="${height}"/>`;
  return `<figure><figcaption>${escapeHtml(title)}</figcaption>
<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeHtml(title)}">${zero}${rows.join("\n")}</svg></figure>`;
}

/** The end of a long name says more than its beginning. */
function shorten(label: string): string {
  return label.length > 34 ? `…${label.slice(-33)}` : label;
}

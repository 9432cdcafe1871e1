// SPDX-License-Identifier: Apache-2.0
// The fenced code of a Markdown file.
import { read } from "../layering/sources.js";

export interface CodeBlock {
  /** Such as "bash". */
  readonly language: string;
  readonly code: string;
  /** Line of the opening fence, from 1. */
  readonly line: number;
}

export function codeBlocks(path: string): CodeBlock[] {
  const text = read(path);
  return [...text.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map((match) => ({
    language: match[1] as string,
    code: match[2] as string,
    line: text.slice(0, match.index).split("\n").length,
  }));
}

// SPDX-License-Identifier: Apache-2.0
// The files of the pages: read once, served from memory.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Reply } from "./reply.js";
import type { QueryRequest } from "./routes.js";

const types: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
};

/** The page may load what this server has, and nothing else; nobody may frame it. */
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

export interface PageFile {
  readonly type: string;
  readonly body: Buffer;
  readonly etag: string;
}

/** A file of `dashboard/`, which stands beside src/ in a checkout and beside dist/ in the package. */
export function readPageFile(name: string): PageFile {
  const body = readFileSync(new URL(`../../dashboard/${name}`, import.meta.url));
  const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
  return { type: types[name.split(".").at(-1) as string] as string, body, etag };
}

export function sendPageFile({ type, body, etag }: PageFile, reply: Reply, request: QueryRequest): void {
  reply.addHeader("ETag", etag);
  reply.addHeader("Cache-Control", "no-cache"); // keep it, and ask whether it is still the same
  reply.addHeader("Content-Security-Policy", policy);
  reply.addHeader("X-Content-Type-Options", "nosniff");
  reply.addHeader("Referrer-Policy", "no-referrer");
  const known = request.getHeader("if-none-match").split(",");
  if (known.some((one) => one.trim().replace(/^W\//, "") === etag)) reply.sendEmpty(304);
  else reply.sendContent(type, body);
}

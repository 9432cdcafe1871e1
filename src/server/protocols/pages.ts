// SPDX-License-Identifier: Apache-2.0
// Pages for browsers, and what stands at the root.
import { z } from "zod";
import { type PageFile, readPageFile, sendPageFile } from "../page-files.js";
import type { QueryRoute } from "../routes.js";

const scripts = ["docs.css", "docs.js", "docs-element.js", "docs-operation.js", "docs-request.js", "docs-schema.js"];

export const pageRoutes: readonly QueryRoute[] = [
  {
    pattern: "/",
    doc: {
      summary: "Tell whether the process is alive",
      tag: "Server",
      description: "For KServe's V1 clients. Browsers, which accept `text/html`, are sent to /docs.",
      response: z.object({ status: z.literal("alive") }).meta({ id: "Alive" }),
    },
    handle: (_context, _params, reply, request) => {
      reply.addHeader("Vary", "Accept");
      if (!/\btext\/html\b/i.test(request.getHeader("accept"))) {
        reply.sendJson({ status: "alive" });
        return;
      }
      reply.addHeader("Location", "docs"); // relative, for a proxy that puts the server under a prefix
      reply.sendEmpty(302);
    },
  },
  {
    ...fileRoute("/docs", readPageFile("docs.html")),
    doc: {
      summary: "Read this as a page, and try it",
      tag: "Server",
      response: { "text/html; charset=utf-8": z.string() },
    },
  },
  ...scripts.map((name) => fileRoute(`/docs/${name}`, readPageFile(name))),
];

function fileRoute(pattern: string, file: PageFile): QueryRoute {
  return {
    pattern,
    doc: { aliasOf: "/docs" },
    handle: (_context, _params, reply, request) => sendPageFile(file, reply, request),
  };
}

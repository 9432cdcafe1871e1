// SPDX-License-Identifier: Apache-2.0
// The shared memory extensions of the Open Inference Protocol: system shared memory where the operator allows it, that of
// CUDA never.
import { z } from "zod";
import { OrtserveError } from "../../errors.js";
import { addSharedRegion, removeSharedRegion, type SharedRegion, sharedRegions } from "../../runtime/shared-memory.js";
import { jsonBody } from "../command-body.js";
import type { ServerContext } from "../context.js";
import type { CommandRoute, QueryRoute } from "../routes.js";

const registerSchema = z.object({
  key: z.string().min(1).describe('Name of the POSIX shared memory object, such as "/input".'),
  offset: z.int().min(0).default(0),
  byte_size: z.int().min(1),
});

const statusSchema = z.array(
  z.object({ name: z.string(), key: z.string(), offset: z.int().min(0), byte_size: z.int().min(1) }),
);

const tag = "Open Inference Protocol";

/** @throws OrtserveError ERR_UNSUPPORTED */
function allow({ settings }: ServerContext): void {
  if (settings.sharedMemory) return;
  const message = "Client shared memory is disabled: the server was started without --shared-memory";
  throw new OrtserveError("ERR_UNSUPPORTED", message);
}

function refuseCuda(): never {
  throw new OrtserveError("ERR_UNSUPPORTED", "CUDA shared memory is not supported");
}

const statusOf = ({ name, key, offset, byteSize }: SharedRegion) => ({ name, key, offset, byte_size: byteSize });

function readRegion(name: string, body: Buffer): SharedRegion {
  const checked = registerSchema.safeParse(jsonBody(body));
  if (checked.success) {
    const { key, offset, byte_size: byteSize } = checked.data;
    return { name, key, offset, byteSize };
  }
  const [issue] = checked.error.issues;
  const where = issue?.path.length ? `'${issue.path.join(".")}': ` : "";
  throw new OrtserveError("ERR_INVALID_ARGUMENT", `shared memory region '${name}': ${where}${issue?.message}`);
}

export const sharedMemoryQueries: readonly QueryRoute[] = [
  {
    pattern: "/v2/systemsharedmemory/status",
    doc: { tag, summary: "List the shared memory regions", response: statusSchema },
    handle: (_context, _params, reply) => reply.sendJson(sharedRegions().map(statusOf)),
  },
  {
    pattern: "/v2/systemsharedmemory/region/:region/status",
    doc: { aliasOf: "/v2/systemsharedmemory/status" },
    handle: (_context, params, reply) => {
      const found = sharedRegions().filter(({ name }) => name === params(0));
      if (found.length === 0) {
        throw new OrtserveError("ERR_NOT_FOUND", `Unable to find system shared memory region: '${params(0)}'`);
      }
      reply.sendJson(found.map(statusOf));
    },
  },
  ...["/v2/cudasharedmemory/status", "/v2/cudasharedmemory/region/:region/status"].map((pattern) => ({
    pattern,
    doc: { aliasOf: "/v2/systemsharedmemory/status" },
    handle: refuseCuda,
  })),
];

export const sharedMemoryCommands: readonly CommandRoute[] = [
  {
    method: "POST",
    pattern: "/v2/systemsharedmemory/region/:region/register",
    doc: {
      tag,
      summary: "Register a shared memory region",
      request: registerSchema,
      response: "nothing",
      errors: ["ERR_INVALID_JSON", "ERR_UNSUPPORTED"],
    },
    handle: (context, { params, body }, reply) => {
      allow(context);
      addSharedRegion(readRegion(params[0] ?? "", body));
      reply.sendEmpty(200);
    },
  },
  ...["/v2/systemsharedmemory/unregister", "/v2/systemsharedmemory/region/:region/unregister"].map(
    (pattern): CommandRoute => ({
      method: "POST",
      pattern,
      doc: {
        tag,
        summary: pattern.includes(":") ? "Unregister a shared memory region" : "Unregister all shared memory",
        request: "nothing",
        response: "nothing",
        errors: ["ERR_UNSUPPORTED"],
      },
      handle: (context, { params }, reply) => {
        allow(context);
        removeSharedRegion(params[0] ?? "");
        reply.sendEmpty(200);
      },
    }),
  ),
  ...[
    "/v2/cudasharedmemory/unregister",
    "/v2/cudasharedmemory/region/:region/unregister",
    "/v2/cudasharedmemory/region/:region/register",
  ].map(
    (pattern): CommandRoute => ({
      method: "POST",
      pattern,
      doc: { aliasOf: "/v2/systemsharedmemory/unregister" },
      handle: refuseCuda,
    }),
  ),
];

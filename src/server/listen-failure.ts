// SPDX-License-Identifier: Apache-2.0
// uWebSockets.js says only that listening failed; node:net, asked to do the same, says why.
import { createServer } from "node:net";
import { OrtserveError } from "../errors.js";

/** The error to throw after `host:port` could not be listened on. */
export async function explainListenFailure(host: string, port: number): Promise<OrtserveError> {
  const cause = await new Promise<NodeJS.ErrnoException | undefined>((resolve) => {
    const probe = createServer();
    probe.once("error", resolve);
    probe.listen({ host, port, exclusive: true }, () => probe.close(() => resolve(undefined)));
  });
  const address = `${host}:${port}`;
  if (cause === undefined || cause.code === "EADDRINUSE") {
    return new OrtserveError("ERR_PORT_IN_USE", `cannot listen on ${address}: another server listens there`, { cause });
  }
  const reasons: Record<string, string> = {
    EACCES: "this user may not use ports below 1024",
    EADDRNOTAVAIL: "this machine does not have that address",
    ENOTFOUND: "the host name is unknown",
  };
  const reason = reasons[cause.code ?? ""] ?? cause.message;
  return new OrtserveError("ERR_INVALID_ARGUMENT", `cannot listen on ${address}: ${reason}`, { cause });
}

// SPDX-License-Identifier: Apache-2.0
// SIGTERM and SIGINT: the first one drains and exits, a second one exits at once.
import { constants } from "node:os";
import type { OrtServer } from "../server/server.js";
import type { Logger } from "../telemetry/log.js";

/** Exit status 0 after an orderly end, 128 + the signal's number when a second signal cut it short. */
export function closeOnSignal(server: OrtServer, logger: Logger): void {
  let closing = false;
  const onSignal = (signal: "SIGTERM" | "SIGINT") => {
    if (closing) process.exit(128 + constants.signals[signal]);
    closing = true;
    logger.info({ signal, inFlight: server.inFlight }, "shutting down");
    server.close().then(
      () => {
        logger.info("closed");
        process.exit(0);
      },
      (error: unknown) => {
        logger.fatal({ err: error }, "could not close");
        process.exit(1);
      },
    );
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
}

// SPDX-License-Identifier: Apache-2.0
// How many HTTP threads a server has.
import { OrtserveError } from "../errors.js";
import { startEngine } from "../runtime/engine.js";

const most = 64;
/** Where the kernel deals connections out to the sockets that share a port; elsewhere one of them gets all. */
const deals = process.platform === "linux";

/** @throws OrtserveError ERR_INVALID_ARGUMENT, or ERR_UNSUPPORTED for more than one where that cannot work */
export function threadCount(wanted: number | "auto" = 1): number {
  if (wanted === "auto") return deals ? threadsFor(startEngine().cores) : 1;
  if (!Number.isInteger(wanted) || wanted < 1 || wanted > most) {
    throw new OrtserveError(
      "ERR_INVALID_ARGUMENT",
      `httpThreads: expected "auto" or an integer from 1 to ${most}, got ${wanted}`,
    );
  }
  if (wanted > 1 && !deals) {
    throw new OrtserveError("ERR_UNSUPPORTED", `httpThreads: expected 1 on ${process.platform}, got ${wanted}`);
  }
  return wanted;
}

function threadsFor(cores: number): number {
  return Math.max(1, Math.min(4, Math.floor(cores / 4)));
}

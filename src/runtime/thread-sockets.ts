// SPDX-License-Identifier: Apache-2.0
// What uWebSockets.js leaves undone for the sockets of a thread.
import { nativeBinding } from "../native/load.js";

/**
 * For worker threads that serve with uWebSockets.js: when such a thread ends, in whatever way, its sockets are closed. Without
 * this its end would abort the process. Once per thread.
 */
export function closeSocketsWithThread(): void {
  nativeBinding().closeSocketsWithThread();
}

/**
 * Before a listening socket is closed: nobody begins to connect to `port` of this thread any more, and who is connecting
 * already can still be accepted. False where the system cannot do it; then closing resets whoever waits to be accepted.
 */
export function refuseConnections(port: number): boolean {
  return nativeBinding().refuseConnections(port) > 0;
}

/** Ends the process without running anything more in any of its threads. Does not return. */
export function exitNow(code: number): void {
  nativeBinding().exitNow(code);
}

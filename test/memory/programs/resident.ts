// SPDX-License-Identifier: Apache-2.0
// Resident memory, measured after the garbage is gone.

/** Megabytes. External buffers are freed by finalizers, which run in turns of their own. */
export async function residentMegabytes(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return process.memoryUsage.rss() / 1e6;
}

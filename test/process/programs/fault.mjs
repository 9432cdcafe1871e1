// SPDX-License-Identifier: Apache-2.0
// Preloaded into a program that has HTTP threads: makes one of them fail when the program says so on this channel.
import { BroadcastChannel, isMainThread, workerData } from "node:worker_threads";

const faults = {
  throw() {
    setImmediate(() => {
      throw new Error("injected");
    });
  },
  reject() {
    void Promise.reject(new Error("injected"));
  },
  exit() {
    process.exit(3);
  },
  /** `word`: two shared integers; the thread stands still while the first is 0, and has set the second before. */
  block(word) {
    Atomics.store(word, 1, 1);
    Atomics.wait(word, 0, 0);
  },
};

if (!isMainThread && workerData?.state instanceof SharedArrayBuffer) {
  const channel = new BroadcastChannel("faults");
  channel.onmessage = ({ data: { thread, fault, word } }) => {
    if (thread === workerData.thread) faults[fault](word);
  };
  channel.unref();
}

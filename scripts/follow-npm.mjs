// SPDX-License-Identifier: Apache-2.0
// npm passes a signal on to the shell it started, and the shell dies of it without telling its child. So `kill` of an
// `npm start` would leave the server running: it follows its parent instead.

const lookEveryMs = 250;

/** When the shell that npm started us from is gone, this process gets the SIGTERM that was meant for it. */
export function followNpm() {
  if (process.env.npm_lifecycle_event === undefined || process.platform === "win32") return;
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    process.kill(process.pid, "SIGTERM");
  }, lookEveryMs);
  timer.unref();
  // A signal that reached us needs no second one, which would mean "at once".
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.once(signal, () => {
      clearInterval(timer);
      if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
    });
  }
}

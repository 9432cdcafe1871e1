// SPDX-License-Identifier: Apache-2.0
// Starts an HTTP thread, from the installed package or from a checkout's sources.
import { Worker, type WorkerOptions } from "node:worker_threads";

const registerAndImport = `
  const [loader, entry] = process.argv.slice(2);
  import(loader).then(({ register }) => {
    register();
    return import(entry);
  });
`;

export function startHttpWorker(options: WorkerOptions): Worker {
  if (!import.meta.url.endsWith(".ts")) return new Worker(new URL("./http-worker.js", import.meta.url), options);
  // Node 20 does not carry a TypeScript loader over to the entry of a thread: it has to be registered there.
  const argv = [import.meta.resolve("tsx/esm/api"), new URL("./http-worker.ts", import.meta.url).href];
  return new Worker(registerAndImport, { ...options, argv, eval: true });
}

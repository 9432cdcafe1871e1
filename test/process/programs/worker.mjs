// SPDX-License-Identifier: Apache-2.0
// Entry of a worker thread: workers do not inherit the TypeScript loader.
import { workerData } from "node:worker_threads";
import { register } from "tsx/esm/api";

register();
await import(new URL(`./${workerData.program}.ts`, import.meta.url).href);

// SPDX-License-Identifier: Apache-2.0
// `ortserve/server`: serving a model repository from your own process.
export { OrtserveError } from "../errors.js";
export { type LoadEvent, type LoadRepositoryOptions, loadRepository } from "../serving/load-repository.js";
export { ModelStore, type Servable, type ServedModel } from "../serving/model-store.js";
export { openRepository } from "../serving/open-repository.js";
export type { ControlMode, IndexEntry, LoadOverride } from "../serving/repository-admin.js";
export { type ControlOptions, RepositoryControl } from "../serving/repository-control.js";
export { createLogger, type Logger, type LogLevel } from "../telemetry/log.js";
export type { ServerOptions } from "./options.js";
export { createServer, type OrtServer } from "./server.js";

// SPDX-License-Identifier: Apache-2.0
// Entry of an HTTP thread: a share of the server that is run from another thread.
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { startEngine } from "../../runtime/engine.js";
import { ModelPort } from "../../runtime/model-port.js";
import { closeSocketsWithThread } from "../../runtime/thread-sockets.js";
import { InferenceService } from "../../serving/inference-service.js";
import { ModelStore } from "../../serving/model-store.js";
import { AccessLog } from "../access-log.js";
import { HttpThread } from "../http-thread.js";
import { SharedState } from "../shared-state.js";
import { RemoteAdmin } from "./admin.js";
import type { ControlCalls, HttpWorkerData, ThreadCalls } from "./calls.js";
import { Channel } from "./channel.js";
import { RelayedLog } from "./log-relay.js";
import { receivedRoutes } from "./route-broadcast.js";

const data = workerData as HttpWorkerData;
startEngine({ ortDir: data.ortDir }); // the process's engine runs: this finds it
closeSocketsWithThread();

const state = new SharedState(data.state);
const models = new ModelStore();

const channel: Channel<ControlCalls, ThreadCalls> = new Channel(parentPort as MessagePort, {
  apply: (routes) => models.apply(receivedRoutes(routes)),
  forget: (name) => models.forget(name),
  listen: (port) => http.listen(data.settings.host, port, true) !== undefined,
  drain: () => http.drain(),
  stop,
});
const log = data.logs
  ? new RelayedLog(
      state,
      (call) => channel.tell("log", call),
      (level) => channel.tell("setLogLevel", level),
    )
  : undefined;
const control = data.control && new RemoteAdmin(data.control, channel);
const http = new HttpThread({
  service: new InferenceService(models, data.defaultModel, state, control),
  port: ModelPort.current(),
  accessLog: new AccessLog(log, state),
  settings: data.settings,
  state,
  thread: data.thread,
});

// A socket that calls a handler in a thread where no JavaScript runs any more would end the process: it takes an answer.
process.once("exit", stop);

function stop(): void {
  http.stop();
  state.setStopped(data.thread, true);
}

channel.tell("started", undefined);

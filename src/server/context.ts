// SPDX-License-Identifier: Apache-2.0
// What the parts of one server share.
import type { ModelPort } from "../runtime/model-port.js";
import type { InferenceService } from "../serving/inference-service.js";
import type { AccessLog } from "./access-log.js";
import type { Settings } from "./options.js";
import type { TimerWheel } from "./timer-wheel.js";

/** The part of the native port that requests from the wire use. */
export type WirePort = Pick<ModelPort, "submit" | "openBody" | "cancel">;

export interface ServerContext {
  readonly service: InferenceService;
  readonly port: WirePort;
  readonly wheel: TimerWheel;
  readonly accessLog: AccessLog;
  readonly settings: Settings;
  /** Responses that are owed: HTTP requests and WebSocket messages without an answer yet. */
  inFlight: number;
  /** Every reply ends its connection. */
  draining: boolean;
}

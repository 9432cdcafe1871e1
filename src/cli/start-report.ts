// SPDX-License-Identifier: Apache-2.0
// What the server says while it starts: sentences for a person at a terminal, log lines for a machine.
import type { EngineInfo } from "../runtime/engine.js";
import type { OrtServer } from "../server/server.js";
import type { LoadEvent } from "../serving/load-repository.js";
import type { ModelStore } from "../serving/model-store.js";
import type { SharedCacheEvent } from "../serving/shared-cache/shared-cache.js";
import type { RecordEvent } from "../serving/traffic-recorder.js";
import type { Logger } from "../telemetry/log.js";

export class StartReport {
  readonly #logger: Logger;
  readonly #forPeople: boolean;

  constructor(logger: Logger, forPeople: boolean) {
    this.#logger = logger;
    this.#forPeople = forPeople;
  }

  engine({ version, cores, libraryPath }: EngineInfo): void {
    const what = `ONNX Runtime ${version} on ${cores} ${cores === 1 ? "core" : "cores"}, telemetry off`;
    this.#say("info", { onnxruntime: version, cores, libraryPath, telemetry: "off" }, what);
  }

  model(event: LoadEvent): void {
    const { name, version } = event;
    const label = version === "" ? name || "the repository" : `${name} v${version}`;
    if (event.kind === "failed") {
      this.#say(
        "error",
        { model: name, version, error: event.error.message },
        `cannot load ${label}: ${event.error.message}`,
      );
      return;
    }
    if (event.kind === "unloaded") {
      this.#say("info", { model: name, version }, `unloaded ${label}`);
      return;
    }
    const { batched, batchingReason, instances, maxBatchRows, providers } = event.servable.model.metadata;
    const provider = providers.find(({ active }) => active)?.name ?? "cpu";
    const together = maxBatchRows > 1 ? `batches of up to ${maxBatchRows} rows` : "each request runs by itself";
    const batching = batched ? together : `no batching: ${batchingReason}`;
    const millis = Math.round(event.millis);
    const facts = { model: name, version, millis, provider, instances, batched, maxBatchRows, batchingReason };
    this.#say("info", facts, `loaded ${label} in ${millis} ms (${provider}, ${batching})`);
    for (const note of event.servable.notes) {
      this.#say("warn", { model: name, version, note }, `${label}: ${note}`);
    }
    for (const { name: noted, note } of providers) {
      if (note !== "")
        this.#say("warn", { model: name, version, provider: noted, note }, `${label}: ${noted}: ${note}`);
    }
    for (const { name: missing, active, reason } of providers) {
      if (!active)
        this.#say("warn", { model: name, version, provider: missing, reason }, `${label}: ${missing}: ${reason}`);
    }
  }

  /** Recording ends by itself. */
  recorded({ name, version, directory, samples, dropped, reason }: RecordEvent): void {
    const facts = { model: name, version, directory, samples, dropped, reason };
    this.#say("warn", facts, `${name} v${version} is not recorded any more: ${reason} (${dropped} dropped)`);
  }

  /** Redis begins to be used, or is left alone: requests are answered either way. */
  sharedCache(event: SharedCacheEvent): void {
    const { address } = event;
    if (event.kind === "up") {
      const roundTripMs = Math.round(event.roundTripMs * 1000) / 1000;
      this.#say("info", { redis: address, roundTripMs }, `sharing cached results through ${address}`);
    } else {
      const { reason } = event;
      this.#say("warn", { redis: address, reason }, `not sharing cached results: ${address}: ${reason}`);
    }
  }

  listening(server: OrtServer, models: ModelStore): void {
    this.#say("info", { url: server.url, models: models.names }, `listening on ${server.url}`);
    const example = models.names[0];
    if (this.#forPeople) process.stdout.write(`try: curl ${server.url}/v2/models/${example}   (Ctrl-C to stop)\n`);
  }

  #say(level: "info" | "warn" | "error", facts: object, sentence: string): void {
    if (!this.#forPeople) this.#logger[level](facts, sentence);
    else if (this.#logger.isLevelEnabled(level)) process.stdout.write(`${sentence}\n`);
  }
}

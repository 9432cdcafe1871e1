// SPDX-License-Identifier: Apache-2.0
// Runs one feature's variants side by side.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkReply } from "../compare/check.js";
import { ServerProcess } from "../compare/process.js";
import { launchOrtserve, serverKinds } from "../compare/servers.js";
import { inTurn, summarizeWindows } from "../compare/summary.js";
import { type CoreSplit, splitCores } from "../load/cores.js";
import { closedLoop, type LoadResult, RequestFiles } from "../load/load.js";
import type { BenchModel } from "../models/models.js";
import type { FeatureResult, Window } from "../results.js";
import { type BenchRequest, buildRequest } from "../workloads.js";
import type { Feature, Variant } from "./features.js";

export interface FeatureOptions {
  /** Windows of a second that each variant gets. Differences are small here: many short ones tell more than few long ones. */
  readonly rounds: number;
  readonly log: (line: string) => void;
}

export async function measureFeature(
  feature: Feature,
  model: BenchModel,
  options: FeatureOptions,
): Promise<FeatureResult> {
  const cores = feature.apart ? splitCores() : {};
  const request = await buildRequest(feature, model);
  const files = new RequestFiles(request, feature.unique);
  const arena = new Arena(feature, model, request, files, cores);
  try {
    for (const variant of feature.variants) await arena.start(variant);
    for (let round = 0; round < options.rounds; round++) {
      for (const variant of inTurn(feature.variants, round)) {
        const { load } = await arena.window(variant);
        const rate = Math.round(load.requests / load.seconds);
        options.log(`${feature.id}, round ${round + 1} of ${options.rounds}: ${variant.title}: ${rate} requests/s`);
      }
    }
    return arena.result();
  } finally {
    await arena.stop();
    files.dispose();
  }
}

class Arena {
  private readonly folder = mkdtempSync(join(tmpdir(), "ortserve-feature-"));
  private readonly servers = new Map<string, ServerProcess>();
  private readonly windows = new Map<string, Window[]>();
  private readonly reloads = new Map<string, number>();
  private readonly feature: Feature;
  private readonly model: BenchModel;
  private readonly request: BenchRequest;
  private readonly files: RequestFiles;
  private readonly cores: Partial<CoreSplit>;

  constructor(
    feature: Feature,
    model: BenchModel,
    request: BenchRequest,
    files: RequestFiles,
    cores: Partial<CoreSplit>,
  ) {
    this.feature = feature;
    this.model = model;
    this.request = request;
    this.files = files;
    this.cores = cores;
  }

  /** Starts, checks, warms up and pauses one variant. */
  async start(variant: Variant): Promise<void> {
    const { model, feature } = this;
    const peer = serverKinds.find(({ id }) => id === variant.server);
    const repository = peer === undefined ? this.repository(variant) : "";
    const flags = [...(variant.flags ?? []), ...this.recording(variant)];
    const launch = (port: number) =>
      peer === undefined ? launchOrtserve(repository, port, flags) : peer.launch(model, port, false);
    const server = await ServerProcess.start(launch, this.cores.server);
    this.servers.set(variant.id, server);
    if (peer === undefined) await checkReply(server.port, feature.encoding, this.request);
    await this.load(server);
    server.pause();
  }

  async window(variant: Variant): Promise<Window> {
    const server = this.servers.get(variant.id) as ServerProcess;
    server.resume();
    const reloading = variant.reloads ? new Reloading(server.port, this.model.name) : undefined;
    try {
      const window = await server.meter(() => this.load(server));
      this.windows.set(variant.id, [...(this.windows.get(variant.id) ?? []), window]);
      return window;
    } finally {
      const count = (await reloading?.end()) ?? 0;
      if (reloading) this.reloads.set(variant.id, (this.reloads.get(variant.id) ?? 0) + count);
      server.pause();
    }
  }

  result(): FeatureResult {
    const { id, title, connections, variants, goals } = this.feature;
    const points = variants.map((variant) => ({
      ...summarizeWindows(variant.id, this.windows.get(variant.id) ?? [], 1),
      title: variant.title,
      reloads: this.reloads.get(variant.id) ?? 0,
    }));
    return { id, title, connections, goals, points };
  }

  async stop(): Promise<void> {
    for (const server of this.servers.values()) await server.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private repository(variant: Variant): string {
    const repository = join(this.folder, variant.id);
    const version = join(repository, this.model.name, "1");
    mkdirSync(version, { recursive: true });
    symlinkSync(this.model.file, join(version, "model.onnx"));
    writeFileSync(join(repository, this.model.name, "config.yaml"), variant.config);
    return repository;
  }

  private recording({ id, records }: Variant): string[] {
    if (records === undefined) return [];
    const endless = ["--record-limit", "10000000", "--record-size", "16g"];
    return ["--record", join(this.folder, `${id}-recorded`), "--record-rate", records, ...endless];
  }

  private load(server: ServerProcess): Promise<LoadResult> {
    const url = new URL(this.request.path, `http://127.0.0.1:${server.port}`);
    return closedLoop(url, this.files, this.feature.connections, 1, this.cores.load);
  }
}

/** Asks a server to load a model anew, each time as soon as the last load has ended. */
class Reloading {
  private running = true;
  private readonly done: Promise<number>;

  constructor(port: number, model: string) {
    this.done = this.run(`http://127.0.0.1:${port}/v2/repository/models/${model}/load`);
  }

  /** How often it was loaded. Throws when a load has failed. */
  end(): Promise<number> {
    this.running = false;
    return this.done;
  }

  private async run(url: string): Promise<number> {
    let count = 0;
    for (; this.running; count++) {
      const reply = await fetch(url, { method: "POST" });
      if (!reply.ok) throw new Error(`load ${count + 1} answered ${reply.status}: ${await reply.text()}`);
    }
    return count;
  }
}

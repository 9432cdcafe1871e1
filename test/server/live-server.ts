// SPDX-License-Identifier: Apache-2.0
// A server over a repository that a test may change.
import { copyFileSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type ControlOptions,
  createServer,
  type LoadEvent,
  type OrtServer,
  openRepository,
  type RepositoryControl,
  type ServerOptions,
} from "../../src/server/index.js";
import { modelPath } from "../models/make.mjs";
import { type Layout, makeRepository, removeRepository, serverDefaults } from "./real-server.js";

export interface Called {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the server answers
  json: any;
}

export class LiveServer {
  readonly root: string;
  readonly repository: RepositoryControl;
  readonly server: OrtServer;
  readonly events: LoadEvent[];
  readonly #watchers = new Set<() => void>();

  private constructor(root: string, repository: RepositoryControl, server: OrtServer, events: LoadEvent[]) {
    this.root = root;
    this.repository = repository;
    this.server = server;
    this.events = events;
  }

  static async start(
    layout: Layout,
    control: ControlOptions = { control: "explicit", load: ["*"] },
    options: Partial<ServerOptions> = {},
  ): Promise<LiveServer> {
    const root = makeRepository(layout);
    const events: LoadEvent[] = [];
    let told = () => {};
    const onEvent = (event: LoadEvent) => {
      events.push(event);
      told();
    };
    const repository = await openRepository(root, { ...control, onEvent });
    const server = createServer({ models: repository, ...serverDefaults(), ...options });
    await server.listen();
    const live = new LiveServer(root, repository, server, events);
    told = () => {
      for (const watcher of live.#watchers) watcher();
    };
    return live;
  }

  /** Waits for an event that has happened, or will. */
  async event(isIt: (event: LoadEvent) => boolean, since = 0): Promise<LoadEvent> {
    for (;;) {
      const found = this.events.slice(since).find(isIt);
      if (found) return found;
      await new Promise<void>((resolve) => this.#watchers.add(resolve));
      this.#watchers.clear();
    }
  }

  async call(method: "GET" | "POST", path: string, body?: unknown): Promise<Called> {
    const text = typeof body === "string" || body === undefined ? body : JSON.stringify(body);
    const response = await fetch(this.server.url + path, { method, ...(text !== undefined && { body: text }) });
    return { status: response.status, json: await response.json() };
  }

  get = (path: string) => this.call("GET", path);
  post = (path: string, body?: unknown) => this.call("POST", path, body);
  load = (model: string, parameters?: Record<string, unknown>) =>
    this.post(`/v2/repository/models/${model}/load`, parameters && { parameters });
  unload = (model: string) => this.post(`/v2/repository/models/${model}/unload`);

  async index(model?: string): Promise<{ name: string; version?: string; state?: string; reason?: string }[]> {
    const { json } = await this.post("/v2/repository/index");
    return model === undefined ? json : json.filter(({ name }: { name: string }) => name === model);
  }

  /** Puts a test model, or other bytes, in the place of a version's file, as a careful operator does: by renaming. */
  replace(path: string, content: { model: string } | Buffer): void {
    const target = join(this.root, path);
    mkdirSync(join(target, ".."), { recursive: true });
    const fresh = join(this.root, `.incoming-${Math.random().toString(36).slice(2)}`);
    if (Buffer.isBuffer(content)) writeFileSync(fresh, content);
    else copyFileSync(modelPath(content.model), fresh);
    renameSync(fresh, target);
  }

  /** Writes a model's config.yaml. */
  configure(model: string, yaml: string): void {
    this.replace(`${model}/config.yaml`, Buffer.from(yaml));
  }

  async close(): Promise<void> {
    await this.server.close();
    removeRepository(this.root);
  }
}

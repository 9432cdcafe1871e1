// SPDX-License-Identifier: Apache-2.0
// A server with the real core over a repository made of test models.
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, loadRepository, type OrtServer, type ServerOptions } from "../../src/server/index.js";
import { modelPath } from "../models/make.mjs";

/** By served name: the test model of each version, and what `config.yaml` holds. */
export type Layout = Record<string, { versions: Record<string, string>; config?: string }>;

/** Writes a repository of links to test models; remove it with {@link removeRepository}. */
export function makeRepository(layout: Layout): string {
  const root = mkdtempSync(join(tmpdir(), "ortserve-models-"));
  for (const [name, { versions, config }] of Object.entries(layout)) {
    for (const [version, model] of Object.entries(versions)) {
      mkdirSync(join(root, name, version), { recursive: true });
      symlinkSync(modelPath(model), join(root, name, version, "model.onnx"));
    }
    if (config !== undefined) writeFileSync(join(root, name, "config.yaml"), config);
  }
  return root;
}

export function removeRepository(root: string): void {
  rmSync(root, { recursive: true, force: true });
}

/** Version 1 of each named test model, under its own name. */
export function layoutOf(...names: string[]): Layout {
  return Object.fromEntries(names.map((name) => [name, { versions: { 1: name } }]));
}

let httpThreads = 1;

/** For the servers that are started from here on. */
export function useHttpThreads(count: number): void {
  httpThreads = count;
}

/** What every test server is made with: any free port, and the threads that were chosen. */
export function serverDefaults() {
  return { port: 0, httpThreads };
}

/** Listens on a free port. Closing the server leaves no files behind. */
export async function startRealServer(layout: Layout, options: Partial<ServerOptions> = {}): Promise<OrtServer> {
  const root = makeRepository(layout);
  try {
    const models = await loadRepository(root, { strict: true });
    const server = createServer({ models, ...serverDefaults(), ...options });
    await server.listen();
    return server;
  } finally {
    removeRepository(root); // the models are in memory
  }
}

// SPDX-License-Identifier: Apache-2.0
// A real server with the models of test/models that a test names.
import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, loadRepository, type OrtServer, type ServerOptions } from "../../src/server/index.js";
import { modelPath } from "../models/make.mjs";

export async function startTestServer(names: string[], options: Partial<ServerOptions> = {}): Promise<OrtServer> {
  const folder = mkdtempSync(join(tmpdir(), "ortserve-client-"));
  try {
    for (const name of names) {
      mkdirSync(join(folder, name, "1"), { recursive: true });
      copyFileSync(modelPath(name), join(folder, name, "1", "model.onnx"));
    }
    const server = createServer({ models: await loadRepository(folder, { strict: true }), port: 0, ...options });
    await server.listen();
    return server;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

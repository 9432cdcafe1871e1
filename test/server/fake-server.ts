// SPDX-License-Identifier: Apache-2.0
// A server with a real socket and a fake core.
import type { Model } from "../../src/runtime/model.js";
import type { ServerOptions } from "../../src/server/options.js";
import { OrtServer } from "../../src/server/server.js";
import { ModelStore } from "../../src/serving/model-store.js";
import { makeServable } from "../../src/serving/servable.js";
import { FakePort } from "./fake-port.js";

export interface FakeServer {
  server: OrtServer;
  port: FakePort;
  url: string;
  closedModels: string[];
}

/** `models`: names and their versions. */
export async function startFakeServer(
  options: Partial<ServerOptions> = {},
  models: Record<string, string[]> = { alpha: ["1", "2", "10"] },
): Promise<FakeServer> {
  const store = new ModelStore();
  const closedModels: string[] = [];
  for (const [name, versions] of Object.entries(models)) {
    store.add(
      name,
      versions.map((version) => {
        const model = fakeModel(() => closedModels.push(`${name}/${version}`));
        return makeServable({ name, version, config: {}, notes: [] }, model);
      }),
    );
  }
  const port = new FakePort();
  const server = new OrtServer({ models: store, port: 0, ...options }, port);
  await server.listen();
  return { server, port, url: server.url, closedModels };
}

function fakeModel(onClose: () => void): Model {
  const tensor = {
    name: "x",
    datatype: "FP32",
    shape: [-1, 4],
    dimNames: [],
    optional: false,
    kind: "tensor",
    features: [],
  };
  const close = async () => onClose();
  return { metadata: { inputs: [tensor], outputs: [tensor] }, backlogMillis: () => 2001, close } as unknown as Model;
}

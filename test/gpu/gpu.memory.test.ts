// SPDX-License-Identifier: Apache-2.0
// Models that come and go leave nothing behind on the device.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type GpuNetwork, prepareNetworks, rowsOf } from "../../bench/gpu/networks.js";
import { Model, Tensor } from "../../src/index.js";
import { dry, machine, memoryInUse, networkFolder, on, skipOf } from "./gpu-machine.js";

const cycles = 20;
/** What a driver's and an allocator's own bookkeeping may come to. */
const slack = 64 * 2 ** 20;

async function cycle(network: GpuNetwork, graphs: boolean): Promise<void> {
  const options = on("cuda", graphs ? { enable_cuda_graph: true } : {});
  const model = await Model.load(network.file, { ...options, maxBatchRows: 4, engine: { engineCache: false } });
  try {
    const calls = [1, 2, 4].map((rows) =>
      model.predict(new Tensor(network.datatype, rowsOf(network, rows), [rows, ...network.rowShape])),
    );
    await Promise.all(calls);
  } finally {
    await model.close();
  }
}

describe("memory of models that are swapped", { skip: machine.skip ?? skipOf("cuda") }, () => {
  for (const graphs of [false, true]) {
    it(`returns after ${cycles} cycles${graphs ? " with CUDA graphs" : ""}`, async () => {
      const [network] = await prepareNetworks({
        folder: networkFolder,
        dry,
        architectures: ["mobilenetv2"],
        precisions: ["fp32"],
      });
      assert.ok(network);
      for (let i = 0; i < 2; i++) await cycle(network, graphs); // contexts, libraries and pools stay
      const before = await memoryInUse();
      for (let i = 0; i < cycles; i++) await cycle(network, graphs);
      const grown = (await memoryInUse()) - before;
      assert.ok(grown <= slack, `${Math.round(grown / 2 ** 20)} MiB more after ${cycles} cycles`);
    });
  }
});

// SPDX-License-Identifier: Apache-2.0
// What goes wrong with a device, and what becomes of it: a load that says why, a batch that is halved, engines built anew.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { type GpuNetwork, prepareNetworks, rowsOf } from "../../bench/gpu/networks.js";
import { Model, startEngine, Tensor } from "../../src/index.js";
import { difference, dry, machine, networkFolder, on, root, skipOf, tolerances } from "./gpu-machine.js";

const engines = mkdtempSync(join(tmpdir(), "ortserve-engines-"));
after(() => rmSync(engines, { recursive: true, force: true }));

function inputOf(network: GpuNetwork, rows: number): Tensor {
  return new Tensor(network.datatype, rowsOf(network, rows), [rows, ...network.rowShape]);
}

async function valuesOf(model: Model, input: Tensor): Promise<Float32Array> {
  const [output] = Object.values(await model.predict(input));
  return (output as Tensor).data as Float32Array;
}

function engineFiles(): string[] {
  return readdirSync(engines, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(".engine"))
    .map((entry) => join(entry.parentPath, entry.name));
}

describe("faults of a device", { skip: machine.skip ?? false }, () => {
  let network: GpuNetwork;
  before(async () => {
    startEngine({ engineCache: engines });
    const chosen = { architectures: ["mobilenetv2"], precisions: ["fp32"] } as const;
    [network] = (await prepareNetworks({ folder: networkFolder, dry, ...chosen })) as [GpuNetwork];
  });

  it("a required provider without a visible device fails the load, before ONNX Runtime tries", () => {
    const script = `
      import { Model } from ${JSON.stringify(join(root, "src/index.ts"))};
      const file = ${JSON.stringify(network.file)};
      await Model.load(file, { providers: [{ name: "cuda", required: true }] }).catch((e) => console.log(e.code, e.message));`;
    const { stdout, stderr } = spawnSync(process.execPath, ["--import", "tsx", "--input-type=module", "-e", script], {
      encoding: "utf8",
      cwd: root,
      env: { ...process.env, CUDA_VISIBLE_DEVICES: "" },
    });
    assert.match(stdout, /^ERR_PROVIDER_UNAVAILABLE .*the required execution provider 'cuda' cannot be used/, stderr);
    if (!dry) assert.match(stdout, /sees no device/);
  });

  it("a batch without room is halved, and every caller gets the right rows", {
    skip: skipOf("cuda"),
  }, async (context) => {
    if (dry) return context.skip("the CPU has no limit of its own; native tests halve batches of a fake device");
    const alone = await Model.load(network.file, { providers: ["cpu"] });
    const expected = await valuesOf(alone, inputOf(network, 1));
    await alone.close();
    const limit = { gpu_mem_limit: 256 * 2 ** 20, use_tf32: false };
    const model = await Model.load(network.file, { ...on("cuda", limit), maxBatchRows: 512, instances: 1 });
    try {
      const calls = Array.from({ length: 512 }, () => valuesOf(model, inputOf(network, 1)));
      for (const got of await Promise.all(calls)) assert.ok(difference(got, expected) <= tolerances.fp32);
      await assert.rejects(model.predict(inputOf(network, 4096)), { code: "ERR_OUT_OF_MEMORY" });
      assert.ok(difference(await valuesOf(model, inputOf(network, 1)), expected) <= tolerances.fp32);
    } finally {
      await model.close();
    }
  });

  it("engines are kept, and broken ones are built anew", { skip: skipOf("tensorrt") }, async (context) => {
    if (dry) return context.skip("the CPU builds no engines; native tests break those of a fake provider");
    const load = () => Model.load(network.file, { ...on("tensorrt"), maxBatchRows: 4 });
    const timed = async () => {
      const started = performance.now();
      const model = await load();
      const notes = model.metadata.providers.map(({ note }) => note).join("");
      const values = await valuesOf(model, inputOf(network, 2));
      await model.close();
      return { values, notes, millis: performance.now() - started };
    };
    const first = await timed();
    assert.equal(first.notes, "");
    assert.ok(engineFiles().length > 0, "no engine was kept");
    const again = await timed();
    assert.equal(difference(again.values, first.values), 0);
    context.diagnostic(`built in ${Math.round(first.millis)} ms, from disk in ${Math.round(again.millis)} ms`);
    for (const file of engineFiles()) truncateSync(file, 1000);
    const rebuilt = await timed();
    assert.match(rebuilt.notes, /could not be used and were removed/);
    assert.ok(difference(rebuilt.values, first.values) <= tolerances.fp32);
  });

  it("a shape outside of the profile is refused before it is queued", { skip: skipOf("tensorrt") }, async (context) => {
    if (dry) return context.skip("the CPU takes any shape");
    const model = await Model.load(network.file, { ...on("tensorrt"), maxBatchRows: 4 });
    try {
      await assert.rejects(model.predict(inputOf(network, 5)), /ERR_|expected|batch-size must be <= 4/);
    } finally {
      await model.close();
    }
  });
});

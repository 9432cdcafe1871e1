// SPDX-License-Identifier: Apache-2.0
// How many bits weights take, for which processors.
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type CpuCompat, cpuCompats, judgedBy, weightBits } from "../../src/optimize/quantize/cpu-compat.js";
import { type Target, targets } from "../../src/optimize/quantize/target.js";

const machine = (int8Instructions: string) => ({ cpu: "a processor", cores: 2, int8Instructions });
const x64 = { skip: process.arch !== "x64" && "other processors do not saturate" };

describe("weights", () => {
  it("take 8 bits where nothing saturates, unless every processor is meant", () => {
    for (const has of ["amx_int8", "avx512_vnni", "avx_vnni", "unknown"])
      for (const target of targets) {
        const bits = cpuCompats.map((cpuCompat) => weightBits({ target, cpuCompat }, machine(has)));
        assert.deepEqual(bits, [[8], [7], [8]]);
        assert.deepEqual(judgedBy({ target }, machine(has)), {});
      }
  });

  it("are tried with 7 and 8 bits by default where the model is to run on a processor that saturates", x64, () => {
    const bits = (target: Target, cpuCompat?: CpuCompat) =>
      weightBits({ target, ...(cpuCompat && { cpuCompat }) }, machine("none"));
    assert.deepEqual([bits("cpu"), bits("cpu", "native"), bits("cpu", "vnni")], [[7, 8], [7, 8], [8]]);
    assert.deepEqual([bits("tensorrt"), bits("cuda")], [[8], [8]], "those run elsewhere");
  });

  it("for other processors are judged without this one's integer kernels, where those saturate", x64, () => {
    const floats = { sessionOptions: { "session.disable_quant_qdq": "1" } };
    for (const here of [{}, { cpuCompat: "avx2" }] as const) assert.deepEqual(judgedBy(here, machine("none")), {});
    assert.deepEqual(judgedBy({ cpuCompat: "vnni" }, machine("none")), floats);
    assert.deepEqual(judgedBy({ target: "tensorrt" }, machine("none")), floats);
  });
});

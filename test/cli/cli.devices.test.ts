// SPDX-License-Identifier: Apache-2.0
// `ortserve devices` on a machine without a GPU, and on one whose driver is made of small libraries on the loader's path.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { platform } from "node:process";
import { after, before, describe, it } from "node:test";
import { ortLibraryPath } from "../../src/native/ort-library.js";
import { devices as devicesHere } from "../../src/runtime/devices.js";
import { root } from "../layering/sources.js";
import { ServeProcess } from "./serve-process.js";

function devices(args: string[], env: NodeJS.ProcessEnv = {}) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, "bin/ortserve.mjs"), "devices", ...args], {
    encoding: "utf8",
    env: { ...process.env, ...env },
  });
  return { status, stdout, stderr };
}

async function statisticsOf(url: URL): Promise<{ model_stats: unknown[]; gpu_stats?: unknown }> {
  const response = await fetch(new URL("/v2/models/stats", url));
  return (await response.json()) as { model_stats: unknown[]; gpu_stats?: unknown };
}

describe("ortserve devices", { skip: platform !== "linux" && "libraries are made for Linux here" }, () => {
  let folder: string;
  let gpuMachine: NodeJS.ProcessEnv;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), "ortserve-devices-"));
    copyFileSync(ortLibraryPath(), join(folder, "libonnxruntime.so.1"));
    writeFileSync(join(folder, "libonnxruntime_providers_shared.so"), "");
    const compile = (name: string, ...args: string[]) =>
      execFileSync("c++", ["-shared", "-fPIC", "-w", "-o", join(folder, name), `-Wl,-soname,${name}`, ...args]);
    compile("libnvidia-ml.so.1", "-std=c++17", join(root, "native/test/fake_nvml.cc"));
    compile("libcuda.so.1", "-std=c++17", join(root, "native/test/fake_cuda.cc"));
    const needs = join(folder, "empty.cc");
    writeFileSync(needs, "");
    compile("libcudart.so.13", needs);
    compile("libcublas.so.13", needs);
    const needed = ["libcudart.so.13", "libcublas.so.13", "libcuda.so.1"].map((name) => join(folder, name));
    compile("libonnxruntime_providers_cuda.so", needs, "-Wl,--no-as-needed", ...needed);
    compile("libonnxruntime_providers_tensorrt.so", needs, "-Wl,--no-as-needed", ...needed);
    rmSync(join(folder, "libcublas.so.13"));
    gpuMachine = { LD_LIBRARY_PATH: folder, ORTSERVE_ORT_DIR: folder };
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("refuses what it does not know", () => {
    const { status, stderr } = devices(["--jsn"]);
    assert.equal(status, 2);
    assert.match(stderr, /unknown option '--jsn'/);
  });

  it("names every library that a provider lacks, and the package that brings it", () => {
    const { status, stdout, stderr } = devices([], gpuMachine);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^CPU {6}.*, \d+ cores?, (avx512|avx2|baseline)$/m);
    assert.match(stdout, /^driver {3}NVIDIA 580\.65\.06, CUDA up to 13\.0$/m);
    assert.match(
      stdout,
      /^GPU 0 {4}NVIDIA H100, compute capability 9\.0, 1\.0 of 80\.0 GiB in use, 75 % busy, 351 W$/m,
    );
    assert.match(stdout, /^GPU 1 {4}NVIDIA T4, compute capability 7\.5, 1\.0 of 16\.0 GiB in use$/m);
    assert.match(
      stdout,
      /cuda +cannot be used, built for CUDA 13\n +- libcublas\.so\.13: .*\n +install libcublas-13-0/,
    );
    assert.match(stdout, /cpu +can be used/);
  });

  it("says when everything is there", () => {
    copyFileSync(join(folder, "libcudart.so.13"), join(folder, "libcublas.so.13"));
    const { stdout } = devices(["--json"], gpuMachine);
    const found = JSON.parse(stdout);
    const usable = found.providers.map(({ name, usable }: { name: string; usable: boolean }) => [name, usable]);
    assert.deepEqual(
      usable,
      [
        ["tensorrt", true],
        ["cuda", true],
        ["cpu", true],
      ],
      stdout,
    );
    assert.equal(found.gpus[0].powerWatts, 350.5);
    assert.equal(found.gpus[1].utilization, -1);
  });

  it("says when the driver sees no device", () => {
    const { stdout } = devices([], { ...gpuMachine, FAKE_CUDA: "none" });
    assert.match(stdout, /the CUDA driver sees no device \(CUDA_ERROR_NO_DEVICE\)/);
  });

  it("lets a server tell of its GPUs' load, and serve on what is left when none can be used", async () => {
    Object.assign(process.env, { LD_LIBRARY_PATH: folder });
    const server = new ServeProcess("serve", join(root, "test/models/mlp_tiny.onnx"), "--port", "0");
    delete process.env.LD_LIBRARY_PATH;
    try {
      const url = await server.listening();
      const { model_stats, gpu_stats } = await statisticsOf(url);
      assert.equal(model_stats.length, 1);
      assert.deepEqual(gpu_stats, [
        {
          index: 0,
          name: "NVIDIA H100",
          uuid: "GPU-00010203-0405-0607-0809-0a0b0c0d0e0f",
          memory_total_bytes: 80 * 2 ** 30,
          memory_used_bytes: 2 ** 30,
          utilization: 0.75,
          memory_utilization: 0.4,
          power_watts: 350.5,
          temperature_celsius: 41,
        },
        {
          index: 1,
          name: "NVIDIA T4",
          uuid: "",
          memory_total_bytes: 16 * 2 ** 30,
          memory_used_bytes: 2 ** 30,
          temperature_celsius: 41,
        },
      ]);
    } finally {
      server.child.kill("SIGTERM");
      await server.ended;
    }
  });

  it("leaves the GPUs out of the statistics where there is none", async (context) => {
    const server = new ServeProcess("serve", join(root, "test/models/mlp_tiny.onnx"), "--port", "0");
    try {
      const url = await server.listening();
      const stats = await statisticsOf(url);
      if (devicesHere().gpus.length > 0) return context.skip("this machine has a GPU");
      assert.deepEqual(Object.keys(stats), ["model_stats"]);
    } finally {
      server.child.kill("SIGTERM");
      await server.ended;
    }
  });

  it("tells on a machine without a GPU that there is none", (context) => {
    const found = JSON.parse(devices(["--json"]).stdout);
    if (found.gpus.length > 0) return context.skip("this machine has a GPU");
    assert.ok(found.cores >= 1);
    assert.equal(found.driver, "");
    assert.deepEqual(
      found.providers.map(({ name }: { name: string }) => name),
      ["tensorrt", "cuda", "cpu"],
    );
  });
});

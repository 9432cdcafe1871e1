// SPDX-License-Identifier: Apache-2.0
// What these tests run on: the providers of this machine's GPU; or, with ORTSERVE_GPU=dry, the CPU by the same ways.
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { GpuNetwork } from "../../bench/gpu/networks.js";
import { nativeBinding } from "../../src/native/load.js";
import { devices } from "../../src/runtime/devices.js";
import type { ModelOptions, ProviderChoice } from "../../src/runtime/model-options.js";

export const dry = process.env.ORTSERVE_GPU === "dry";
export const root = fileURLToPath(new URL("../../", import.meta.url));
/** Networks are kept there between runs. */
export const networkFolder = join(root, "build", "gpu-networks");

export type ProviderName = "cuda" | "tensorrt";

interface GpuMachine {
  /** Why nothing can run; undefined: something can. */
  readonly skip: string | undefined;
  /** By provider, why it cannot run. */
  readonly faults: Readonly<Record<ProviderName, string | undefined>>;
}

function look(): GpuMachine {
  if (dry) return { skip: undefined, faults: { cuda: undefined, tensorrt: undefined } };
  const found = devices();
  const faultOf = (name: ProviderName) => {
    const check = found.providers.find((provider) => provider.name === name);
    return check?.usable ? undefined : (check?.faults.map(({ what }) => what).join("; ") ?? "it is not known");
  };
  const faults = { cuda: faultOf("cuda"), tensorrt: faultOf("tensorrt") };
  const usable = faults.cuda === undefined || faults.tensorrt === undefined;
  return { skip: usable ? undefined : `no GPU can be used here: ${faults.cuda}`, faults };
}

export const machine = look();

/** For node:test: false, or why a test of this provider is skipped. */
export function skipOf(provider: ProviderName): string | false {
  return machine.skip ?? machine.faults[provider] ?? false;
}

/** A provider that must be used, with options; in a dry run the CPU, bound as a device is. */
export function on(provider: ProviderName, options: Record<string, string | number | boolean> = {}): ModelOptions {
  if (!dry) return { providers: [{ name: provider, options, required: true } satisfies ProviderChoice] };
  const graphs = options.enable_cuda_graph === true || options.trt_cuda_graph_enable === true;
  return { providers: ["cpu"], sessionOptions: { "ortserve.device_path": graphs ? "fixed" : "bound" } };
}

/** The provider that a model must have ended up on. */
export function expectedProvider(provider: ProviderName): string {
  return dry ? "cpu" : provider;
}

/** Bytes in use: of the first GPU, by everybody; in a dry run, by this process. */
export async function memoryInUse(): Promise<number> {
  if (dry) return process.memoryUsage().rss;
  return (await nativeBinding().gpus())[0]?.memoryUsed ?? Number.NaN;
}

/**
 * The largest difference of two outputs, as a share of the largest value. Zero: equal.
 */
export function difference(got: ArrayLike<number>, expected: ArrayLike<number>): number {
  let most = 0;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const wanted = expected[i] as number;
    const apart = Math.abs((got[i] as number) - wanted);
    if (Number.isNaN(apart)) return Number.POSITIVE_INFINITY;
    most = Math.max(most, apart);
    largest = Math.max(largest, Math.abs(wanted));
  }
  return got.length === expected.length ? most / (largest || 1) : Number.POSITIVE_INFINITY;
}

/** What arithmetic on a GPU may differ by from that of the CPU, as {@link difference} counts. */
export const tolerances: Readonly<Record<GpuNetwork["precision"], number>> = {
  fp32: 1e-3,
  fp16: 3e-2,
  int8: 1e-1,
  u8: 1e-3,
};

/** Of the repository's own models. */
export function sampleModel(name: string): string {
  return join(root, "models", name, "1", "model.onnx");
}

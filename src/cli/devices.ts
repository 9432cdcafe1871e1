// SPDX-License-Identifier: Apache-2.0
// `ortserve devices`: what this machine has for inference, and what it lacks.
import { Command } from "commander";
import { type Devices, devices, type GpuState } from "../runtime/devices.js";

const examples = `
Examples:
  ortserve devices
  ortserve devices --json | jq '.providers[] | select(.usable) | .name'
`;

export function devicesCommand(): Command {
  return new Command("devices")
    .description("tell the CPU and the GPUs of this machine, and why an execution provider cannot be used")
    .option("--json", "print JSON")
    .addHelpText("after", examples)
    .action(({ json }: { json?: true }) => {
      const found = devices();
      process.stdout.write(json ? `${JSON.stringify(found, null, 2)}\n` : devicesText(found));
    });
}

/** For people. */
export function devicesText(found: Devices): string {
  const { cpu, cores, kernels, driver, driverCuda, gpus, providers, ortFolder } = found;
  const lines = [`CPU      ${cpu || "unknown"}, ${cores} ${cores === 1 ? "core" : "cores"}, ${kernels}`];
  if (driver !== "") lines.push(`driver   NVIDIA ${driver}, CUDA up to ${driverCuda}`);
  for (const gpu of gpus) lines.push(`GPU ${gpu.index}    ${gpuText(gpu)}`);
  if (gpus.length === 0) lines.push("GPU      none that NVIDIA's driver tells of");
  lines.push("", `providers beside ONNX Runtime in ${ortFolder}`);
  for (const { name, usable, cudaMajor, faults, warnings } of providers) {
    const built = cudaMajor > 0 ? `, built for CUDA ${cudaMajor}` : "";
    lines.push(`  ${name.padEnd(9)} ${usable ? "can be used" : "cannot be used"}${built}`);
    for (const { what, remedy } of faults) lines.push(`            - ${what}`, `              ${remedy}`);
    for (const { what, remedy } of warnings)
      lines.push(`            - models with convolutions need it: ${what}`, `              ${remedy}`);
  }
  return `${lines.join("\n")}\n`;
}

function gpuText({ name, computeCapability, memoryTotal, memoryUsed, utilization, powerWatts }: GpuState): string {
  const known = [
    name || "does not answer",
    computeCapability && `compute capability ${computeCapability}`,
    memoryTotal >= 0 && `${gibibytes(memoryUsed)} of ${gibibytes(memoryTotal)} GiB in use`,
    utilization >= 0 && `${Math.round(utilization * 100)} % busy`,
    powerWatts >= 0 && `${Math.round(powerWatts)} W`,
  ];
  return known.filter(Boolean).join(", ");
}

function gibibytes(bytes: number): string {
  return (bytes / 2 ** 30).toFixed(1);
}

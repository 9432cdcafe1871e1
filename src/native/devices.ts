// SPDX-License-Identifier: Apache-2.0
// What the addon tells of execution providers and devices.

/** One option of an execution provider, from the table that checks it. */
export interface NativeProviderOption {
  readonly provider: "cuda" | "tensorrt";
  readonly key: string;
  readonly kind: "boolean" | "integer" | "choice" | "text";
  /** One line. */
  readonly doc: string;
  /** Of a choice: "a|b". */
  readonly choices: string;
  /** What ortserve sets unless the user does; "": ONNX Runtime's own default. */
  readonly preset: string;
  /** Of integers. */
  readonly min?: number;
  readonly max?: number;
  /** False: an address inside the process, which no configuration can hold. */
  readonly settable: boolean;
}

/** One GPU, as NVIDIA's management library tells; -1 or "" where it does not. */
export interface NativeGpu {
  /** In PCI order; CUDA's `device_id` may count otherwise. */
  readonly index: number;
  readonly name: string;
  readonly uuid: string;
  /** "9.0" */
  readonly computeCapability: string;
  /** Bytes. */
  readonly memoryTotal: number;
  readonly memoryUsed: number;
  /** Share of the last sample period in which a kernel ran, 0 to 1. */
  readonly utilization: number;
  /** The same of its memory interface. */
  readonly memoryUtilization: number;
  readonly powerWatts: number;
  readonly powerLimitWatts: number;
  /** Degrees Celsius. */
  readonly temperature: number;
}

/** Why an execution provider cannot be used, or what some models will miss. */
export interface NativeProviderFault {
  /** "" when no library is at fault. */
  readonly library: string;
  readonly what: string;
  readonly remedy: string;
}

export interface NativeProviderCheck {
  readonly name: string;
  readonly usable: boolean;
  /** The CUDA release that its libraries are built for; 0: unknown, or none. */
  readonly cudaMajor: number;
  readonly faults: readonly NativeProviderFault[];
  readonly warnings: readonly NativeProviderFault[];
}

export interface NativeDevices {
  /** Instruction set of ortserve's own loops: "avx512", "avx2" or "baseline". */
  readonly kernels: string;
  readonly cores: number;
  /** Version of NVIDIA's driver; "" where there is none. */
  readonly driver: string;
  /** The newest CUDA that it supports. */
  readonly driverCuda: string;
  readonly gpus: readonly NativeGpu[];
  readonly providers: readonly NativeProviderCheck[];
}

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

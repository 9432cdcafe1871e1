// SPDX-License-Identifier: Apache-2.0
// The one place that loads the .node file. Everything else gets the binding from here.
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { arch, platform } from "node:process";
import { fileURLToPath } from "node:url";
import { isMainThread } from "node:worker_threads";
import { OrtserveError } from "../errors.js";
import type { NativeBinding } from "./binding.js";

const require = createRequire(import.meta.url);
const packageRoot = fileURLToPath(new URL("../../", import.meta.url));

let loaded: NativeBinding | undefined;

/** Where the addon may lie, most specific first. `ORTSERVE_ADDON` names one file and nothing else is tried. */
export function addonCandidates(): string[] {
  const override = process.env.ORTSERVE_ADDON;
  if (override) return [override];
  return [
    `${packageRoot}build/Release/ortserve.node`,
    `${packageRoot}build/Debug/ortserve.node`,
    `${packageRoot}prebuilds/${platform}-${arch}/ortserve.node`,
  ];
}

/** The addon of this JS environment, loaded on first use. Throws ERR_LIBRARY_UNAVAILABLE with what to do about it. */
export function nativeBinding(): NativeBinding {
  loaded ??= load();
  return loaded;
}

function load(): NativeBinding {
  const candidates = addonCandidates();
  const path = candidates.find((candidate) => existsSync(candidate));
  if (path === undefined) {
    throw new OrtserveError(
      "ERR_LIBRARY_UNAVAILABLE",
      `the native addon was not found for ${platform}-${arch}; looked at ${candidates.join(", ")}. ${remedy()}`,
    );
  }
  try {
    const binding = require(path) as NativeBinding;
    // process.exit() runs no cleanup hooks of addons: without this, native threads would run into the end of the process.
    if (isMainThread) process.once("exit", () => binding.stop());
    return binding;
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new OrtserveError(
      "ERR_LIBRARY_UNAVAILABLE",
      `the native addon ${path} cannot be loaded on ${platform}-${arch} with Node ${process.version}: ${reason}. ${remedy()}`,
      { cause },
    );
  }
}

function remedy(): string {
  if (process.env.ORTSERVE_ADDON) return "The path comes from the environment variable ORTSERVE_ADDON.";
  const build = "Build it with 'npm run build' in the package's folder";
  if (platform === "darwin") return `${build}; it needs 'xcode-select --install' and 'brew install cmake'.`;
  if (platform === "win32") {
    return `${build}; it needs Visual Studio 2022 with "Desktop development with C++" and CMake ('winget install Kitware.CMake').`;
  }
  return `${build}; it needs a C++20 compiler and CMake >= 3.20 (Debian, Ubuntu: 'apt-get install g++ cmake').`;
}

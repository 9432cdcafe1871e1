// SPDX-License-Identifier: Apache-2.0
// Where the ONNX Runtime library lies: in the folder the user names, else inside the package onnxruntime-node.
import { readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { arch, platform } from "node:process";
import { OrtserveError } from "../errors.js";

const require = createRequire(import.meta.url);

const namePattern =
  platform === "win32"
    ? /^onnxruntime\.dll$/i
    : platform === "darwin"
      ? /^libonnxruntime\..*dylib$/
      : /^libonnxruntime\.so(\.|$)/;

/**
 * Absolute path of libonnxruntime. `directory`: a folder that holds it (and its provider libraries); by default that of
 * `ORTSERVE_ORT_DIR`, else the one shipped in onnxruntime-node. Throws ERR_LIBRARY_UNAVAILABLE.
 */
export function ortLibraryPath(directory: string | undefined = process.env.ORTSERVE_ORT_DIR || undefined): string {
  const folder = directory === undefined ? packagedFolder() : resolve(directory);
  const file = listFolder(folder)
    .filter((name) => namePattern.test(name))
    .sort((a, b) => a.length - b.length)[0];
  if (file === undefined) {
    throw new OrtserveError("ERR_LIBRARY_UNAVAILABLE", `no ONNX Runtime library in ${folder}. ${remedy(directory)}`);
  }
  return join(folder, file);
}

function packagedFolder(): string {
  let entry: string;
  try {
    entry = require.resolve("onnxruntime-node/package.json");
  } catch (cause) {
    const message = `the package onnxruntime-node is not installed. ${remedy(undefined)}`;
    throw new OrtserveError("ERR_LIBRARY_UNAVAILABLE", message, { cause });
  }
  return join(dirname(entry), "bin", "napi-v6", platform, arch);
}

function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function remedy(directory: string | undefined): string {
  if (directory !== undefined) return "The folder comes from the option ortDir or the variable ORTSERVE_ORT_DIR.";
  return (
    `onnxruntime-node >= 1.29 carries it for linux-x64, linux-arm64, darwin-arm64, win32-x64 and win32-arm64; this is ` +
    `${platform}-${arch}. Elsewhere, name a folder that has it with ORTSERVE_ORT_DIR.`
  );
}

// SPDX-License-Identifier: Apache-2.0
// What there is to serve: finds the models in a directory, or makes a repository of one .onnx file. Loads nothing.
import type { Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { OrtserveError } from "../errors.js";
import { type ModelConfig, readModelConfig } from "./model-config.js";

/** One version of a model on disk. */
export interface VersionEntry {
  /** Digits, without leading zeros. */
  version: string;
  /** The ONNX file. */
  path: string;
}

/** One model on disk. */
export interface RepositoryEntry {
  name: string;
  config: ModelConfig;
  /** Ascending; never empty. */
  versions: VersionEntry[];
}

/** A directory that looks like a model and is not one. */
export interface RepositoryFault {
  name: string;
  error: OrtserveError;
}

export interface Repository {
  path: string;
  entries: RepositoryEntry[];
  faults: RepositoryFault[];
}

/**
 * Looks for models at `path`: a directory of `NAME/VERSION/model.onnx` (with an optional `NAME/config.yaml`), one such
 * `NAME` directory itself, or one `.onnx` file, which is served under its file name as version 1.
 * @throws OrtserveError ERR_MODEL_NOT_FOUND when there is nothing of the kind; a fault in one model does not throw.
 */
export async function scanRepository(path: string): Promise<Repository> {
  const info = await stat(path).catch(() => undefined);
  if (info === undefined) throw new OrtserveError("ERR_MODEL_NOT_FOUND", `${path}: no such file or directory`);
  if (info.isFile()) return singleFile(path);
  const children = await directories(path);
  if (children.some(isVersion)) return collect(path, [await scanModel(path)]);
  const repository = collect(path, await Promise.all(children.map((name) => scanModel(join(path, name)))));
  if (repository.entries.length + repository.faults.length === 0) {
    throw new OrtserveError(
      "ERR_MODEL_NOT_FOUND",
      `${path}: expected NAME/VERSION/model.onnx below it, found no model`,
    );
  }
  return repository;
}

function singleFile(path: string): Repository {
  if (extname(path) !== ".onnx") {
    throw new OrtserveError("ERR_MODEL_NOT_FOUND", `${path}: expected a model repository or an .onnx file`);
  }
  const entry = { name: basename(path, ".onnx"), config: {}, versions: [{ version: "1", path }] };
  return { path, entries: [entry], faults: [] };
}

function collect(path: string, models: (RepositoryEntry | RepositoryFault | undefined)[]): Repository {
  const repository: Repository = { path, entries: [], faults: [] };
  for (const model of models) {
    if (model === undefined) continue;
    if ("error" in model) repository.faults.push(model);
    else if (repository.entries.some(({ name }) => name === model.name)) {
      const error = new OrtserveError("ERR_INVALID_CONFIG", `${path}: two models are named '${model.name}'`);
      repository.faults.push({ name: model.name, error });
    } else repository.entries.push(model);
  }
  return repository;
}

/** undefined: the directory holds nothing that belongs to a model. */
async function scanModel(path: string): Promise<RepositoryEntry | RepositoryFault | undefined> {
  const directoryName = basename(path);
  try {
    const children = await readdir(path, { withFileTypes: true });
    const versions = await findVersions(path, children);
    const hasConfig = children.some(({ name }) => name === "config.yaml");
    if (versions.length === 0 && !hasConfig) return undefined;
    const config = await readModelConfig(join(path, "config.yaml"));
    checkVersions(path, config, versions);
    return { name: config.name ?? directoryName, config, versions };
  } catch (error) {
    if (error instanceof OrtserveError) return { name: directoryName, error };
    throw error;
  }
}

async function findVersions(path: string, children: Dirent[]): Promise<VersionEntry[]> {
  const found = children
    .filter((child) => !child.isFile() && isVersion(child.name))
    .map(({ name }) => ({ version: BigInt(name).toString(), path: join(path, name, "model.onnx") }));
  for (const { path: file } of found) {
    const isFile = await stat(file).then(
      (info) => info.isFile(),
      () => false,
    );
    if (!isFile) throw new OrtserveError("ERR_MODEL_NOT_FOUND", `${file}: no such file`);
  }
  return found.sort((a, b) => compareVersions(a.version, b.version));
}

function checkVersions(path: string, config: ModelConfig, versions: VersionEntry[]): void {
  if (versions.length === 0) {
    throw new OrtserveError(
      "ERR_MODEL_NOT_FOUND",
      `${path}: expected a version directory such as 1/model.onnx, found none`,
    );
  }
  const wanted = config.default_version;
  if (wanted !== undefined && !versions.some(({ version }) => version === wanted)) {
    const there = versions.map(({ version }) => version).join(", ");
    throw new OrtserveError(
      "ERR_INVALID_CONFIG",
      `${join(path, "config.yaml")}: 'default_version': expected one of ${there}, got ${wanted}`,
    );
  }
}

/** Orders version strings as the numbers they are, of any length. */
export function compareVersions(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}

function isVersion(name: string): boolean {
  return /^[0-9]+$/.test(name) && BigInt(name) > 0n;
}

async function directories(path: string): Promise<string[]> {
  const children = await readdir(path, { withFileTypes: true });
  const names = children.filter((child) => child.isDirectory() || child.isSymbolicLink()).map(({ name }) => name);
  return names.filter((name) => !name.startsWith(".")).sort();
}

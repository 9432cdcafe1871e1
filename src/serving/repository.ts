// SPDX-License-Identifier: Apache-2.0
// What there is to serve: finds the models in a directory, or makes a repository of one .onnx file. Loads nothing.
import type { Dirent } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { OrtserveError } from "../errors.js";
import { configFiles, inDirectory, readModelConfig } from "./config-files.js";
import { fingerprint } from "./fingerprint.js";
import { LoadLimit } from "./load-limit.js";
import type { ConfigReading } from "./model-config.js";
import { selectVersions } from "./version-policy.js";

/** One version of a model on disk. */
export interface VersionEntry {
  /** Digits, without leading zeros. */
  version: string;
  /** The ONNX file. */
  path: string;
  /** Changes with the files of the version. */
  digest: string;
  /** Size of its files. */
  bytes: number;
}

/** One model on disk. */
export interface RepositoryEntry extends ConfigReading {
  name: string;
  /** Of the model; undefined for a lone file. */
  directory: string | undefined;
  /** Those that its policy selects, ascending; never empty. */
  versions: VersionEntry[];
  /** Directories of versions without a model in them. */
  incomplete: { version: string; error: OrtserveError }[];
}

/** A directory that looks like a model and is not one. */
export interface RepositoryFault {
  name: string;
  directory: string | undefined;
  error: OrtserveError;
}

export interface Repository {
  path: string;
  entries: RepositoryEntry[];
  faults: RepositoryFault[];
}

/** Models looked at at once, over all scans: each keeps files open, and gives the event loop something to parse. */
const looks = new LoadLimit(16);

/**
 * Looks for models at `path`: a directory of `NAME/VERSION/model.onnx` (with an optional `NAME/config.yaml`), one such
 * `NAME` directory itself, or one `.onnx` file, which is served under its file name as version 1.
 * @param mayBeEmpty models may come later.
 * @throws OrtserveError ERR_MODEL_NOT_FOUND when there is nothing of the kind; a fault in one model does not throw.
 */
export async function scanRepository(path: string, mayBeEmpty = false): Promise<Repository> {
  const info = await stat(path).catch(() => undefined);
  if (info === undefined) throw new OrtserveError("ERR_MODEL_NOT_FOUND", `${path}: no such file or directory`);
  if (info.isFile()) return singleFile(path);
  const children = await directories(path);
  if (children.some(isVersion)) return collect(path, [await scanModel(path)]);
  const models = await Promise.all(children.map((name) => looks.run(() => scanModel(join(path, name)))));
  const repository = collect(path, models);
  if (repository.entries.length + repository.faults.length === 0 && !mayBeEmpty) {
    throw new OrtserveError(
      "ERR_MODEL_NOT_FOUND",
      `${path}: expected NAME/VERSION/model.onnx below it, found no model`,
    );
  }
  return repository;
}

/** One model of what {@link scanRepository} finds: cheap where its directory has its name. */
export async function findModel(path: string, name: string): Promise<RepositoryEntry | RepositoryFault | undefined> {
  const directory = join(path, name);
  const isPlain =
    !name.startsWith(".") && !isVersion(name) && (await stat(directory).catch(() => undefined))?.isDirectory();
  const found = isPlain ? await looks.run(() => scanModel(directory)) : undefined;
  if (found?.name === name) return found;
  const { entries, faults } = await scanRepository(path, true);
  return [...entries, ...faults].find((model) => model.name === name);
}

async function singleFile(path: string): Promise<Repository> {
  if (extname(path) !== ".onnx") {
    throw new OrtserveError("ERR_MODEL_NOT_FOUND", `${path}: expected a model repository or an .onnx file`);
  }
  const versions = [{ version: "1", path, ...(await fingerprint(path)) }];
  const reading = { config: {}, source: path, notes: [], checks: [] };
  const entry = { name: basename(path, ".onnx"), directory: undefined, ...reading, versions, incomplete: [] };
  return { path, entries: [entry], faults: [] };
}

function collect(path: string, models: (RepositoryEntry | RepositoryFault | undefined)[]): Repository {
  const repository: Repository = { path, entries: [], faults: [] };
  for (const model of models) {
    if (model === undefined) continue;
    if ("error" in model) repository.faults.push(model);
    else if (repository.entries.some(({ name }) => name === model.name)) {
      const error = new OrtserveError("ERR_INVALID_CONFIG", `${path}: two models are named '${model.name}'`);
      repository.faults.push({ name: model.name, directory: model.directory, error });
    } else repository.entries.push(model);
  }
  return repository;
}

/**
 * The model in one directory; undefined: it holds nothing that belongs to a model.
 * @param given its configuration, instead of what stands there
 */
export async function scanModel(
  path: string,
  given?: ConfigReading,
): Promise<RepositoryEntry | RepositoryFault | undefined> {
  const directoryName = basename(path);
  try {
    const children = await readdir(path, { withFileTypes: true });
    const hasConfig = given !== undefined || children.some(({ name }) => configFiles.includes(name));
    if (!hasConfig && !children.some(isVersionDirectory)) return undefined;
    const reading = given ? await inDirectory(given, path) : await readModelConfig(path);
    const { config, source } = reading;
    const { found, incomplete } = await findVersions(path, children, config.model_file ?? "model.onnx");
    if (found.length === 0) throw incomplete[0]?.error ?? withoutVersion(path);
    const versions = selectVersions(found, config, source);
    return { name: config.name ?? directoryName, directory: path, ...reading, versions, incomplete };
  } catch (error) {
    return { name: directoryName, directory: path, error: asFault(path, error) };
  }
}

/** A directory may change, or be closed to us, while it is looked at: whatever goes wrong is its own fault and nobody else's. */
function asFault(path: string, error: unknown): OrtserveError {
  if (error instanceof OrtserveError) return error;
  const { message } = error as Error;
  const code = error instanceof Error && "syscall" in error ? "ERR_MODEL_NOT_FOUND" : "ERR_INTERNAL";
  return new OrtserveError(code, `${path}: cannot be read: ${message}`, { cause: error });
}

async function findVersions(path: string, children: Dirent[], modelFile: string) {
  const found: VersionEntry[] = [];
  const incomplete: RepositoryEntry["incomplete"] = [];
  for (const { name } of children.filter(isVersionDirectory)) {
    const version = BigInt(name).toString();
    const directory = join(path, name);
    const file = join(directory, modelFile);
    const info = await stat(file).catch(() => undefined);
    const twin = found.some((other) => other.version === version);
    const missing = twin ? `${directory}: another directory is version ${version}, too` : `${file}: no such file`;
    if (info?.isFile() && !twin) found.push({ version, path: file, ...(await fingerprint(directory)) });
    else incomplete.push({ version, error: new OrtserveError("ERR_MODEL_NOT_FOUND", missing) });
  }
  found.sort((a, b) => compareVersions(a.version, b.version));
  return { found, incomplete };
}

function withoutVersion(path: string): OrtserveError {
  return new OrtserveError(
    "ERR_MODEL_NOT_FOUND",
    `${path}: expected a version directory such as 1/model.onnx, found none`,
  );
}

/** Orders version strings as the numbers they are, of any length. */
export function compareVersions(a: string, b: string): number {
  return a.length - b.length || (a < b ? -1 : a > b ? 1 : 0);
}

function isVersion(name: string): boolean {
  return /^[0-9]+$/.test(name) && BigInt(name) > 0n;
}

function isVersionDirectory(child: Dirent): boolean {
  return !child.isFile() && isVersion(child.name);
}

async function directories(path: string): Promise<string[]> {
  const children = await readdir(path, { withFileTypes: true });
  const names = children.filter((child) => child.isDirectory() || child.isSymbolicLink()).map(({ name }) => name);
  return names.filter((name) => !name.startsWith(".")).sort();
}

// SPDX-License-Identifier: Apache-2.0
// A load that brings its own configuration, and perhaps its own files, instead of what is on disk.
import { mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { OrtserveError } from "../errors.js";
import { isInside, parseOverrideConfig } from "./config-files.js";
import { makeLoadFolder } from "./load-folder.js";
import { type RepositoryEntry, type RepositoryFault, scanModel } from "./repository.js";
import type { LoadOverride } from "./repository-admin.js";

/** A model to load, and the end of the files that exist only for that. */
export interface Staged {
  readonly entry: RepositoryEntry;
  remove(): Promise<void>;
}

/**
 * `there`: what is on disk, which is loaded with another configuration when `override` has no files.
 * @throws OrtserveError ERR_INVALID_CONFIG, ERR_INVALID_ARGUMENT (a path), ERR_MODEL_NOT_FOUND (no model among the files),
 * ERR_OUT_OF_MEMORY (no room for the files), ERR_LOAD_FAILED (they cannot be kept)
 */
export async function stageOverride(
  name: string,
  there: RepositoryEntry | RepositoryFault | undefined,
  override: LoadOverride,
): Promise<Staged> {
  const source = `the configuration in the load request for '${name}'`;
  const reading = parseOverrideConfig(override.config ?? "{}", source);
  const { config } = reading;
  if (config.name !== undefined && config.name !== name) {
    throw new OrtserveError("ERR_INVALID_CONFIG", `${source}: 'name': expected ${name}, got ${config.name}`);
  }
  const given = { ...reading, config: { ...config, name } };
  if (override.files === undefined || override.files.size === 0) {
    const nothing = async () => {};
    if (there?.directory !== undefined)
      return { entry: entryOf(await scanModel(there.directory, given)), remove: nothing };
    if (there && "versions" in there) return { entry: { ...there, ...given }, remove: nothing };
    throw new OrtserveError("ERR_MODEL_NOT_FOUND", `failed to load '${name}', failed to poll from model repository`);
  }
  for (const path of override.files.keys()) checkPath(path);
  const root = await makeLoadFolder().catch((error) => {
    throw writeFault(error, tmpdir());
  });
  const remove = () => rm(root, { recursive: true, force: true });
  try {
    for (const [path, bytes] of override.files) await write(root, path, bytes);
    return { entry: entryOf(await scanModel(root, given)), remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function write(root: string, path: string, bytes: Uint8Array): Promise<void> {
  try {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), bytes);
  } catch (error) {
    throw writeFault(error as NodeJS.ErrnoException, path);
  }
}

/** What is wrong with the path itself: another file is where it needs a folder, or a name is too long. */
const pathFaults = new Set(["EEXIST", "ENOTDIR", "EISDIR", "ENAMETOOLONG", "EINVAL", "EILSEQ"]);

function writeFault(cause: NodeJS.ErrnoException, path: string): OrtserveError {
  const { code = cause.message } = cause;
  const file = `'${path.slice(0, 200)}'`;
  if (pathFaults.has(code)) {
    const expected = "expected paths that can stand side by side in one directory, with names of at most 255 bytes";
    return new OrtserveError("ERR_INVALID_ARGUMENT", `${expected}, got ${file} (${code})`, { cause });
  }
  const isFull = code === "ENOSPC" || code === "EDQUOT" || code === "EMFILE" || code === "ENFILE";
  const text = `the load request's file ${file} cannot be kept for the load: ${code}`;
  return new OrtserveError(isFull ? "ERR_OUT_OF_MEMORY" : "ERR_LOAD_FAILED", text, { cause });
}

function entryOf(found: RepositoryEntry | RepositoryFault | undefined): RepositoryEntry {
  if (found && "versions" in found) return found;
  throw (
    found?.error ??
    new OrtserveError("ERR_MODEL_NOT_FOUND", "expected a file such as 1/model.onnx in the load request, got none")
  );
}

/** The files come from whoever may reach the port: none of them may land anywhere else. */
function checkPath(path: string): void {
  if (isInside(path)) return;
  throw new OrtserveError(
    "ERR_INVALID_ARGUMENT",
    `expected a path inside the model's directory, such as 1/model.onnx, got '${path.slice(0, 200)}'`,
  );
}

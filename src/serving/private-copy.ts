// SPDX-License-Identifier: Apache-2.0
// ONNX Runtime maps the weights that lie beside a model into memory. Whoever then writes into such a file in place, as `cp` does,
// changes the weights of a running model, or kills the process (SIGBUS) when the file gets shorter. A version that may be
// changed while it is served is therefore loaded from a copy of its own.
import { constants } from "node:fs";
import { copyFile, mkdir, readdir, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { OrtserveError } from "../errors.js";
import { makeLoadFolder } from "./load-folder.js";

/** Where a version is loaded from. */
export interface LoadPlace {
  /** The ONNX file. */
  readonly path: string;
  /** What could not be done, "" where all is well. */
  readonly note: string;
  /** The error as if the version had been loaded from where it is. */
  explain(error: unknown): unknown;
  /** Once it is loaded, or has failed: what is mapped lives on without a name. */
  remove(): Promise<void>;
}

/** The version's own place, where nothing can go wrong. */
export function inPlace(path: string, note = ""): LoadPlace {
  return { path, note, explain: (error) => error, remove: async () => {} };
}

/** A copy where there are files beside the model; shares the disk's blocks with them where the file system can. */
export async function privateCopy(path: string): Promise<LoadPlace> {
  const source = dirname(path);
  const found = await readdir(source, { recursive: true, withFileTypes: true }).catch(() => []);
  const paths = found.filter((one) => !one.isDirectory()).map((one) => join(one.parentPath, one.name));
  const areFiles = await Promise.all(paths.map((one) => isFile(one)));
  const files = paths.filter((_, index) => areFiles[index]);
  if (files.length < 2) return inPlace(path); // a model file itself is read whole
  const uncopied = (error: unknown, where: string) => {
    const reason = `${(error as NodeJS.ErrnoException).code}, ${where}`;
    return inPlace(path, `${source} could not be copied (${reason}): do not write into its files in place`);
  };
  const root = await makeLoadFolder().catch((error: Error) => error);
  if (root instanceof Error) return uncopied(root, tmpdir());
  const remove = () => rm(root, { recursive: true, force: true });
  try {
    for (const file of files) {
      const target = join(root, file.slice(source.length));
      await mkdir(dirname(target), { recursive: true });
      await copyFile(file, target, constants.COPYFILE_FICLONE);
    }
  } catch (error) {
    await remove();
    return uncopied(error, root);
  }
  return { path: join(root, basename(path)), note: "", explain: (error) => explain(error, root, source), remove };
}

/** Whatever else lies there, such as a pipe, could keep the copy waiting for good. */
async function isFile(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}

function explain(error: unknown, root: string, source: string): unknown {
  if (!(error instanceof OrtserveError)) return error;
  return new OrtserveError(error.code, error.message.replaceAll(root, source), { cause: error });
}

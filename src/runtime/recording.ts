// SPDX-License-Identifier: Apache-2.0
// Live traffic as calibration data: what a model ran on, one file per sample, in a directory that `ortserve quantize --calib` reads.
import { randomBytes } from "node:crypto";
import { mkdir, open, readdir, rename, stat, unlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { OrtserveError } from "../errors.js";
import type { NativeTensor } from "../native/binding.js";
import type { Model } from "./model.js";
import { isNpyDatatype, npyFile } from "./npy.js";
import { npzFile } from "./npz.js";
import { checkOptions, type OptionTable } from "./option-check.js";
import { datatypes } from "./tensor.js";

export interface RecordOptions {
  /** Share of the rows that run, above 0 and up to 1, each picked on its own. Default: 0.01. */
  rate?: number;
  /** Most samples in the directory, those of earlier recordings included. Default: 1,024. */
  maxSamples?: number;
  /** Most bytes in it. Default: 256 MiB. */
  maxBytes?: number;
  /** Told once when it ends by itself: at a limit, or because a file cannot be written. */
  onEnd?: (reason: string, recording: Recording) => void;
}

const recordOptionTable: OptionTable<RecordOptions> = {
  rate: { kind: "number", min: 1e-9, max: 1 },
  maxSamples: { kind: "integer", min: 1, max: 2 ** 32 },
  maxBytes: { kind: "integer", min: 1, max: Number.MAX_SAFE_INTEGER },
  onEnd: { kind: "custom", check: (value) => (typeof value === "function" ? undefined : "a function") },
};

/** Throws ERR_INVALID_ARGUMENT. */
export function checkRecordOptions(options: RecordOptions): void {
  checkOptions("record", options, recordOptionTable);
}

/** How often waiting samples are looked for. What is picked in between waits in native memory, of which there is little. */
const lookEveryMs = 200;
/** Of a write that never ended: older than any that goes on. */
const abandonedAfterMs = 60_000;

const recorded = new WeakSet<Model>();

/** Samples go to disk by libuv's threads, one after the other; what comes faster than that is dropped, and no request waits. */
export class Recording {
  readonly directory: string;
  readonly #model: Model;
  readonly #limits: { samples: number; bytes: number };
  readonly #onEnd: (reason: string, recording: Recording) => void;
  readonly #written: { samples: number; bytes: number };
  readonly #timer: NodeJS.Timeout;
  #work: Promise<void> = Promise.resolve();
  #working = false;
  #ended = false;

  private constructor(model: Model, directory: string, there: { samples: number; bytes: number }, o: RecordOptions) {
    this.#model = model;
    this.directory = directory;
    this.#written = there;
    this.#limits = { samples: o.maxSamples ?? 1024, bytes: o.maxBytes ?? 256 * 2 ** 20 };
    this.#onEnd = o.onEnd ?? (() => {});
    this.#timer = setInterval(() => this.#look(), lookEveryMs).unref();
    if (this.#isFull) this.#end(`there are ${there.samples} samples of ${there.bytes} bytes already`);
    else model.native.pickSamples(o.rate ?? 0.01);
  }

  /**
   * Makes the directory, and begins. Rejects with ERR_INVALID_ARGUMENT when it cannot be written to, and ERR_UNSUPPORTED when an
   * input is of a datatype that .npy lacks (BYTES, BF16).
   */
  static async start(model: Model, directory: string, options: RecordOptions = {}): Promise<Recording> {
    checkRecordOptions(options);
    const other = model.metadata.inputs.find(({ datatype }) => !isNpyDatatype(datatype));
    if (other !== undefined)
      throw new OrtserveError(
        "ERR_UNSUPPORTED",
        `cannot record input '${other.name}' of datatype ${other.datatype}: NumPy's files have none such`,
      );
    if (recorded.has(model))
      throw new OrtserveError("ERR_INVALID_ARGUMENT", `model '${model.metadata.name}' is being recorded already`);
    recorded.add(model);
    try {
      await makeWritable(directory);
      return new Recording(model, directory, await whatIsThere(directory), options);
    } catch (error) {
      recorded.delete(model);
      throw error;
    }
  }

  /** Files in the directory that this recording knows of, and their bytes. */
  get written(): { readonly samples: number; readonly bytes: number } {
    return { ...this.#written };
  }

  /** Picked samples that the disk was too slow for. */
  get dropped(): number {
    return this.#model.stats().samples.dropped;
  }

  /** Picks no more, and writes what was picked. Idempotent. */
  async close(): Promise<void> {
    this.#stop();
    await this.#work;
    if (this.#ended) return;
    this.#ended = true;
    await this.#drain();
  }

  get #isFull(): boolean {
    return this.#written.samples >= this.#limits.samples || this.#written.bytes >= this.#limits.bytes;
  }

  #stop(): void {
    recorded.delete(this.#model);
    clearInterval(this.#timer);
    this.#model.native.pickSamples(0);
  }

  #end(reason: string): void {
    this.#stop();
    this.#ended = true;
    while (this.#model.native.takeSample() !== undefined); // nobody wants them now
    this.#onEnd(reason, this);
  }

  #look(): void {
    if (this.#working) return;
    this.#working = true;
    this.#work = this.#drain().finally(() => {
      this.#working = false;
    });
  }

  async #drain(): Promise<void> {
    const end = (reason: string) => {
      if (!this.#ended) this.#end(reason);
    };
    try {
      for (let sample = this.#next(); sample !== undefined; sample = this.#next()) {
        if (await this.#write(sample)) continue;
        return end(`the next sample would be more than ${this.#limits.bytes} bytes`);
      }
      if (this.#isFull) end(`there are ${this.#written.samples} samples of ${this.#written.bytes} bytes`);
    } catch (error) {
      end(`cannot write to ${this.directory}: ${(error as Error).message}`);
    }
  }

  #next() {
    return this.#isFull ? undefined : this.#model.native.takeSample();
  }

  /** Whether there was room for it. */
  async #write(sample: readonly (NativeTensor | undefined)[]): Promise<boolean> {
    const arrays = new Map<string, Uint8Array[]>();
    for (const [index, spec] of this.#model.metadata.inputs.entries()) {
      const tensor = sample[index];
      if (tensor) arrays.set(spec.name, arrayOf(tensor, this.#model.metadata.batched));
    }
    const [only] = arrays.values();
    const isAlone = this.#model.metadata.inputs.length === 1 && only !== undefined;
    const pieces = isAlone ? only : npzFile(arrays);
    const size = pieces.reduce((sum, { length }) => sum + length, 0);
    if (this.#written.bytes + size > this.#limits.bytes) return false;
    await writeWhole(this.directory, isAlone ? ".npy" : ".npz", pieces, size);
    this.#written.samples++;
    this.#written.bytes += size;
    return true;
  }
}

/** With the dimension that counts samples in front: a row has it, an input without a batch dimension lacks it. */
function arrayOf({ dtype, dims, data }: NativeTensor, batched: boolean): Uint8Array[] {
  const datatype = datatypes[dtype] ?? "";
  if (!isNpyDatatype(datatype) || Array.isArray(data))
    throw new OrtserveError("ERR_INTERNAL", `a sample of datatype ${datatype}`);
  return npyFile(datatype, batched ? dims : [1, ...dims], data);
}

/** Under a name that begins with a dot until it is whole, so that a process that dies leaves nothing that a reader takes up. */
async function writeWhole(directory: string, ending: string, pieces: Uint8Array[], size: number): Promise<void> {
  const name = `${Date.now()}-${randomBytes(4).toString("hex")}${ending}`;
  const draft = join(directory, `.${name}.part`);
  const file = await open(draft, "wx", 0o600); // what callers send is nobody else's business
  try {
    const { bytesWritten } = await file.writev(pieces);
    if (bytesWritten < size) throw new Error(`only ${bytesWritten} of ${size} bytes were written`);
    await file.close();
    await rename(draft, join(directory, name));
  } catch (error) {
    await file.close().catch(() => {});
    await unlink(draft).catch(() => {});
    throw error;
  }
}

/** With those above it. Not by mkdir's own recursion: that never ends where a file system makes no directories, as below /proc. */
async function makePrivate(directory: string): Promise<void> {
  const isThere = await stat(directory).then(
    () => true,
    () => false,
  );
  if (isThere) return;
  await makePrivate(dirname(directory));
  await mkdir(directory, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error; // another server was faster
  });
}

/** Makes a directory that only this user reads, unless it is there. Rejects with ERR_INVALID_ARGUMENT when nothing can be written to it. */
export async function makeWritable(directory: string): Promise<void> {
  try {
    await makePrivate(resolve(directory));
    const probe = join(directory, `.${randomBytes(4).toString("hex")}.part`);
    await (await open(probe, "wx", 0o600)).close();
    await unlink(probe);
  } catch (error) {
    const { message } = error as Error;
    throw new OrtserveError("ERR_INVALID_ARGUMENT", `cannot record samples in ${directory}: ${message}`, {
      cause: error,
    });
  }
}

/** Counts the samples of earlier recordings, and clears away what one that died was writing. */
async function whatIsThere(directory: string): Promise<{ samples: number; bytes: number }> {
  const there = { samples: 0, bytes: 0 };
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    const info = await stat(path).catch(() => undefined); // another server may record here, too
    if (info === undefined) continue;
    if (/^\..*\.part$/.test(name)) {
      if (Date.now() - info.mtimeMs > abandonedAfterMs) await unlink(path).catch(() => {});
    } else if (/\.np[yz]$/.test(name)) {
      there.samples++;
      there.bytes += info.size;
    }
  }
  return there;
}

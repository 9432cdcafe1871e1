// SPDX-License-Identifier: Apache-2.0
// Records what the models of a server run on, each version into a directory of its own: DIR/NAME/VERSION.
import { join } from "node:path";
import type { Model } from "../runtime/model.js";
import { checkRecordOptions, makeWritable, type Recording, type RecordOptions } from "../runtime/recording.js";

/** How much is recorded of each version of each model. */
export type RecordLimits = Omit<RecordOptions, "onEnd">;

/** The recording of one version ended by itself: at a limit, or because a file cannot be written. */
export interface RecordEvent {
  readonly name: string;
  readonly version: string;
  readonly directory: string;
  readonly samples: number;
  /** Picked, and lost to a slow disk. */
  readonly dropped: number;
  readonly reason: string;
}

/** A version that is recorded; or that is not, and why. */
export interface Recorded {
  readonly note?: string;
  close(): Promise<void>;
}

export class TrafficRecorder {
  readonly directory: string;
  readonly #limits: RecordLimits;
  readonly #onEnd: (event: RecordEvent) => void;

  private constructor(directory: string, limits: RecordLimits, onEnd: (event: RecordEvent) => void) {
    this.directory = directory;
    this.#limits = limits;
    this.#onEnd = onEnd;
  }

  /** Rejects with ERR_INVALID_ARGUMENT for wrong limits, or when nothing can be written to `directory`, which is made where it is missing. */
  static async open(
    directory: string,
    limits: RecordLimits = {},
    onEnd: (event: RecordEvent) => void = () => {},
  ): Promise<TrafficRecorder> {
    checkRecordOptions(limits);
    await makeWritable(directory);
    return new TrafficRecorder(directory, limits, onEnd);
  }

  /** Never rejects: a model that cannot be recorded is served all the same. */
  async start(name: string, version: string, model: Model): Promise<Recorded> {
    const directory = join(this.directory, directoryName(name), version);
    const onEnd = (reason: string, { written, dropped }: Recording) =>
      this.#onEnd({ name, version, directory, samples: written.samples, dropped, reason });
    try {
      const recording = await model.record(directory, { ...this.#limits, onEnd });
      return { close: () => recording.close() };
    } catch (error) {
      return { note: `it is not recorded: ${(error as Error).message}`, close: async () => {} };
    }
  }
}

/** A model's name as a directory that hides nowhere and leads nowhere else. */
export function directoryName(name: string): string {
  return encodeURIComponent(name).replace(/^\.+/, (dots) => dots.replaceAll(".", "%2E"));
}

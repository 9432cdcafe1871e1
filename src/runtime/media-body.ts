// SPDX-License-Identifier: Apache-2.0
// Requests with images and sounds: the files are decoded off the event loop, and the JSON then names them by number.
import { OrtserveError } from "../errors.js";
import type { NativeModelInfo } from "../native/binding.js";
import type { NativeAttachment } from "../native/plans.js";
import { decodeImage, type ImageTarget, loadSharp } from "./image-decoder.js";
import { findMedia } from "./media-json.js";
import { mediaTypeOf } from "./media-type.js";
import { decodeSound, type SoundTarget } from "./sound-decoder.js";

/** JSON of the predict form, and what it names by index. */
export interface PreparedBody {
  readonly json: string;
  readonly attachments: readonly NativeAttachment[];
}

/** An image or a sound as a file's bytes, and where its number goes. */
export interface MediaFile {
  readonly input: string;
  readonly file: Uint8Array;
  readonly place: string;
}

type Target = ({ kind: "image" } & ImageTarget) | ({ kind: "audio" } & SoundTarget);

/** Decodes what the inputs of one model are made of. */
export class MediaReader {
  readonly #targets: ReadonlyMap<string, Target>;
  readonly #model: NativeModelInfo;

  private constructor(model: NativeModelInfo, targets: ReadonlyMap<string, Target>) {
    this.#model = model;
    this.#targets = targets;
  }

  /** Undefined for a model none of whose inputs takes images or sound. */
  static of(model: NativeModelInfo): MediaReader | undefined {
    const targets = new Map<string, Target>();
    for (const plan of model.preprocess) {
      if (plan.kind === "tabular") continue;
      const { input, decode } = plan;
      const options = JSON.parse(decode);
      targets.set(input, plan.kind === "image" ? { ...plan, options } : { kind: "audio", input, options });
    }
    return targets.size > 0 ? new MediaReader(model, targets) : undefined;
  }

  /** Rejects with ERR_UNSUPPORTED when what decodes is missing. */
  async ready(): Promise<void> {
    if ([...this.#targets.values()].some(({ kind }) => kind === "image")) await loadSharp();
  }

  has(input: string): boolean {
    return this.#targets.has(input);
  }

  /** The input that a file without a name is for. @throws OrtserveError ERR_INVALID_INPUT */
  get only(): string {
    const nameless = this.#nameless;
    if (nameless !== undefined) return nameless;
    const names = [...this.#targets.keys()].map((name) => `'${name}'`).join(", ");
    throw new OrtserveError(
      "ERR_INVALID_INPUT",
      `model '${this.#model.name}' has several inputs: expected JSON or a form that names ${names}`,
    );
  }

  get #nameless(): string | undefined {
    const needed =
      this.#model.inputs.length === 1 ? this.#model.inputs : this.#model.inputs.filter(({ optional }) => !optional);
    const name = needed.length === 1 ? needed[0]?.name : undefined;
    return name !== undefined && this.#targets.has(name) ? name : undefined;
  }

  /** Whether bytes that nothing says more of are a file for this model. */
  takes(bytes: Uint8Array): boolean {
    return this.#nameless !== undefined && mediaTypeOf(bytes) !== undefined;
  }

  /** A body that is one file. Rejects with what {@link decodeImage} throws. */
  async fromFile(file: Uint8Array): Promise<PreparedBody> {
    const input = this.only;
    return { json: '{"instances":[0]}', attachments: await this.decode([{ input, file, place: "" }]) };
  }

  /** JSON text; undefined when there is no file in it, so that it can be submitted as it is. */
  async fromJson(text: string): Promise<PreparedBody | undefined> {
    const spots = findMedia(text, new Set(this.#targets.keys()), this.#nameless);
    if (spots === undefined || spots.length === 0) return undefined;
    const attachments = await this.decode(spots);
    let json = "";
    let at = 0;
    for (const [index, { start, end }] of spots.entries()) {
      json += text.slice(at, start) + String(index);
      at = end;
    }
    return { json: json + text.slice(at), attachments };
  }

  /** The first fault in the order of the request is told; the other files are waited for all the same. */
  async decode(files: readonly MediaFile[]): Promise<NativeAttachment[]> {
    const settled = await Promise.allSettled(files.map((file) => this.#decodeOne(file)));
    const failed = settled.find((result) => result.status === "rejected");
    if (failed) throw failed.reason;
    return settled.map((result) => (result as PromiseFulfilledResult<NativeAttachment>).value);
  }

  async #decodeOne({ input, file, place }: MediaFile): Promise<NativeAttachment> {
    const target = this.#targets.get(input);
    if (target === undefined)
      throw new OrtserveError("ERR_INVALID_INPUT", `input '${input}' takes no image and no sound`);
    return target.kind === "image" ? decodeImage(file, target, place) : decodeSound(file, target, place);
  }
}

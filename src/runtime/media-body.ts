// SPDX-License-Identifier: Apache-2.0
// Requests with images and sounds: the files are decoded off the event loop, and the JSON then names them by number.
import { randomInt } from "node:crypto";
import { OrtserveError } from "../errors.js";
import type { NativeModelInfo } from "../native/binding.js";
import type { NativeAttachment } from "../native/plans.js";
import { asRequest, decodeImage, type ImageTarget, lanes, loadSharp } from "./image-decoder.js";
import { inWindow } from "./in-window.js";
import { findMedia } from "./media-json.js";
import { mediaTypeOf } from "./media-type.js";
import { decodeSound, type SoundTarget } from "./sound-decoder.js";

/** JSON of the predict form, and what it names by number. */
export interface PreparedBody {
  readonly json: string;
  readonly attachments: readonly NativeAttachment[];
  /** The number of the first attachment, from {@link drawFirst}; the next has the next. */
  readonly first: number;
}

/**
 * A number for the first file of one request, drawn when all that its client wrote is there: a number of the client's own in
 * the place of a file then names none and is refused, where 0 or 1 would name the file of another row.
 */
export function drawFirst(): number {
  return randomInt(2 ** 48 - 1);
}

/** A body that names no files. */
export function withoutFiles(json: string): PreparedBody {
  return { json, attachments: [], first: 0 };
}

/** An image or a sound as a file's bytes, and where its number goes. */
export interface MediaFile {
  readonly input: string;
  readonly file: Uint8Array;
  readonly place: string;
}

/** `DecodeLimits::max_elements` of the core, which refuses more too, but only after all of it has been decoded. */
const mostElements = 64 * 2 ** 20;

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

  /** A body that is one file. Rejects as {@link decode} does. */
  async fromFile(file: Uint8Array, wanted?: () => boolean): Promise<PreparedBody> {
    const input = this.only;
    const attachments = await this.decode([{ input, file, place: "" }], wanted);
    return { json: '{"instances":[0]}', attachments, first: 0 };
  }

  /** JSON text; undefined when there is no file in it, so that it can be submitted as it is. Rejects as {@link decode} does. */
  async fromJson(text: string, wanted?: () => boolean): Promise<PreparedBody | undefined> {
    const spots = findMedia(text, new Set(this.#targets.keys()), this.#nameless);
    if (spots === undefined || spots.length === 0) return undefined;
    const attachments = await this.decode(spots, wanted);
    const first = drawFirst();
    let json = "";
    let at = 0;
    for (const [index, { start, end }] of spots.entries()) {
      json += text.slice(at, start) + String(first + index);
      at = end;
    }
    return { json: json + text.slice(at), attachments, first };
  }

  /**
   * The files of one request, a few at a time. The first fault in the order of the request is told.
   * @param wanted false when nobody waits for the request any more: rejects with ERR_CANCELLED before the next file
   * Rejects with ERR_QUEUE_FULL (too many requests wait), ERR_LIMIT_EXCEEDED (more than a tensor may hold), and what
   * {@link decodeImage} and {@link decodeSound} throw.
   */
  decode(files: readonly MediaFile[], wanted: () => boolean = () => true): Promise<NativeAttachment[]> {
    const elements = new Map<string, number>();
    const decodeNext = async (media: MediaFile) => {
      if (!wanted()) throw new OrtserveError("ERR_CANCELLED", "nobody waits for the files to be decoded");
      const decoded = await this.#decodeOne(media);
      const sum = (elements.get(media.input) ?? 0) + elementsOf(decoded);
      elements.set(media.input, sum);
      if (sum <= mostElements) return decoded;
      const allowed = `the ${mostElements} elements that are allowed`;
      throw new OrtserveError("ERR_LIMIT_EXCEEDED", `input '${media.input}' has more than ${allowed}`);
    };
    const all = () => inWindow(files, lanes, decodeNext);
    return files.some(({ input }) => this.#targets.get(input)?.kind === "image") ? asRequest(all) : all();
  }

  async #decodeOne({ input, file, place }: MediaFile): Promise<NativeAttachment> {
    const target = this.#targets.get(input);
    if (target === undefined)
      throw new OrtserveError("ERR_INVALID_INPUT", `input '${input}' takes no image and no sound`);
    return target.kind === "image" ? decodeImage(file, target, place) : decodeSound(file, target, place);
  }
}

/** Of the tensor: one for each value of a pixel, one for each sample of mixed channels. */
function elementsOf({ width, height, channels }: NativeAttachment): number {
  return height > 0 ? width * height * channels : width;
}

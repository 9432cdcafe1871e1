// SPDX-License-Identifier: Apache-2.0
// 16-bit PCM, bare or in a WAV file.
import { OrtserveError } from "../errors.js";
import type { NativeAttachment } from "../native/plans.js";
import { mediaTypeOf } from "./media-type.js";

export interface SoundTarget {
  readonly input: string;
  readonly options: { readonly sampleRate: number; readonly channels: number };
}

const pcm = 1;
const extensible = 0xfffe;

/** Samples as they lie in the file, without a copy. @throws OrtserveError ERR_INVALID_INPUT */
export function decodeSound(file: Uint8Array, target: SoundTarget, place: string): NativeAttachment {
  const wrong = (expected: string, got: string) =>
    new OrtserveError("ERR_INVALID_INPUT", `expected ${expected} for input '${target.input}'${place}, got ${got}`);
  const { data, channels } =
    mediaTypeOf(file) === "wav" ? readWav(file, target, wrong) : { data: file, channels: target.options.channels };
  if (data.length === 0 || data.length % (2 * channels) !== 0) {
    throw wrong(`16-bit PCM samples of ${channels} ${channels === 1 ? "channel" : "channels"}`, `${data.length} bytes`);
  }
  return { data, width: data.length / 2 / channels, height: 0, channels };
}

function readWav(file: Uint8Array, { options }: SoundTarget, wrong: (expected: string, got: string) => OrtserveError) {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  let format: { channels: number } | undefined;
  for (let at = 12; at + 8 <= file.length; ) {
    const id = view.getUint32(at, false);
    const size = view.getUint32(at + 4, true);
    const start = at + 8;
    if (id === 0x666d7420 /* "fmt " */ && size >= 16 && start + 16 <= file.length) {
      const tag = view.getUint16(start, true);
      const bits = view.getUint16(start + 14, true);
      const rate = view.getUint32(start + 4, true);
      const channels = view.getUint16(start + 2, true);
      if ((tag !== pcm && tag !== extensible) || bits !== 16)
        throw wrong("a WAV file of 16-bit PCM", `format ${tag} of ${bits} bits`);
      if (options.sampleRate > 0 && rate !== options.sampleRate)
        throw wrong(`${options.sampleRate} samples per second`, String(rate));
      if (channels < 1 || channels > 64) throw wrong("1 to 64 channels", String(channels));
      format = { channels };
    } else if (id === 0x64617461 /* "data" */) {
      if (format === undefined) throw wrong("a WAV file with its format before its data", "none");
      const whole = 2 * format.channels;
      const end = Math.min(start + size, file.length); // streams do not know their length when they write it
      if (end < start + size && size < 0x7fffffff)
        throw wrong(`a WAV file of ${size} bytes of samples`, `${end - start}: it is cut short`);
      return { data: file.subarray(start, end - ((end - start) % whole)), channels: format.channels };
    }
    at = start + size + (size % 2);
  }
  throw wrong("a WAV file with format and data", `${file.length} bytes without`);
}

// SPDX-License-Identifier: Apache-2.0
// What bytes are, by how they begin: names and headers of uploads are often wrong.

export type MediaType = "jpeg" | "png" | "webp" | "gif" | "avif" | "tiff" | "wav";

/** The formats of images that are decoded. SVG and PDF are not among them: they are programs. */
export const imageTypes: readonly MediaType[] = ["jpeg", "png", "webp", "gif", "avif", "tiff"];

/** Undefined for what is none of these. */
export function mediaTypeOf(bytes: Uint8Array): MediaType | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.byteLength, 32)).toString("latin1");
  if (head.startsWith("\xff\xd8\xff")) return "jpeg";
  if (head.startsWith("\x89PNG\r\n\x1a\n")) return "png";
  if (head.startsWith("GIF87a") || head.startsWith("GIF89a")) return "gif";
  if (head.startsWith("II*\0") || head.startsWith("MM\0*")) return "tiff";
  if (head.startsWith("RIFF") && head.slice(8, 12) === "WEBP") return "webp";
  if (head.startsWith("RIFF") && head.slice(8, 12) === "WAVE") return "wav";
  if (head.slice(4, 8) === "ftyp" && /^(avif|avis|mif1|heic|heix)/.test(head.slice(8, 12))) return "avif";
  return undefined;
}

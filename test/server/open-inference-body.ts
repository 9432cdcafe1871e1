// SPDX-License-Identifier: Apache-2.0
// Bodies of the Open Inference Protocol, made and taken apart independently of the server's own codec.

// biome-ignore lint/suspicious/noExplicitAny: requests and replies of every shape, right and wrong
export type Json = any;

export interface Answer {
  status: number;
  headers: Headers;
  json: Json;
  /** Blobs of the binary outputs, by output name. */
  blobs: Record<string, Buffer>;
}

export interface Binary {
  body: Buffer;
  headers: Record<string, string>;
}

/** JSON followed by blobs, and the header that says where the JSON ends. */
export function binaryBody(json: Json, ...blobs: ArrayBufferView[]): Binary {
  const head = Buffer.from(JSON.stringify(json));
  const bytes = blobs.map((blob) => Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength));
  return {
    body: Buffer.concat([head, ...bytes]),
    headers: { "Inference-Header-Content-Length": String(head.length) },
  };
}

/** Takes a reply apart. `json` keeps numbers that JSON.parse would change, so callers may pass their own parser. */
export async function readAnswer(response: Response, parse: (text: string) => Json = JSON.parse): Promise<Answer> {
  const body = Buffer.from(await response.arrayBuffer());
  const header = response.headers.get("inference-header-content-length");
  const jsonSize = header === null ? body.length : Number(header);
  const json = parse(body.subarray(0, jsonSize).toString());
  return { status: response.status, headers: response.headers, json, blobs: splitBlobs(json, body.subarray(jsonSize)) };
}

/** The blobs behind the JSON, by output name. */
export function splitBlobs(json: Json, tail: Buffer): Record<string, Buffer> {
  const blobs: Record<string, Buffer> = {};
  let at = 0;
  for (const output of json?.outputs ?? []) {
    const size = output.parameters?.binary_data_size;
    if (size === undefined) continue;
    blobs[output.name] = tail.subarray(at, at + size);
    at += size;
  }
  if (at !== tail.length) throw new Error(`expected ${at} bytes of blobs, got ${tail.length}`);
  return blobs;
}

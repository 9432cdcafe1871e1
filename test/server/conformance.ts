// SPDX-License-Identifier: Apache-2.0
// The models, requests and the server that the conformance tests share.
import type { OrtServer, ServerOptions } from "../../src/server/index.js";
import { type Answer, type Json, readAnswer } from "./open-inference-body.js";
import { type Layout, startRealServer } from "./real-server.js";

/** Datatypes that have an `ident_...` model beside BYTES. */
export const numericTypes = "bool uint8 uint16 uint32 uint64 int8 int16 int32 int64 fp16 bf16 fp32 fp64".split(" ");

/** Serves `simple` with at most 8 rows, and every `ident_...` model with its dim as a size, not as a number of rows. */
export function startConformanceServer(options: Partial<ServerOptions> = {}): Promise<OrtServer> {
  const identities = [...numericTypes, "string"].map((type) => `ident_${type}`);
  const layout = identities.map((name) => [name, { versions: { 1: name }, config: "batching: whole\n" }]);
  const simple = { versions: { 1: "simple" }, config: "max_request_rows: 8\n" };
  return startRealServer({ ...(Object.fromEntries(layout) as Layout), simple }, options);
}

export const row = Array.from({ length: 16 }, (_, i) => i);
export const sums = row.map((value) => 2 * value);
export const zeros = row.map(() => 0);

/** One input of `simple`, as JSON. */
export function input(name: string, rest: Json = {}): Json {
  return { name, shape: [1, 16], datatype: "INT32", data: row, ...rest };
}

/** One input of `simple`, as a blob of 64 bytes. */
export function blob(name: string, rest: Json = {}): Json {
  const { data: _, ...kept } = input(name, { parameters: { binary_data_size: 64 }, ...rest });
  return kept;
}

export const both = { inputs: [input("INPUT0"), input("INPUT1")] };

/** Sends a request; every bare number of the reply's `data` comes as its own text, so that no digit is lost. */
export async function infer(
  server: OrtServer,
  body: Json,
  headers: Record<string, string> = {},
  model = "simple",
): Promise<Answer> {
  const raw = typeof body === "string" || ArrayBuffer.isView(body) ? body : JSON.stringify(body);
  const init = { method: "POST", body: raw as string, headers };
  return readAnswer(await fetch(`${server.url}/v2/models/${model}/infer`, init), parseNumbersAsText);
}

function parseNumbersAsText(text: string): Json {
  return JSON.parse(
    text.replace(/"data":\[([^\]"]*)\]/g, (_, list: string) => {
      const items = list.split(",").filter((item) => item !== "");
      return `"data":${JSON.stringify(items)}`;
    }),
  );
}

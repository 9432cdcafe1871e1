// SPDX-License-Identifier: Apache-2.0
// How often the core copies a payload byte on each path into and out of a model: from its own counters, not from timing.
import { Model } from "../src/index.js";
import { WireFormat } from "../src/native/binding.js";
import { ModelPort } from "../src/runtime/model-port.js";
import { type BenchModel, prepareModel } from "./models/models.js";
import type { CopyResult } from "./results.js";
import { type BenchRequest, buildRequest, type Encoding, workloads } from "./workloads.js";

const rowsTogether = 16;

interface Path {
  readonly path: string;
  readonly limit: CopyResult["limit"];
  /** Bytes of one request and of its reply. */
  readonly payloadIn: number;
  readonly payloadOut: number;
  readonly requests: number;
  readonly send: (model: Model) => Promise<unknown>;
}

export async function measureCopies(): Promise<CopyResult[]> {
  const bench = await prepareModel("image_pool");
  if (bench === undefined) throw new Error("there is no model image_pool");
  const json = await requestFor(bench, "json");
  const binary = await requestFor(bench, "binary");
  const size = bench.rowShape.reduce((a, b) => a * b, 1);
  const tensors = { payloadIn: size * 4, payloadOut: binary.expected.byteLength };
  const row = () => ({ [bench.input]: new Float32Array(size) });
  const once = { requests: 1, ...tensors };
  const paths: Path[] = [
    { path: "embedded predict", limit: { in: 1, out: 1 }, ...once, send: (m) => m.predict(row()) },
    {
      ...{ path: "embedded predict, transfer", limit: { in: 0, out: 1 }, ...once },
      send: (m) => m.predict(row(), { transfer: true }),
    },
    {
      // The text of the numbers is the payload; reading and writing it is no copy.
      ...{ path: "wire, JSON, one row", limit: undefined, ...once, payloadIn: json.body.length },
      send: (m) => throughPort(m, json),
    },
    { path: "wire, binary, one row", limit: { in: 1, out: 1 }, ...once, send: (m) => throughPort(m, binary) },
    {
      ...{ path: `wire, binary, ${rowsTogether} requests in one batch`, limit: undefined, ...tensors },
      ...{ requests: rowsTogether, send: (m) => Promise.all(repeat(() => throughPort(m, binary))) },
    },
  ];
  const results: CopyResult[] = [];
  for (const path of paths) results.push(await measurePath(bench, path));
  return results;
}

async function measurePath(bench: BenchModel, { send, requests, ...facts }: Path): Promise<CopyResult> {
  // One instance that waits for company, so that the batch of the last path is sure to form.
  const options = requests > 1 ? { instances: 1, maxBatchRows: requests, maxDelayMs: 1000 } : {};
  const model = await Model.load(bench.file, { inlineMicros: 0, ...options });
  try {
    await send(model);
    const { copiedBytes } = model.stats();
    const { path, limit, payloadIn, payloadOut } = facts;
    return {
      ...{ path, limit, payloadIn, payloadOut },
      copiedIn: copiedBytes.in / requests,
      copiedOut: copiedBytes.out / requests,
    };
  } finally {
    await model.close();
  }
}

async function requestFor(bench: BenchModel, encoding: Encoding): Promise<BenchRequest> {
  const workload = workloads.find((each) => each.model === bench.name && each.encoding === encoding);
  if (workload === undefined) throw new Error(`no workload sends ${encoding} to ${bench.name}`);
  return buildRequest(workload, bench);
}

/** What src/server does with a body that arrives in one piece. */
function throughPort(model: Model, request: BenchRequest): Promise<void> {
  const jsonSize = Number(request.headers["inference-header-content-length"] ?? -1);
  const body = ModelPort.current().openBody(request.body.length, Math.max(0, jsonSize), request.body.length);
  const { buffer, byteOffset, byteLength } = request.body;
  const failure = body.append(buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer);
  if (failure !== undefined) throw new Error(`the body was refused: ${failure}`);
  return new Promise((resolve, reject) => {
    body.submit(model, WireFormat.openInference, false, jsonSize, 0, {
      reply: () => resolve(),
      fail: (code, message) => reject(new Error(`${code}: ${message}`)),
    });
  });
}

function repeat<T>(make: () => T): T[] {
  return Array.from({ length: rowsTogether }, make);
}

// SPDX-License-Identifier: Apache-2.0
// Before anything is timed: does the server answer this very request with the model's numbers?
import type { BenchRequest, Encoding } from "../workloads.js";

// The peers carry their own builds of ONNX Runtime, whose kernels may round differently.
const tolerance = 1e-5;

export async function checkReply(port: number, encoding: Encoding, request: BenchRequest): Promise<void> {
  const reply = await fetch(`http://127.0.0.1:${port}${request.path}`, {
    method: "POST",
    headers: request.headers,
    body: new Uint8Array(request.body),
  });
  if (!reply.ok) throw new Error(`status ${reply.status}: ${(await reply.text()).slice(0, 300)}`);
  const numbers = await readNumbers(reply, encoding);
  const { expected } = request;
  if (numbers.length !== expected.length) throw new Error(`${numbers.length} numbers, expected ${expected.length}`);
  expected.forEach((value, i) => {
    const got = numbers[i] ?? Number.NaN;
    if (Math.abs(got - value) <= tolerance * Math.max(1, Math.abs(value))) return;
    throw new Error(`number ${i} is ${got}, expected ${value}`);
  });
}

async function readNumbers(reply: Response, encoding: Encoding): Promise<ArrayLike<number>> {
  const bytes = await reply.arrayBuffer();
  const jsonSize = Number(reply.headers.get("inference-header-content-length") ?? 0);
  if (encoding === "binary") {
    if (jsonSize === 0) throw new Error("the reply has no binary tensor");
    return new Float32Array(bytes.slice(jsonSize));
  }
  const value = JSON.parse(Buffer.from(bytes).toString());
  return encoding === "instances" ? value.predictions.flat(Number.POSITIVE_INFINITY) : value.outputs[0].data;
}

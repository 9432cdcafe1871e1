// SPDX-License-Identifier: Apache-2.0
// System shared memory: off by default, bounds, and inference from and into it. Linux shows its objects under /dev/shm.
import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { after, afterEach, before, test } from "node:test";
import type { OrtServer } from "../../src/server/index.js";
import { row, startConformanceServer, sums, zeros } from "./conformance.js";
import type { Json } from "./open-inference-body.js";

const options = { skip: existsSync("/dev/shm") ? false : "this system does not show its shared memory as files" };
const key = `/ortserve-test-${process.pid}`;
const file = `/dev/shm${key}`;
let server: OrtServer;

before(async () => {
  server = await startConformanceServer({ sharedMemory: true });
});
after(() => server.close());
afterEach(async () => {
  await call("POST", "unregister");
  rmSync(file, { force: true });
});

async function call(method: string, path: string, body?: Json, kind = "system", url = server.url) {
  const init = { method, ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }) };
  const response = await fetch(`${url}/v2/${kind}sharedmemory/${path}`, init);
  const text = await response.text();
  return { status: response.status, json: text === "" ? undefined : (JSON.parse(text) as Json) };
}

const register = (name: string, region: Json) => call("POST", `region/${name}/register`, region);

test("it is off by default: nothing can be registered, and it is not advertised", options, async () => {
  const plain = await startConformanceServer();
  for (const path of ["region/r/register", "region/r/unregister", "unregister"]) {
    const { status, json } = await call("POST", path, { key, byte_size: 8 }, "system", plain.url);
    assert.equal(status, 501);
    assert.match(json.error, /Client shared memory is disabled/);
  }
  const extensions = async (url: string) => ((await (await fetch(`${url}/v2`)).json()) as Json).extensions;
  assert.equal((await extensions(plain.url)).includes("system_shared_memory"), false);
  assert.equal((await extensions(server.url)).includes("system_shared_memory"), true);
  await plain.close();
});

test("CUDA shared memory is refused", async () => {
  for (const [method, path] of [
    ["GET", "status"],
    ["POST", "unregister"],
    ["POST", "region/r/register"],
  ] as const) {
    const { status, json } = await call(method, path, undefined, "cuda");
    assert.equal(status, 501);
    assert.match(json.error, /CUDA shared memory is not supported/);
  }
});

for (const [region, status, message] of [
  ["{", 400, /failed to parse/],
  [{}, 400, /'key'/],
  [{ key: 7, byte_size: 8 }, 400, /'key'/],
  [{ key, byte_size: 0 }, 400, /'byte_size'/],
  [{ key, byte_size: 8, offset: -1 }, 400, /'offset'/],
  [{ key: "/ortserve-no-such-object", byte_size: 8 }, 400, /Unable to open/],
  [{ key, byte_size: 129 }, 400, /has 128 bytes: expected 129 from offset 0 on/],
  [{ key, byte_size: 64, offset: 65 }, 400, /from offset 65 on/],
  [{ key: "/../etc/passwd", byte_size: 8 }, 400, /Unable to open/],
] as [Json, number, RegExp][]) {
  test(`the region ${JSON.stringify(region)} is refused`, options, async () => {
    writeFileSync(file, Buffer.alloc(128));
    const answer = await register("r", region);
    assert.equal(answer.status, status);
    assert.match(answer.json.error, message);
    assert.deepEqual((await call("GET", "status")).json, []);
  });
}

test("regions are listed, shown and forgotten", options, async () => {
  writeFileSync(file, Buffer.alloc(128));
  assert.deepEqual(await register("a b", { key, byte_size: 64, offset: 64 }), { status: 200, json: undefined });
  assert.match((await register("a b", { key, byte_size: 64 })).json.error, /'a b' already in manager/);
  const shown = [{ name: "a b", key, offset: 64, byte_size: 64 }];
  assert.deepEqual((await call("GET", "status")).json, shown);
  assert.deepEqual((await call("GET", "region/a%20b/status")).json, shown);
  assert.equal((await call("GET", "region/other/status")).status, 404);
  assert.equal((await call("POST", "region/other/unregister")).status, 200);
  assert.equal((await call("POST", "region/a%20b/unregister")).status, 200);
  assert.deepEqual((await call("GET", "status")).json, []);
});

const place = (offset: number, region = "r") => ({
  shared_memory_region: region,
  shared_memory_byte_size: 64,
  shared_memory_offset: offset,
});

async function infer(input: Json, output: Json) {
  const inputs = ["INPUT0", "INPUT1"].map((name) => ({ name, shape: [1, 16], datatype: "INT32", parameters: input }));
  const outputs = ["OUTPUT0", "OUTPUT1"].map((name, i) => ({ name, parameters: i === 0 ? output : {} }));
  const body = JSON.stringify({ inputs, outputs });
  const response = await fetch(`${server.url}/v2/models/simple/infer`, { method: "POST", body });
  return { status: response.status, json: (await response.json()) as Json };
}

test("tensors are read where they lie, and written where they are wanted", options, async () => {
  writeFileSync(file, Buffer.concat([Buffer.from(Int32Array.from(row).buffer), Buffer.alloc(64)]));
  await register("r", { key, byte_size: 128 });
  const { json } = await infer(place(0), place(64));
  assert.deepEqual(json.outputs[0], { name: "OUTPUT0", datatype: "INT32", shape: [1, 16] });
  assert.deepEqual(json.outputs[1].data, zeros);
  assert.deepEqual(readFileSync(file).subarray(64), Buffer.from(Int32Array.from(sums).buffer));
});

for (const [what, input, output, status, message] of [
  ["a region that is not there", place(0, "s"), place(64), 404, /Unable to find shared memory region: 's'/],
  ["an input beyond the region", place(65), place(64), 400, /Invalid offset and size/],
  ["an output beyond the region", place(0), place(128), 400, /Invalid offset and size/],
  ["an output too small", place(0), { ...place(64), shared_memory_byte_size: 60 }, 400, /should be at least 64 bytes/],
] as [string, Json, Json, number, RegExp][]) {
  test(`${what} is refused`, options, async () => {
    writeFileSync(file, Buffer.alloc(128));
    await register("r", { key, byte_size: 128 });
    const answer = await infer(input, output);
    assert.equal(answer.status, status, JSON.stringify(answer.json));
    assert.match(answer.json.error, message);
  });
}

test("an object that was cut is refused, where it would have ended the process", options, async () => {
  writeFileSync(file, Buffer.alloc(8192));
  await register("r", { key, byte_size: 8192 });
  writeFileSync(file, ""); // cuts the same object
  const answer = await infer(place(4096), {});
  assert.equal(answer.status, 400);
  assert.match(answer.json.error, /has become smaller/);
});

// SPDX-License-Identifier: Apache-2.0
// The Open Inference Protocol: unknown models, versions and routes, wrong verbs, connections.
import assert from "node:assert/strict";
import { Agent, request } from "node:http";
import { after, before, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises"; // not a wait: that a connection may be idle is tested
import type { OrtServer } from "../../src/server/index.js";
import { blob, both, input, numericTypes, row, startConformanceServer, sums, zeros } from "./conformance.js";
import { binaryBody, type Json } from "./open-inference-body.js";
import { RawClient, type RawResponse, until } from "./raw-http.js";

let server: OrtServer;
let client: RawClient;

before(async () => {
  server = await startConformanceServer();
  client = new RawClient(server.port);
});
after(async () => {
  client.destroy();
  await server.close();
});

async function ask(method: string, path: string, body = "", headers: Record<string, string> = {}) {
  await client.request(method, path, body, headers);
  return client.response();
}

function assertError({ status, headers, body }: RawResponse, expected: number, message: RegExp): void {
  assert.equal(status, expected);
  assert.equal(headers["content-type"], "application/json");
  const json = JSON.parse(body.toString());
  assert.deepEqual(Object.keys(json), ["error"]);
  assert.match(json.error, message);
}

for (const [method, tail] of [
  ["GET", ""],
  ["GET", "/ready"],
  ["GET", "/config"],
  ["GET", "/stats"],
  ["POST", "/infer"],
] as const) {
  test(`an unknown model is not found by ${method} ${tail || "(metadata)"}`, async () => {
    const reply = await ask(method, `/v2/models/nope${tail}`, method === "POST" ? JSON.stringify(both) : "");
    assertError(reply, 404, /^Request for unknown model: 'nope' is not found/);
  });

  for (const version of ["9", "abc"]) {
    test(`version ${version} is not found by ${method} ${tail || "(metadata)"}`, async () => {
      const path = `/v2/models/simple/versions/${version}${tail}`;
      const reply = await ask(method, path, method === "POST" ? JSON.stringify(both) : "");
      assertError(reply, 404, new RegExp(`^Request for unknown model: 'simple' version ${version} is not found`));
    });
  }
}

test("a version beyond 64 bits is refused", async () => {
  const reply = await ask("GET", "/v2/models/simple/versions/99999999999999999999/ready");
  assertError(reply, 400, /^failed to get model version from specified version string/);
});

for (const [method, path, allowed] of [
  ["GET", "/v2/models/simple/infer", "POST"],
  ["POST", "/v2/models/simple", "GET"],
  ["DELETE", "/v2", "GET"],
  ["PUT", "/v2/logging", "POST"],
] as const) {
  test(`${method} ${path} is answered 405 with the verbs there are`, async () => {
    const reply = await ask(method, path);
    assertError(reply, 405, /^Method Not Allowed/);
    assert.match(reply.headers.allow ?? "", new RegExp(`\\b${allowed}\\b`));
  });
}

for (const path of ["/v2/nothing", "/v2/models/simple/", "/v2/models/simple/infer/", "/v2/trace/setting", "/v3"]) {
  test(`${path} is answered 404`, async () => assertError(await ask("GET", path), 404, /^Not Found/));
}

for (const value of ["abc", "-1", "99999999999", "1.5", "100000"]) {
  test(`an inference header '${value}' is refused, the server stays up`, async () => {
    const reply = await ask("POST", "/v2/models/simple/infer", JSON.stringify(both), {
      "Inference-Header-Content-Length": value,
    });
    assertError(reply, 400, /Inference-Header-Content-Length|inference header size should be in range/);
    assert.equal((await ask("POST", "/v2/models/simple/infer", JSON.stringify(both))).status, 200);
  });
}

for (const type of [undefined, "application/x-www-form-urlencoded", "application/octet-stream", "text/plain"]) {
  test(`Content-Type ${type ?? "(none)"} does not matter`, async () => {
    const body = JSON.stringify({ id: "42", ...both });
    const reply = await ask("POST", "/v2/models/simple/infer", body, type ? { "Content-Type": type } : {});
    assert.deepEqual(JSON.parse(reply.body.toString()).outputs[0].data, sums);
  });
}

test("64 requests on 16 connections each get their own answer", async () => {
  const connections = Array.from({ length: 16 }, () => new RawClient(server.port));
  await Promise.all(
    connections.map(async (connection, c) => {
      for (let i = 0; i < 4; i++) {
        const id = `${c}-${i}`;
        const data = row.map((value) => value + 100 * c + i);
        const request = { id, inputs: [input("INPUT0", { data }), input("INPUT1")] };
        await connection.request("POST", "/v2/models/simple/infer", JSON.stringify(request));
        const json = JSON.parse((await connection.response()).body.toString());
        assert.equal(json.id, id);
        assert.deepEqual(
          json.outputs[0].data,
          data.map((value, k) => value + k),
        );
      }
      connection.destroy();
    }),
  );
});

test("a client that leaves within its body, or before its answer, costs nobody anything", async () => {
  const { body, headers } = binaryBody({ inputs: [blob("INPUT0"), blob("INPUT1")] }, ...[row, row].map(int32));
  for (const sent of [10, body.length - 60, body.length]) {
    const leaving = new RawClient(server.port);
    const lines = Object.entries({ ...headers, "Content-Length": body.length }).map(([k, v]) => `${k}: ${v}\r\n`);
    await leaving.send(`POST /v2/models/simple/infer HTTP/1.1\r\nHost: test\r\n${lines.join("")}\r\n`);
    await leaving.send(body.subarray(0, sent));
    leaving.destroy();
    await leaving.closed;
  }
  await until(() => server.inFlight === 0);
  assert.equal((await ask("POST", "/v2/models/simple/infer", JSON.stringify(both))).status, 200);
});

const int32 = (values: number[]) => Int32Array.from(values);
const json = async (path: string): Promise<Json> => JSON.parse((await ask("GET", path)).body.toString());

for (const version of ["", "/versions/1"]) {
  test(`the calls of perf_analyzer${version && " -x 1"} in their order find every field that it reads`, async () => {
    const metadata = await json(`/v2/models/simple${version}`);
    for (const tensor of [...metadata.inputs, ...metadata.outputs]) {
      assert.deepEqual([typeof tensor.name, tensor.datatype, tensor.shape], ["string", "INT32", [-1, 16]]);
    }
    const config = await json(`/v2/models/simple${version}/config`);
    assert.equal(config.max_batch_size, 8);
    assert.equal(config.model_transaction_policy.decoupled, false);
    assert.equal(config.response_cache.enable, false);
    for (const kind of ["input", "output"]) {
      const names = metadata[`${kind}s`].map(({ name }: Json) => name);
      assert.deepEqual(
        config[kind].map(({ name }: Json) => name),
        names,
      );
    }
    assert.ok((await json("/v2")).extensions.includes("statistics"));
    const before = (await json(`/v2/models/simple${version}/stats`)).model_stats[0];
    for (let i = 0; i < 3; i++) await inferAsPerfAnalyzer(version, `${i}`);
    const now = (await json(`/v2/models/simple${version}/stats`)).model_stats[0];
    assert.equal(now.inference_stats.queue.count - before.inference_stats.queue.count, 3);
    for (const key of ["queue", "success", "compute_input", "compute_infer", "compute_output"]) {
      assert.ok(now.inference_stats[key].count >= 3, key);
    }
    for (const key of ["cache_hit", "cache_miss"]) assert.deepEqual(now.inference_stats[key], { count: 0, ns: 0 });
  });
}

async function inferAsPerfAnalyzer(version: string, id: string): Promise<void> {
  const outputs = ["OUTPUT0", "OUTPUT1"].map((name) => ({ name, parameters: { binary_data: true } }));
  const request = { id, inputs: [blob("INPUT0"), blob("INPUT1")], outputs };
  const { body, headers } = binaryBody(request, int32(row), int32(row));
  const more = { ...headers, "Content-Type": "application/octet-stream", Accept: "*/*" };
  await client.request("POST", `/v2/models/simple${version}/infer`, body, more);
  const reply = await client.response();
  const size = Number(reply.headers["inference-header-content-length"]);
  assert.equal(JSON.parse(reply.body.subarray(0, size).toString()).id, id);
  assert.deepEqual(reply.body.subarray(size), Buffer.concat([sums, zeros].map((list) => bytesOf(list))));
}

const bytesOf = (values: number[]) => Buffer.from(int32(values).buffer);

test("every model has a configuration that agrees with its metadata", async () => {
  for (const type of [...numericTypes, "string"]) {
    const metadata = await json(`/v2/models/ident_${type}`);
    const config = await json(`/v2/models/ident_${type}/config`);
    assert.equal(config.max_batch_size, 0);
    assert.deepEqual(config.input[0].dims, metadata.inputs[0].shape);
    assert.equal(config.input[0].data_type, type === "string" ? "TYPE_STRING" : `TYPE_${metadata.inputs[0].datatype}`);
    assert.equal("dynamic_batching" in config, false);
  }
});

// The HTTP library ends idle connections after about 10 s, in good order, so a client that keeps them takes a new one.
test("a client that was idle for 10 s with its connection kept alive gets its next answer", async () => {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const infer = () =>
    new Promise<number | undefined>((resolve, reject) => {
      const post = request(`${server.url}/v2/models/simple/infer`, { method: "POST", agent }, (response) => {
        response.resume().on("end", () => resolve(response.statusCode));
      });
      post.on("error", reject).end(JSON.stringify(both));
    });
  assert.equal(await infer(), 200);
  await delay(10_000);
  assert.equal(await infer(), 200);
  agent.destroy();
});

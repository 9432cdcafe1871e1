// SPDX-License-Identifier: Apache-2.0
// The Open Inference Protocol: the model repository extension.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { modelPath } from "../models/make.mjs";
import { both } from "./conformance.js";
import { LiveServer } from "./live-server.js";
import { layoutOf, startRealServer } from "./real-server.js";

let live: LiveServer;
const systemTemporary = tmpdir();
const temporary = mkdtempSync(join(systemTemporary, "ortserve-tmp-"));

before(async () => {
  process.env.TMPDIR = temporary; // so that no other test's files are seen
  const simple = { versions: { 1: "simple" }, config: "max_request_rows: 8\n" };
  live = await LiveServer.start(
    { simple, ...layoutOf("mlp_tiny"), idle: { versions: { 1: "rowsum" } } },
    { control: "explicit", load: ["simple", "mlp_tiny"] },
  );
});
after(async () => {
  await live?.close();
  process.env.TMPDIR = systemTemporary;
  rmSync(temporary, { recursive: true });
});

const filesOfLoads = () => readdirSync(temporary).filter((name) => name.startsWith("ortserve-load-"));

for (const [what, body, message] of [
  ["is no boolean", { ready: 1 }, "Invalid value for 'ready': expected a boolean"],
  ["is text", { ready: "true" }, "Invalid value for 'ready': expected a boolean"],
] as const) {
  test(`an index request whose 'ready' ${what} is refused`, async () => {
    const { status, json } = await live.post("/v2/repository/index", body);
    assert.deepEqual([status, json.error], [400, message]);
  });
}

for (const [what, body] of [
  ["half an object", "{"],
  ["a list", "[]"],
  ["text", '"all"'],
]) {
  test(`a repository request that is ${what} is refused`, async () => {
    for (const path of ["index", "models/simple/load", "models/simple/unload"]) {
      const { status, json } = await live.post(`/v2/repository/${path}`, body);
      assert.equal(status, 400, path);
      assert.match(json.error, /JSON/);
    }
  });
}

for (const [what, parameters, status, message] of [
  ["a config that is broken JSON", { config: "{bad" }, 500, /^failed to load 'simple', failed to poll .*expected JSON/],
  ["a config with an unknown key", { config: '{"max_batch_row": 4}' }, 500, /did you mean 'max_batch_rows'/],
  [
    "a config with a misspelt key of Triton's",
    { config: '{"max_batch_siz": 4}' },
    500,
    /did you mean 'max_batch_size'/,
  ],
  ["a config of another model", { config: '{"name": "other"}' }, 500, /'name': expected simple, got other/],
  ...[
    ["session_options", '{"session.optimized_model_filepath": "/tmp/victim"}', "session.optimized_model_filepath"],
    ["session_options", '{"session.enable_profiling": "/tmp/victim"}', "session.enable_profiling"],
    ["session_options", '{"ep.context_enable": true}', "ep.context_enable"],
    ["session_options", '{"x-session.optimized_model_filepath": "/tmp/victim"}', "x-session.optimized_model_filepath"],
    [
      "providers",
      '[{"name": "tensorrt", "options": {"trt_extra_plugin_lib_paths": "/tmp/a.so"}}]',
      "trt_extra_plugin_lib_paths",
    ],
    ["providers", '["cpu", {"name": "cuda", "options": {"x-any": 1}}]', "x-any"],
    ["parameters", '{"session.enable_profiling": {"string_value": "/tmp/victim"}}', "session.enable_profiling"],
  ].map(
    ([key, value, option]) =>
      [
        `${option}, which touches files, in ${key}`,
        { config: `{"${key}": ${value}}` },
        500,
        new RegExp(`^failed to load .*\\.${option}': this option has ONNX Runtime use files`),
      ] as const,
  ),
  ["a config that is no text", { config: { max_batch_rows: 4 } }, 400, /expected a string for the parameter 'config'/],
  ["a parameter nobody knows", { cfg: "{}" }, 400, /unexpected parameter 'cfg', expected config or file:PATH/],
  ["files without a config", { "file:1/model.onnx": "AAAA" }, 400, /expected the parameter 'config' beside the files/],
  ["a file that is not base64", { config: "{}", "file:1/model.onnx": "a*b=" }, 400, /expected base64/],
  ["a path that leads out", { config: "{}", "file:../model.onnx": "AAAA" }, 400, /got '\.\.\/model\.onnx'/],
  ["a path that leads out later", { config: "{}", "file:1/../../x": "AAAA" }, 400, /expected a path inside/],
  ["an absolute path", { config: "{}", "file:/tmp/model.onnx": "AAAA" }, 400, /expected a path inside/],
  ["a Windows path", { config: "{}", "file:..\\model.onnx": "AAAA" }, 400, /expected a path inside/],
  [
    "a file where another needs a folder",
    { config: "{}", "file:1": "AAAA", "file:1/model.onnx": "AAAA" },
    400,
    /expected paths that can stand side by side in one directory.*, got '1\/model\.onnx' \((EEXIST|ENOTDIR)\)/,
  ],
  [
    "a folder where another needs a file",
    { config: "{}", "file:1/model.onnx": "AAAA", "file:1": "AAAA" },
    400,
    /expected paths that can stand side by side in one directory.*, got '1' \(EISDIR\)/,
  ],
  [
    "a name of 300 characters",
    { config: "{}", [`file:1/${"n".repeat(300)}`]: "AAAA" },
    400,
    /with names of at most 255 bytes, got '1\/n{198}' \(ENAMETOOLONG\)/,
  ],
  ["files without a version", { config: "{}", "file:model.onnx": "AAAA" }, 500, /expected .* such as 1\/model\.onnx/],
  ["a file that is no model", { config: "{}", "file:1/model.onnx": "AAAA" }, 400, /^load failed for model 'simple': /],
] as const) {
  test(`a load with ${what} is refused, and the old model still serves`, async () => {
    const refused = await live.load("simple", parameters);
    assert.equal(refused.status, status, refused.json.error);
    assert.match(refused.json.error, message);
    assert.equal((await live.post("/v2/models/simple/infer", both)).status, 200);
    assert.equal((await live.get("/v2/models/simple/ready")).status, 200);
  });
}

test("a refused load leaves no files behind", () => assert.deepEqual(filesOfLoads(), []));

test("an unload that says something unknown is refused", async () => {
  const { status, json } = await live.post("/v2/repository/models/simple/unload", { parameters: { force: true } });
  assert.equal(status, 400);
  assert.match(json.error, /unexpected parameter 'force'/);
});

test("loading what is not there is an error, unloading it is none", async () => {
  const { status, json } = await live.load("nope");
  assert.deepEqual([status, json.error], [500, "failed to load 'nope', failed to poll from model repository"]);
  assert.equal((await live.unload("nope")).status, 200);
  assert.deepEqual(await live.index("nope"), []);
});

test("a name that no model's directory can have is refused, whatever comes with it", async () => {
  for (const name of ["a%2Fb", "a%5Cb", "a%00b", ".hidden"]) {
    const { status, json } = await live.load(name, { config: "{}", "file:1/model.onnx": "AAAA" });
    assert.equal(status, 400);
    assert.match(json.error, /^invalid model name/);
  }
});

test("a repository that is named is not supported", async () => {
  for (const path of ["index", "models/simple/load", "models/simple/unload"]) {
    assert.equal((await live.post(`/v2/repository/local/${path}`)).status, 501, path);
  }
});

test("where control is not explicit, loads and unloads are refused, and the extension is not claimed", async () => {
  const fixed = await startRealServer(layoutOf("simple"));
  const post = (path: string) => fetch(`${fixed.url}/v2/repository/${path}`, { method: "POST" });
  for (const action of ["load", "unload"]) {
    const response = await post(`models/simple/${action}`);
    assert.equal(response.status, 503);
    const { error } = (await response.json()) as { error: string };
    assert.match(error, /^explicit model load \/ unload is not allowed if polling is enabled/);
  }
  assert.deepEqual(await (await post("index")).json(), [{ name: "simple", version: "1", state: "READY", reason: "" }]);
  const { extensions } = (await (await fetch(`${fixed.url}/v2`)).json()) as { extensions: string[] };
  assert.ok(!extensions.includes("model_repository"));
  await fixed.close();
});

test("where it is, the extension is claimed", async () => {
  const { extensions } = (await live.get("/v2")).json;
  assert.ok(extensions.includes("model_repository") && extensions.includes("model_repository(unload_dependents)"));
});

test("the index lists what is ready, and by name alone what was never loaded", async () => {
  assert.deepEqual(await live.index("idle"), [{ name: "idle" }]);
  const { json } = await live.post("/v2/repository/index", { ready: true });
  assert.deepEqual(
    json.map(({ name, version, state }: Record<string, string>) => [name, version, state]),
    [
      ["mlp_tiny", "1", "READY"],
      ["simple", "1", "READY"],
    ],
  );
});

test("an index request without a body and without a Content-Length is answered", async () => {
  const socket = connect(live.server.port, "127.0.0.1");
  socket.write("POST /v2/repository/index HTTP/1.1\r\nHost: x\r\n\r\n");
  const [data] = (await once(socket, "data")) as [Buffer];
  assert.match(data.toString(), /^HTTP\/1\.1 200 OK[\s\S]*\[\{"name":"idle"\}/);
  socket.destroy();
});

test("unload takes a model out of service, load brings it back", async () => {
  assert.deepEqual(await live.unload("simple"), { status: 200, json: { name: "simple", unload: true } });
  assert.equal((await live.get("/v2/models/simple/ready")).status, 404);
  const infer = await live.post("/v2/models/simple/infer", both);
  assert.deepEqual(
    [infer.status, infer.json.error],
    [404, "Request for unknown model: 'simple' has no available versions"],
  );
  const explicit = await live.post("/v2/models/simple/versions/1/infer", both);
  assert.deepEqual(
    [explicit.status, explicit.json.error],
    [503, "Request for unknown model: 'simple' version 1 is not at ready state"],
  );
  assert.equal((await live.get("/v2/models/simple/stats")).status, 400);
  assert.deepEqual(await live.index("simple"), [
    { name: "simple", version: "1", state: "UNAVAILABLE", reason: "unloaded" },
  ]);
  assert.deepEqual(await live.load("simple"), { status: 200, json: { name: "simple", load: true } });
  assert.equal((await live.get("/v2/models/simple/ready")).status, 200);
  assert.equal((await live.post("/v2/models/simple/infer", both)).status, 200);
});

test("unload with unload_dependents is an unload", async () => {
  const body = { parameters: { unload_dependents: true } };
  assert.equal((await live.post("/v2/repository/models/idle/unload", body)).status, 200);
});

test("a config in the request holds until the next plain load", async () => {
  const rows = (count: number) => ({ instances: Array.from({ length: count }, () => [1, 2, 3, 4]) });
  assert.equal((await live.load("mlp_tiny", { config: '{"max_request_rows": 2}' })).status, 200);
  assert.equal((await live.post("/predict/mlp_tiny", rows(3))).status, 400);
  assert.equal((await live.load("mlp_tiny")).status, 200);
  assert.equal((await live.post("/predict/mlp_tiny", rows(3))).status, 200);
});

test("files in the request are a model, until the next plain load", async () => {
  const model = readFileSync(modelPath("rowsum")).toString("base64");
  const parameters = { config: "{}", "file:7/model.onnx": model };
  assert.equal((await live.load("mlp_tiny", parameters)).status, 200);
  assert.deepEqual((await live.get("/v2/models/mlp_tiny")).json.versions, ["7"]);
  assert.deepEqual(filesOfLoads(), []);
  assert.deepEqual((await live.post("/predict/mlp_tiny", { instances: [[1, 2, 3]] })).json.predictions, [6]);
  assert.equal((await live.load("mlp_tiny")).status, 200);
  assert.deepEqual((await live.get("/v2/models/mlp_tiny")).json.versions, ["1"]);
});

test("a file may have any name, and counts as a file", async () => {
  const parameters = JSON.parse('{"config": "{}", "file:__proto__": "AAAA"}');
  const { status, json } = await live.load("guest", parameters);
  assert.equal(status, 500);
  assert.match(json.error, /expected .* such as 1\/model\.onnx/); // and not: there is no such model
});

test("a load whose files have no place is refused, and says so", async () => {
  process.env.TMPDIR = join(temporary, "nowhere");
  const { status, json } = await live.load("simple", { config: "{}", "file:1/model.onnx": "AAAA" });
  process.env.TMPDIR = temporary;
  assert.equal(status, 400);
  assert.match(json.error, /^load failed for model 'simple': .*nowhere' cannot be kept for the load: ENOENT$/);
});

test("files in the request may be a model that is not on disk", async () => {
  const model = readFileSync(modelPath("rowsum")).toString("base64");
  assert.equal((await live.load("guest", { config: "{}", "file:1/model.onnx": model })).status, 200);
  assert.equal((await live.post("/predict/guest", { instances: [[1, 2]] })).status, 200);
  assert.equal((await live.unload("guest")).status, 200);
  assert.equal((await live.load("guest")).status, 500);
});

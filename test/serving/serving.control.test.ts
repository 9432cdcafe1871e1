// SPDX-License-Identifier: Apache-2.0
// A repository that changes while it is served: what is loaded, what is kept, and what the index says.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { openRepository } from "../../src/server/index.js";
import { modelPath } from "../models/make.mjs";
import { LiveServer } from "../server/live-server.js";
import { makeRepository, removeRepository } from "../server/real-server.js";

const open: LiveServer[] = [];
after(() => Promise.all(open.map((live) => live.close())));

async function start(...args: Parameters<typeof LiveServer.start>): Promise<LiveServer> {
  const live = await LiveServer.start(...args);
  open.push(live);
  return live;
}

const rows = { instances: [[1, 2, 3, 4]] };

test("an unknown option, a wrong control and a wrong path are refused", async () => {
  await assert.rejects(openRepository("/nowhere"), { code: "ERR_MODEL_NOT_FOUND" });
  await assert.rejects(openRepository(".", { controll: "poll" } as never), /unknown repository option 'controll', did/);
  await assert.rejects(openRepository(".", { control: "auto" as never }), /expected one of "none", "poll", "explicit"/);
});

test("a model asked for at the start that is not there fails the start when nothing else loads", async () => {
  const root = makeRepository({ m: { versions: { 1: "mlp_tiny" } } });
  await assert.rejects(openRepository(root, { control: "explicit", load: ["nope"] }), {
    code: "ERR_LOAD_FAILED",
    message: /no model could be loaded: failed to load 'nope'/,
  });
  const nothing = await openRepository(root, { control: "explicit" });
  assert.deepEqual([nothing.models.names, await nothing.index()], [[], [{ name: "m" }]]);
  await nothing.close();
  removeRepository(root);
});

test("loads of a name that is not there yet, at once, make one model that unloads", async () => {
  const live = await start({});
  const file = readFileSync(modelPath("rowsum")).toString("base64");
  const withFile = { config: "{}", "file:1/model.onnx": file };
  for (let round = 0; round < 3; round++) {
    const answers = await Promise.all([live.load("ghost"), live.load("ghost", withFile)]);
    assert.deepEqual(answers.map(({ status }) => status).sort(), [200, 500]);
    assert.equal((await live.post("/predict/ghost", rows)).status, 200);
    assert.equal((await live.index("ghost"))[0]?.state, "READY");
    assert.equal((await live.unload("ghost")).status, 200);
    assert.notEqual((await live.post("/predict/ghost", rows)).status, 200);
    assert.equal((await live.index("ghost"))[0]?.state, "UNAVAILABLE");
  }
  assert.equal((await live.load("other")).status, 500);
  assert.deepEqual(await live.index("other"), []);
});

// Called on the repository, where the order of the calls is the one below: requests of several connections have none.
test("loads and unloads of one model at once are done in their order, and end in one model", async () => {
  const live = await start({ m: { versions: { 1: "mlp_tiny" } } });
  const files = new Map([["2/model.onnx", readFileSync(modelPath("rowsum"))]]);
  await Promise.all([
    live.repository.unload("m"),
    live.repository.load("m", { config: "{}", files }),
    live.repository.unload("m"),
    live.repository.load("m"),
  ]);
  const ready = (await live.index("m")).filter(({ state }) => state === "READY");
  assert.deepEqual(
    ready.map(({ version }) => version),
    ["1"],
  );
  assert.deepEqual((await live.get("/v2/models/m")).json.versions, ["1"]);
  const loads = live.events.filter(({ kind }) => kind === "loaded");
  assert.deepEqual(
    loads.map(({ version }) => version),
    ["1", "2", "1"],
  );
});

test("a load and an unload of one model at once, over HTTP, leave it served whole or not at all", async () => {
  const live = await start({ m: { versions: { 1: "mlp_tiny" } } });
  const answers = await Promise.all([live.unload("m"), live.load("m"), live.unload("m"), live.load("m")]);
  assert.deepEqual(
    answers.map(({ status }) => status),
    [200, 200, 200, 200],
  );
  const [entry] = await live.index("m");
  const served = entry?.state === "READY";
  const metadata = await live.get("/v2/models/m");
  assert.deepEqual([metadata.status, metadata.json.versions], served ? [200, ["1"]] : [404, undefined]);
  assert.equal((await live.post("/predict/m", rows)).status, served ? 200 : 404);
  await live.unload("m");
  assert.notEqual((await live.post("/predict/m", rows)).status, 200);
});

test("a broken file over a good one: the old keeps serving, the index says why, the next good one is taken", async () => {
  const live = await start({ m: { versions: { 1: "mlp_tiny" } } });
  const before = (await live.post("/predict/m", rows)).json.predictions;
  live.replace("m/1/model.onnx", Buffer.from("not a model"));
  const refused = await live.load("m");
  assert.equal(refused.status, 400);
  assert.match(refused.json.error, /^load failed for model 'm': cannot load .*m\/1\/model\.onnx/);
  assert.deepEqual((await live.post("/predict/m", rows)).json.predictions, before);
  const [entry] = await live.index("m");
  assert.equal(entry?.state, "READY");
  assert.match(entry?.reason ?? "", /^the last load failed: cannot load/);
  live.replace("m/1/model.onnx", { model: "rowsum" });
  assert.equal((await live.load("m")).status, 200);
  assert.deepEqual((await live.post("/predict/m", rows)).json.predictions, [10]);
  assert.equal((await live.index("m"))[0]?.reason, "");
});

// As while a provider builds engines for it.
test("a version that takes long to prepare is not ready until then, and the old one answers", async () => {
  const live = await start({ m: { versions: { 1: "slow" } } });
  const request = { inputs: { x: [[1, 2, 3, 4]], iterations: [[1]] } };
  live.replace("m/2/model.onnx", { model: "slow" });
  live.configure("m", "warmup: {count: 4, requests: [{inputs: {x: [[1, 2, 3, 4]], iterations: [[100]]}}]}\n");
  let loaded = false;
  const loading = live.load("m").finally(() => {
    loaded = true;
  });
  const stateOf = async (version: string) => (await live.index("m")).find((entry) => entry.version === version)?.state;
  let seen = 0;
  while (!loaded) {
    const before = await stateOf("2");
    const answer = await live.post("/predict/m", request);
    const ready = await live.get("/v2/models/m/versions/2/ready");
    if (before !== "LOADING" || (await stateOf("2")) !== "LOADING") continue;
    seen++;
    assert.deepEqual([answer.status, answer.json.version, ready.status === 200], [200, "1", false]);
  }
  assert.equal((await loading).status, 200);
  assert.ok(seen > 0, "the load was over before anybody looked");
  assert.equal((await live.post("/predict/m", request)).json.version, "2");
  assert.equal((await live.get("/v2/models/m/versions/2/ready")).status, 200);
});

test("a reload is taken wholly or not at all", async () => {
  const live = await start({ m: { versions: { 1: "mlp_tiny" } } });
  live.replace("m/1/model.onnx", { model: "rowsum" });
  live.replace("m/2/model.onnx", Buffer.from("broken"));
  assert.equal((await live.load("m")).status, 400);
  assert.notDeepEqual((await live.post("/predict/m/v1", rows)).json.predictions, [10]);
  assert.deepEqual(
    (await live.index("m")).map(({ version, state }) => [version, state]),
    [
      ["1", "READY"],
      ["2", "UNAVAILABLE"],
    ],
  );
  assert.equal((await live.post("/predict/m/v2", rows)).status, 503);
});

test("a configuration that is wrong changes nothing", async () => {
  const live = await start({ m: { versions: { 1: "mlp_tiny" } } });
  live.configure("m", "version_labels: {canary: 2}\n");
  const refused = await live.load("m");
  assert.equal(refused.status, 500);
  assert.match(refused.json.error, /'version_labels\.canary': expected one of 1, got 2/);
  assert.equal((await live.post("/predict/m", rows)).status, 200);
  assert.match((await live.index("m"))[0]?.reason ?? "", /^the last load failed: .*version_labels/);
});

test("labels and the default move without loading anything anew", async () => {
  const live = await start({
    m: { versions: { 1: "mlp_tiny", 2: "rowsum" }, config: "version_labels: {stable: 1}\n" },
  });
  assert.deepEqual((await live.post("/predict/m", rows)).json.version, "2");
  assert.equal((await live.post("/predict/m/stable", rows)).json.version, "1");
  const missing = await live.post("/predict/m/canary", rows);
  assert.equal(missing.status, 404);
  assert.match(
    missing.json.error,
    /expected a version such as v1, or the label stable after \/predict\/m\/, got 'cana/,
  );
  const loads = live.events.length;
  live.configure("m", "version_labels: {stable: 2, canary: 1}\ndefault_version: 1\n");
  assert.equal((await live.load("m")).status, 200);
  const versions = ["", "/stable", "/canary"].map(
    async (tail) => (await live.post(`/predict/m${tail}`, rows)).json.version,
  );
  assert.deepEqual(await Promise.all(versions), ["1", "2", "1"]);
  assert.equal((await live.get("/v2/models/m/versions/canary")).status, 200);
  assert.equal(live.events.length, loads);
});

for (const [policy, expected] of [
  ["all", ["1", "2", "10"]],
  ["{latest: 1}", ["10"]],
  ["{latest: 2}", ["2", "10"]],
  ["[1, 10]", ["1", "10"]],
] as const) {
  test(`versions: ${policy} serves ${expected.join(", ")}`, async () => {
    const versions = { 1: "mlp_tiny", 2: "mlp_tiny", 10: "mlp_tiny" };
    const live = await start({ m: { versions, config: `versions: ${policy}\n` } });
    assert.deepEqual((await live.get("/v2/models/m")).json.versions, expected);
  });
}

test("the latest version takes over from the one before, which is then unloaded", async () => {
  const live = await start({ m: { versions: { 1: "mlp_tiny" }, config: "versions: {latest: 1}\n" } });
  live.replace("m/2/model.onnx", { model: "rowsum" });
  assert.equal((await live.load("m")).status, 200);
  assert.equal((await live.post("/predict/m", rows)).json.version, "2");
  await live.event(({ kind, version }) => kind === "unloaded" && version === "1");
  assert.deepEqual(await live.index("m"), [
    { name: "m", version: "1", state: "UNAVAILABLE", reason: "unloaded" },
    { name: "m", version: "2", state: "READY", reason: "" },
  ]);
});

test("a version directory without a model is told, and the others are served", async () => {
  const live = await start({ m: { versions: { 1: "mlp_tiny" } } });
  live.replace("m/2/weights.bin", Buffer.from("later"));
  assert.equal((await live.load("m")).status, 200);
  const [, second] = await live.index("m");
  assert.match(second?.reason ?? "", /m\/2\/model\.onnx: no such file/);
});

test("a model file of another name is found by model_file", async () => {
  const live = await start({
    m: { versions: { 1: "mlp_tiny" }, config: "model_file: net.onnx\n" },
    n: { versions: { 1: "rowsum" } },
  });
  assert.match((await live.index("m"))[0]?.reason ?? "", /m\/1\/net\.onnx: no such file/);
  live.replace("m/1/net.onnx", { model: "mlp_tiny" });
  assert.equal((await live.load("m")).status, 200);
});

test("a load beyond the memory budget is refused with the budget, what is used and what was wanted", async () => {
  const live = await start(
    { small: { versions: { 1: "mlp_tiny" } }, large: { versions: { 1: "mlp_mid" } } },
    { control: "explicit", load: ["small"], memoryBudget: 2 ** 20 },
  );
  const { status, json } = await live.load("large");
  assert.equal(status, 503);
  assert.match(
    json.error,
    /^model 'large' version 1 wants 2\.\d MiB .* at most 1\.0 MiB: 0\.0 MiB of the budget of 1\.0 MiB/,
  );
  assert.equal((await live.post("/predict/small", rows)).status, 200);
});

test("what is unloaded gives its share of the budget back", async () => {
  const live = await start(
    { a: { versions: { 1: "mlp_mid" } }, b: { versions: { 1: "mlp_mid" } } },
    { control: "explicit", load: ["a"], memoryBudget: 4 * 2 ** 20 },
  );
  assert.equal((await live.load("b")).status, 200); // links to one file, whose weights are shared
  live.replace("b/1/model.onnx", { model: "mlp_mid" });
  assert.equal((await live.load("b")).status, 503);
  await live.unload("a");
  await live.unload("b");
  await live.event(({ kind, name }) => kind === "unloaded" && name === "b");
  await live.event(({ kind, name }) => kind === "unloaded" && name === "a");
  assert.equal((await live.load("b")).status, 200);
});

test("loads of one model come one after the other, of many models at once", async () => {
  const live = await start({ a: { versions: { 1: "mlp_tiny" } }, b: { versions: { 1: "mlp_tiny" } } });
  const models = ["rowsum", "mlp_tiny", "rowsum", "mlp_tiny", "rowsum"];
  const loads = models.flatMap((model) => {
    for (const name of ["a", "b"]) live.replace(`${name}/1/model.onnx`, { model });
    return [live.load("a"), live.load("b"), live.unload("a")];
  });
  for (const { status } of await Promise.all(loads)) assert.equal(status, 200);
  await live.unload("a"); // which of those before came last is for the connections to say
  assert.deepEqual((await live.index("a"))[0]?.state, "UNAVAILABLE");
  assert.deepEqual((await live.post("/predict/b", rows)).json.predictions, [10]);
});

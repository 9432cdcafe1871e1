// SPDX-License-Identifier: Apache-2.0
// --control poll: the server follows its directory, and takes up only what has come to rest.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, test } from "node:test";
import { OrtserveError } from "../../src/errors.js";
import type { Repository, RepositoryEntry } from "../../src/serving/repository.js";
import { RepositoryWatch } from "../../src/serving/repository-watch.js";
import { LiveServer } from "../server/live-server.js";

const open: LiveServer[] = [];
after(() => Promise.all(open.map((live) => live.close())));

async function start(layout: Parameters<typeof LiveServer.start>[0]): Promise<LiveServer> {
  const live = await LiveServer.start(layout, { control: "poll", pollIntervalMs: 10 });
  open.push(live);
  return live;
}

const rows = { instances: [[1, 2, 3, 4]] };
const isLoaded =
  (name: string, version: string) =>
  ({ kind, name: of, version: which }: { kind: string; name: string; version: string }) =>
    kind === "loaded" && of === name && which === version;

const entry = (name: string, digest: string): RepositoryEntry => ({
  name,
  directory: name,
  config: {},
  source: "",
  notes: [],
  checks: [],
  versions: [{ version: "1", path: "", digest, bytes: 1 }],
  incomplete: [],
});

test("what still changes is not told of, what is gone for one look neither, what cannot be read says nothing", async () => {
  const told: string[] = [];
  let repository: Repository | Error = { path: "", entries: [entry("a", "1")], faults: [] };
  const scan = async () => {
    if (repository instanceof Error) throw repository;
    return repository;
  };
  const watch = new RepositoryWatch(
    scan,
    (name, change) =>
      told.push(change ? `${name} ${"versions" in change ? change.versions[0]?.digest : "broken"}` : `${name} gone`),
    (name, error) => told.push(`${name || "all"}: ${error.message}`),
  );
  watch.begin(repository);
  const look = async (...entries: RepositoryEntry[]) => {
    repository = { path: "", entries, faults: [] };
    await watch.look();
    return told.splice(0);
  };
  assert.deepEqual(await look(entry("a", "2")), []);
  assert.deepEqual(await look(entry("a", "3")), []);
  assert.deepEqual(await look(entry("a", "3"), entry("b", "1")), ["a 3"]);
  assert.deepEqual(await look(entry("b", "1")), ["b 1"]);
  repository = new Error("EACCES");
  for (let i = 0; i < 3; i++) await watch.look();
  assert.deepEqual(told.splice(0), ["all: EACCES"]);
  assert.deepEqual(await look(entry("b", "1")), ["a gone"]);
  assert.deepEqual(await look(entry("b", "1")), []);
  const error = new OrtserveError("ERR_INVALID_CONFIG", "broken");
  repository = { path: "", entries: [], faults: [{ name: "b", directory: "b", error }] };
  for (let i = 0; i < 3; i++) await watch.look();
  assert.deepEqual(told, ["b broken"]);
});

test("a model that cannot be compared is told of once, and the others are followed", async () => {
  const told: string[] = [];
  const endless = { ...entry("a", "1"), config: { features: {} as Record<string, string[]> } };
  Object.assign(endless.config.features, { self: endless.config });
  const entries: RepositoryEntry[] = [];
  const watch = new RepositoryWatch(
    async () => ({ path: "", entries, faults: [] }),
    (name) => {
      told.push(name);
      if (name === "b") throw new Error("refused");
    },
    (name, error) => told.push(`${name}: ${error.message.split("\n")[0]}`),
  );
  watch.begin({ path: "", entries, faults: [] });
  entries.push(endless, entry("b", "1"), entry("c", "1"));
  for (let i = 0; i < 4; i++) await watch.look();
  assert.deepEqual(told, ["a: Converting circular structure to JSON", "b", "b: refused", "c"]);
});

for (const [what, file, text] of [
  ["an alias of nothing", "config.yaml", "features: *cols"],
  ["a request within itself", "config.yaml", "warmup: {requests: [ &r {a: *r} ]}"],
  ["a negative count", "config.pbtxt", 'model_warmup [ { name: "w" count: -1 } ]'],
] as const) {
  test(`a configuration with ${what} is told of, and everything else goes on`, async () => {
    const live = await start({ m: { versions: { 1: "mlp_tiny" } }, gone: { versions: { 1: "mlp_tiny" } } });
    live.replace("bad/1/model.onnx", { model: "rowsum" });
    live.replace(`bad/${file}`, Buffer.from(text));
    await live.event(
      ({ kind, name, error }: { kind: string; name: string; error?: Error }) =>
        kind === "failed" && name === "bad" && Boolean(error?.message.includes(file)),
    );
    live.replace(`m/${file}`, Buffer.from(text));
    await live.event(({ kind, name }) => kind === "failed" && name === "m");
    live.replace("n/1/model.onnx", { model: "rowsum" });
    await live.event(isLoaded("n", "1"));
    rmSync(join(live.root, "gone"), { recursive: true });
    await live.event(({ kind, name }) => kind === "unloaded" && name === "gone");
    const [bad] = await live.index("bad");
    assert.equal(bad?.state, "UNAVAILABLE");
    assert.match(bad?.reason ?? "", new RegExp(`bad/${file}`));
    assert.match((await live.index("m"))[0]?.reason ?? "", new RegExp(`^the last load failed: .*m/${file}`));
    assert.equal((await live.post("/predict/m", rows)).status, 200);
    rmSync(join(live.root, "bad", file));
    await live.event(isLoaded("bad", "1"));
  });
}

test("a pipe in the place of a configuration keeps nobody waiting", async () => {
  const live = await start({ m: { versions: { 1: "mlp_tiny" } } });
  for (const path of ["m/config.pbtxt", "m/1/beside", "n/config.yaml"]) {
    mkdirSync(join(live.root, path, ".."), { recursive: true });
    execFileSync("mkfifo", [join(live.root, path)]);
  }
  await live.event(({ kind, name }) => kind === "failed" && name === "m");
  const indexes = await Promise.all(Array.from({ length: 16 }, () => live.index()));
  for (const [m, n] of indexes) {
    assert.equal(m?.state, "READY");
    assert.match(m?.reason ?? "", /m\/config\.pbtxt: cannot be read: expected a file, got a pipe$/);
    assert.equal(n?.state, "UNAVAILABLE");
  }
  live.configure("m", "labels: names.txt\n");
  rmSync(join(live.root, "m/config.pbtxt"));
  execFileSync("mkfifo", [join(live.root, "m/names.txt")]);
  await live.event(
    ({ kind, error }: { kind: string; error?: Error }) =>
      kind === "failed" && Boolean(error?.message.includes("names.txt: expected a file, got a pipe")),
  );
  live.configure("m", "warmup: {requests: [names.txt]}\n");
  await live.event(
    ({ kind, error }: { kind: string; error?: Error }) =>
      kind === "failed" && Boolean(error?.message.includes("'warmup': cannot read")),
  );
  live.configure("m", "");
  await live.event(isLoaded("m", "1"), live.events.length);
  assert.equal((await live.post("/predict/m", rows)).status, 200);
});

test("a new version that appears whole is served", async () => {
  const live = await start({ m: { versions: { 1: "mlp_tiny" } } });
  live.replace("m/2/model.onnx", { model: "rowsum" });
  await live.event(isLoaded("m", "2"));
  assert.equal((await live.post("/predict/m", rows)).json.version, "2");
  assert.equal((await live.load("m")).status, 503);
});

test("a version that grows in place is served when it is complete, and a broken one never", async () => {
  const live = await start({ m: { versions: { 1: "mlp_tiny" } } });
  mkdirSync(join(live.root, "m/2"));
  const path = join(live.root, "m/2/model.onnx");
  writeFileSync(path, "half");
  const failed = await live.event(({ kind, version }) => kind === "failed" && version === "2");
  assert.match(failed.kind === "failed" ? failed.error.message : "", /m\/2\/model\.onnx/);
  assert.equal((await live.post("/predict/m", rows)).json.version, "1");
  assert.match((await live.index("m"))[1]?.reason ?? "", /m\/2\/model\.onnx/);
  appendFileSync(path, "more");
  await live.event(({ kind, version }) => kind === "failed" && version === "2", live.events.length);
  live.replace("m/2/model.onnx", { model: "rowsum" });
  await live.event(isLoaded("m", "2"));
  assert.equal((await live.post("/predict/m", rows)).json.version, "2");
});

test("a directory that is renamed into place becomes a model, one that is removed stops being one", async () => {
  const live = await start({ m: { versions: { 1: "mlp_tiny" } } });
  live.replace(".later/1/model.onnx", { model: "rowsum" });
  renameSync(join(live.root, ".later"), join(live.root, "n"));
  await live.event(isLoaded("n", "1"));
  assert.equal((await live.post("/predict/n", rows)).status, 200);
  rmSync(join(live.root, "n"), { recursive: true });
  await live.event(({ kind, name }) => kind === "unloaded" && name === "n");
  const gone = await live.post("/predict/n", rows);
  assert.equal(gone.status, 404);
  assert.equal((await live.post("/predict/m", rows)).status, 200);
});

test("a configuration that changes is taken up, a wrong one is told and changes nothing", async () => {
  const live = await start({ m: { versions: { 1: "mlp_tiny" } } });
  live.configure("m", "max_request_rows: nope\n");
  await live.event(({ kind }) => kind === "failed");
  assert.match((await live.index("m"))[0]?.reason ?? "", /'max_request_rows': expected number, got "nope"/);
  assert.equal((await live.post("/predict/m", rows)).status, 200);
  live.configure("m", "max_request_rows: 1\n");
  await live.event(isLoaded("m", "1"), 2);
  assert.equal((await live.post("/predict/m", { instances: [rows.instances[0], rows.instances[0]] })).status, 400);
});

test("a server may start on an empty directory", async () => {
  const live = await start({});
  assert.deepEqual((await live.get("/v2/models")).json, { models: [] });
  live.replace("m/1/model.onnx", { model: "rowsum" });
  await live.event(isLoaded("m", "1"));
  assert.equal((await live.post("/predict", rows)).status, 200);
});

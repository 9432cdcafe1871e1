// SPDX-License-Identifier: Apache-2.0
// What the command line says when it cannot do what it was asked: one line, no stack, the right exit code.
import assert from "node:assert/strict";
import { mkdtempSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { modelPath } from "../models/make.mjs";
import { makeRepository, removeRepository } from "../server/real-server.js";
import { runCli, ServeProcess } from "./serve-process.js";

const empty = mkdtempSync(join(tmpdir(), "ortserve-empty-"));
const broken = makeRepository({ good: { versions: { 1: "mlp_tiny" } }, bad: { versions: { 1: "corrupt" } } });
const misspelt = makeRepository({ good: { versions: { 1: "mlp_tiny" }, config: "max_batch_row: 4\n" } });
const text = join(empty, "notes.txt");
let taken: Server;

before(async () => {
  writeFileSync(text, "not a model");
  taken = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => taken.once("listening", resolve));
});
after(() => {
  for (const root of [empty, broken, misspelt]) removeRepository(root);
  taken.close();
});

const takenPort = () => String((taken.address() as { port: number }).port);

for (const [what, words, code, message] of [
  ["an unknown command", () => ["serv"], 2, /unknown command 'serv'\n\(Did you mean serve\?\)/],
  ["an unknown option", () => ["serve", "--prt", "1"], 2, /unknown option '--prt'\n\(Did you mean --port\?\)/],
  [
    "a port that is no number",
    () => ["serve", "--port", "x"],
    2,
    /'x' is invalid\. Expected an integer from 0 to 65535/,
  ],
  ["an empty host", () => ["serve", broken, "--host", ""], 2, /'' is invalid\. Expected an address/],
  [
    "an option for an origin",
    () => ["serve", broken, "--cors", "--port"],
    2,
    /'--port' is invalid\. Expected an origin/,
  ],
  [
    "an origin with a path",
    () => ["serve", "--cors", "https://a.example/"],
    2,
    /Expected an origin as browsers send it/,
  ],
  ["a path behind an origin", () => ["serve", "--cors", "https://a.example", "no/such"], 1, /no\/such: no such file/],
  [
    "a path behind a name",
    () => ["serve", "--control", "explicit", "--load-model", "m", "no/such"],
    1,
    /no\/such: no such file/,
  ],
  ["an unknown control", () => ["serve", broken, "--control", "auto"], 2, /Allowed choices are none, poll, explicit/],
  [
    "models to load that nobody may load",
    () => ["serve", broken, "--load-model", "m"],
    2,
    /expected --control explicit with/,
  ],
  [
    "a memory budget that is none",
    () => ["serve", broken, "--memory-budget", "lots"],
    2,
    /Expected a number of bytes, such/,
  ],
  [
    "a model to load that is not there",
    () => ["serve", broken, "--port", "0", "--control", "explicit", "--load-model", "nope"],
    1,
    /failed to load 'nope'/,
  ],
  ["a size that is none", () => ["serve", "--body-limit", "3q"], 2, /'3q' is invalid\. Expected a number of bytes/],
  ["an unknown log level", () => ["serve", "--log-level", "loud"], 2, /Allowed choices are trace, debug/],
  ["a path that does not exist", () => ["serve", "no/such"], 1, /no\/such: no such file or directory/],
  ["a file that is no model", () => ["serve", text], 1, /expected a model repository or an \.onnx file/],
  ["an empty directory", () => ["serve", empty], 1, /expected NAME\/VERSION\/model\.onnx below it, found no model/],
  ["a corrupt model", () => ["serve", modelPath("corrupt"), "--port", "0"], 1, /no model could be loaded: .*corrupt/],
  [
    "a broken model with --strict",
    () => ["serve", broken, "--port", "0", "--strict"],
    1,
    /not every model could be loaded/,
  ],
  [
    "a misspelt key",
    () => ["serve", misspelt, "--port", "0"],
    1,
    /config\.yaml: unknown key 'max_batch_row', did you mean 'max_batch_rows'\?/,
  ],
  [
    "an unknown default model",
    () => ["serve", modelPath("mlp_tiny"), "--port", "0", "--default-model", "x"],
    1,
    /unknown model: 'x'/,
  ],
  [
    "a port in use, before anything is loaded",
    () => ["serve", modelPath("corrupt"), "--port", takenPort()],
    1,
    /127\.0\.0\.1:\d+: another server listens/,
  ],
  [
    "a host of another machine",
    () => ["serve", modelPath("mlp_tiny"), "--host", "192.0.2.1", "--port", "0"],
    2,
    /does not have that address/,
  ],
] as [string, () => string[], number, RegExp][]) {
  test(`${what} ends with ${code} and one message`, async () => {
    const { code: actual, stderr } = await runCli(...words());
    assert.match(stderr, /^ortserve: /);
    assert.match(stderr, message);
    assert.ok(stderr.trimEnd().split("\n").length <= 2, stderr);
    assert.doesNotMatch(stderr, /\n\s+at /);
    assert.equal(actual, code);
  });
}

test("a broken model is reported and does not stop the others", async () => {
  const server = new ServeProcess("serve", broken, "--port", "0");
  const url = await server.listening();
  const { model } = await server.logged(/^cannot load bad v1: /);
  assert.equal(model, "bad");
  assert.deepEqual(await (await fetch(new URL("/v2/models", url))).json(), { models: ["good"] });
  const answer = await fetch(new URL("/v2/models/bad", url));
  assert.equal(answer.status, 404);
  assert.match(((await answer.json()) as { error: string }).error, /'bad' has no available versions/);
  const version = await fetch(new URL("/v2/models/bad/versions/1", url));
  assert.equal(version.status, 503);
  server.child.kill("SIGTERM");
  assert.equal((await server.ended).code, 0);
});

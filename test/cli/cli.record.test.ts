// SPDX-License-Identifier: Apache-2.0
// `ortserve serve --record`: what callers send by any way in becomes what `ortserve quantize --calib` reads.
import assert from "node:assert/strict";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { npyIn } from "../../src/runtime/npy.js";
import { heldOutDigits, pixelsPerDigit } from "../samples/held-out-digits.js";
import { SocketClient } from "../server/socket-client.js";
import { runCli, ServeProcess } from "./serve-process.js";

const folder = mkdtempSync(join(tmpdir(), "ortserve-cli-record-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const recordedTo = (name: string, ...below: string[]) => join(folder, name, ...below);

test("a directory that cannot be written to is refused before anything is loaded", async () => {
  const file = join(folder, "file");
  writeFileSync(file, "");
  const { code, stderr, stdout } = await runCli("serve", "models", "--port", "0", "--record", join(file, "below"));
  assert.equal(code, 2, stderr);
  assert.match(stderr, /cannot record samples in .*below: /);
  assert.doesNotMatch(stdout, /loaded/);
});

test("a file system that makes no directories is refused, too", {
  skip: process.platform !== "linux" && "no /proc",
}, async () => {
  const { code, stderr } = await runCli("serve", "models", "--port", "0", "--record", "/proc/samples/below");
  assert.equal(code, 2, stderr);
  assert.match(stderr, /cannot record samples in \/proc\/samples\/below: ENOENT/);
});

test("wrong limits, and limits without a directory, are refused", async () => {
  const alone = await runCli("serve", "models", "--record-rate", "5%");
  assert.equal(alone.code, 2);
  assert.match(alone.stderr, /expected --record DIRECTORY with the other options of recording/);
  const zero = await runCli("serve", "models", "--record", recordedTo("zero"), "--record-rate", "0");
  assert.equal(zero.code, 2);
  assert.match(zero.stderr, /rate/);
});

for (const threads of process.platform === "linux" ? ["1", "2"] : ["1"])
  test(`live digits become a model of integers, --http-threads ${threads}`, async (t) => {
    const name = `live-${threads}`;
    const options = ["--record", recordedTo(name), "--record-rate", "100%", "--http-threads", threads];
    const server = new ServeProcess("serve", "models", "--port", "0", ...options);
    t.after(() => server.child.kill("SIGKILL"));
    const { origin } = await server.listening();
    const { pixels } = heldOutDigits();
    const digits = Array.from({ length: 12 }, (_, i) => [
      ...pixels.slice(i * pixelsPerDigit, (i + 1) * pixelsPerDigit),
    ]);
    const image = (pixels: readonly number[]) =>
      Array.from({ length: 28 }, (_, y) => pixels.slice(28 * y, 28 * y + 28).map((value) => [value]));
    const post = async (path: string, body: string | Buffer) => {
      const response = await fetch(origin + path, { method: "POST", body });
      assert.equal(response.status, 200, await response.text());
    };
    await post("/predict/digits", JSON.stringify({ instances: digits.slice(0, 8).map(image) }));
    await post("/predict/digits", readFileSync("models/digits/seven.png"));
    await post("/v1/models/digits:predict", JSON.stringify({ instances: [image(digits[8] ?? [])] }));
    const open = { name: "image", datatype: "FP32", shape: [1, 28, 28, 1], data: digits[9] };
    await post("/v2/models/digits/infer", JSON.stringify({ inputs: [open] }));
    const socket = await SocketClient.open(origin, "/predict/digits");
    socket.socket.send(JSON.stringify({ instances: digits.slice(10, 12).map(image) }));
    assert.equal((await socket.json()).predictions.length, 2);
    socket.socket.close();
    const { model_stats } = (await (await fetch(`${origin}/v2/models/digits/stats`)).json()) as {
      model_stats: { record_stats: object }[];
    };
    assert.deepEqual(model_stats[0]?.record_stats, { kept: 13, dropped: 0 });
    server.child.kill("SIGTERM");
    assert.equal((await server.ended).code, 0);

    const files = readdirSync(recordedTo(name, "digits", "1"));
    assert.equal(files.length, 13, "whatever the protocol, and those in flight at the end");
    if (threads !== "1") return;
    const output = join(folder, "digits-int8.onnx");
    const { code, stdout, stderr } = await runCli(
      "quantize",
      "models/digits/1/model.onnx",
      ...["-o", output, "--calib", recordedTo(name, "digits"), "--min-speedup", "0", "--max-drop", "100%", "--json"],
    );
    assert.equal(code, 0, stderr);
    assert.ok(existsSync(output));
    assert.equal(JSON.parse(stdout).quality.samples, 3, "a quarter of 13 judges");
  });

test("a model whose configuration says so is not recorded", async (t) => {
  const repository = join(folder, "private");
  cpSync("models/iris", join(repository, "iris"), { recursive: true });
  writeFileSync(
    join(repository, "iris", "config.yaml"),
    `${readFileSync("models/iris/config.yaml", "utf8")}\nrecord: false\n`,
  );
  const options = ["--record", recordedTo("none"), "--record-rate", "100%"];
  const server = new ServeProcess("serve", repository, "--port", "0", ...options);
  t.after(() => server.child.kill("SIGKILL"));
  const { origin } = await server.listening();
  const response = await fetch(`${origin}/predict/iris`, {
    method: "POST",
    body: JSON.stringify({ instances: [[5.1, 3.5, 1.4, 0.2]] }),
  });
  assert.equal(response.status, 200);
  server.child.kill("SIGTERM");
  assert.equal((await server.ended).code, 0);
  assert.deepEqual(readdirSync(recordedTo("none")), []);
});

test("a server that is killed while it records leaves whole samples, and the next one tidies up", async (t) => {
  const options = ["--record", recordedTo("killed"), "--record-rate", "100%", "--record-limit", "1000000"];
  const server = new ServeProcess("serve", "models", "--port", "0", ...options);
  const { origin } = await server.listening();
  const digit = [...heldOutDigits().pixels.slice(0, pixelsPerDigit)];
  const data = Array.from({ length: 100 }, () => digit).flat();
  const inputs = [{ name: "image", datatype: "FP32", shape: [100, 28, 28, 1], data }];
  const body = JSON.stringify({ inputs });
  const ask = async () => (await fetch(`${origin}/v2/models/digits/infer`, { method: "POST", body })).arrayBuffer();
  const written = recordedTo("killed", "digits", "1");
  const names = () => (existsSync(written) ? readdirSync(written) : []);
  while (names().length < 50) await ask();
  const last = Promise.allSettled([ask(), ask()]);
  server.child.kill("SIGKILL");
  await last;
  await server.ended;

  const whole = names().filter((name) => !name.startsWith("."));
  for (const name of whole) {
    const array = npyIn(readFileSync(join(written, name)), name);
    assert.deepEqual([array.shape, array.read(0, pixelsPerDigit)], [[1, 28, 28, 1], Float32Array.from(digit)], name);
  }
  const half = join(written, ".0.npy.part");
  writeFileSync(half, "half of a sam"); // what a moment earlier would have left, a day ago
  utimesSync(half, new Date(), new Date(Date.now() - 86_400_000));
  const next = new ServeProcess("serve", "models", "--port", "0", ...options);
  t.after(() => next.child.kill("SIGKILL"));
  await next.listening();
  assert.equal(existsSync(half), false);
  const left = names().filter((name) => !name.startsWith("."));
  assert.deepEqual(left.sort(), whole.sort());
});

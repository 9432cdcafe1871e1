// SPDX-License-Identifier: Apache-2.0
// `ortserve inspect`, `ortserve quantize` and `ortserve prune` as a shell sees them: exit codes, files, one line on stderr for what failed.
import assert from "node:assert/strict";
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  watch,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, test } from "node:test";
import { squeezeExcite } from "../../bench/models/architectures.js";
import { modelPath } from "../models/make.mjs";
import { networks } from "../optimize/model-files.js";
import { runCli, ServeProcess } from "./serve-process.js";

const folder = mkdtempSync(join(tmpdir(), "ortserve-cli-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const file = (name: string) => join(folder, name);
copyFileSync(networks.digits, file("original.onnx"));
linkSync(file("original.onnx"), file("same.onnx"));
copyFileSync(modelPath("external"), file("outside.onnx"));
copyFileSync(join(dirname(modelPath("external")), "external.bin"), file("external.bin"));
writeFileSync(file("cat.png"), "never opened");

describe("a wrong command is refused in one line", () => {
  for (const [what, words, code, message] of [
    ["inspect without a model", ["inspect"], 2, /missing required argument 'model'/],
    ["a directory", ["inspect", file("")], 1, /expected an ONNX file, got the directory /],
    ["a model that is not there", ["inspect", file("absent.onnx")], 1, /there is no file .*absent\.onnx/],
    ["a broken model", ["inspect", modelPath("corrupt")], 1, /expected an ONNX model/],
    ["a shape without dims", ["inspect", networks.digits, "--shape", "image"], 2, /Expected NAME:DIMS/],
    ["a shape for no input", ["inspect", networks.digits, "--shape", "x:1"], 2, /unknown input 'x'/],
    [
      "quantize without data",
      ["quantize", networks.digits, "-o", file("q.onnx")],
      2,
      /required option '--calib <data>'/,
    ],
    [
      "quantize without an output",
      ["quantize", networks.digits, "--calib", "random"],
      2,
      /required option '-o, --output/,
    ],
    [
      "an unknown target",
      ["quantize", networks.digits, "-o", file("q.onnx"), "--calib", "random", "--target", "tpu"],
      2,
      /Allowed choices are cpu, tensorrt, cuda/,
    ],
    [
      "a share that is none",
      ["quantize", networks.digits, "-o", file("q.onnx"), "--calib", "random", "--max-drop", "1dB"],
      2,
      /'1dB' is invalid\. Expected a share/,
    ],
    [
      "data of a kind that nobody reads",
      ["quantize", networks.digits, "-o", file("q.onnx"), "--calib", networks.digits],
      2,
      /cannot read calibration data of kind '\.onnx'/,
    ],
    [
      "images without a word on how they are read",
      ["quantize", networks.iris, "-o", file("q.onnx"), "--calib", file("cat.png")],
      2,
      /cat\.png is an image.*write, for example, preprocess: .* into .*models\/iris\/config\.yaml/,
    ],
    [
      "a configuration that is not there",
      ["prune", networks.digits, "-o", file("q.onnx"), "--calib", "random", "--config", file("none.yaml")],
      2,
      /none\.yaml: there is no such file/,
    ],
    [
      "a goal that is missed",
      ["quantize", networks.digits, "-o", file("q.onnx"), "--calib", "random", "--min-speedup", "1000"],
      3,
      /q\.onnx was not written: it runs .* at least 1000 was asked for/,
    ],
    [
      "a sparsity that is none",
      ["prune", networks.digits, "-o", file("q.onnx"), "--calib", "random", "--sparsity", "half"],
      2,
      /'half' is invalid\. Expected a share/,
    ],
    [
      "outputs to keep that are none",
      ["prune", networks.digits, "-o", file("q.onnx"), "--calib", "random", "--keep-outputs", "3-1"],
      2,
      /expected positions in an output's last dim to keep/,
    ],
    [
      "two measures of how much to prune",
      ["prune", networks.digits, "-o", file("q.onnx"), "--calib", "random", "--sparsity", "0.5", "--macs-ratio", "0.3"],
      2,
      /'--macs-ratio <share>' cannot be used with option '--sparsity <share>'/,
    ],
    [
      "an output in no directory",
      ["prune", networks.digits, "-o", file("absent/q.onnx"), "--calib", "random"],
      2,
      /expected a file to write the new model to, got .*: there is no directory .*absent/,
    ],
    [
      "an output that is a directory",
      ["quantize", networks.digits, "-o", folder, "--calib", "random"],
      2,
      /expected a file to write the new model to, got .*, a directory/,
    ],
    [
      "an output that would replace the original",
      ["quantize", file("original.onnx"), "-o", file("same.onnx"), "--calib", "random"],
      2,
      /expected a file to write the new model to, got .*same\.onnx: that is the original itself/,
    ],
    [
      "an output that would replace the original's weights",
      ["quantize", file("outside.onnx"), "-o", file("external.bin"), "--calib", "random"],
      2,
      /expected a file to write the new model to, got .*external\.bin, which would replace .*, the weights of/,
    ],
    [
      "a layout for inputs that stay as they are",
      ["quantize", networks.digits, "-o", file("q.onnx"), "--calib", "random", "--input-layout", "nhwc"],
      2,
      /--input-layout nhwc is for --input-u8/,
    ],
    [
      "a sparsity that no quality allows",
      ["prune", networks.digits, "-o", file("q.onnx"), "--calib", "random", "--min-sqnr", "199", "--min-speedup", "0"],
      3,
      /q\.onnx was not written: .* at least 199 dB was asked for/,
    ],
  ] as const)
    test(what, async () => {
      const { code: exit, stderr } = await runCli(...words);
      assert.equal(exit, code, stderr);
      assert.match(stderr, message);
      assert.equal(stderr.split("\n").filter((line) => line.startsWith("ortserve:")).length, 1, stderr);
      assert.doesNotMatch(stderr, /\n {4}at /);
      assert.equal(existsSync(file("q.onnx")), false);
    });
});

test("inspect prints a table, or JSON", async () => {
  const table = await runCli("inspect", networks.digits);
  assert.equal(table.code, 0, table.stderr);
  assert.match(table.stdout, /inputs +image float \[batch,28,28,1\]/);
  assert.match(table.stdout, /Conv +fp32 +cpu/);
  const json = await runCli("inspect", networks.digits, networks.iris, "--json");
  const { before, after: other, changes } = JSON.parse(json.stdout);
  assert.deepEqual([before.nodes, other.nodes], [13, 5]);
  assert.ok(changes.length > 5);
});

test("quantize writes the model and both reports", async () => {
  writeFileSync(file("net.onnx"), squeezeExcite());
  const words = ["quantize", file("net.onnx"), "-o", file("small.onnx"), "--calib", "random", "--max-drop", "100%"];
  const { code, stdout, stderr } = await runCli(...words, "--min-speedup", "0");
  assert.equal(code, 0, stderr);
  assert.match(stdout, /kernels +5 integer, 0 FP32/);
  const report = JSON.parse(readFileSync(file("small.report.json"), "utf8"));
  assert.deepEqual([report.output, report.mode, report.layers.quantized], ["small.onnx", "static", 5]);
  assert.ok(report.bytes.before / report.bytes.after > 1.5);
  const html = readFileSync(file("small.report.html"), "utf8");
  assert.doesNotMatch(html, /<script|https?:\/\/|undefined|NaN/);
  for (const part of ["Signal to noise of each layer", "Ranges of activations", "Time of a run", "QLinearConv"])
    assert.ok(html.includes(part), part);
  const again = await runCli(...words, "--min-speedup", "0", "--no-report", "--json", "-o", file("other.onnx"));
  assert.deepEqual(JSON.parse(again.stdout).missed, []);
  assert.equal(existsSync(file("other.report.json")), false);
});

test("prune writes the model and both reports", async () => {
  writeFileSync(file("wide.onnx"), squeezeExcite());
  const words = ["prune", file("wide.onnx"), "-o", file("narrow.onnx"), "--calib", "random", "--max-drop", "100%"];
  const { code, stdout, stderr } = await runCli(...words, "--min-speedup", "0");
  assert.equal(code, 0, stderr);
  assert.match(stdout, /channels +[0-9.]+ % are gone, of 3 groups/);
  assert.match(stdout, /proof +differs by/);
  const report = JSON.parse(readFileSync(file("narrow.report.json"), "utf8"));
  assert.deepEqual([report.output, report.calibration.criterion], ["narrow.onnx", "weights"]);
  assert.ok(report.before.macs / report.after.macs > 1.5);
  const html = readFileSync(file("narrow.report.html"), "utf8");
  assert.doesNotMatch(html, /<script|https?:\/\/|undefined|NaN/);
  for (const part of ["multiply-accumulates", "Channels that are left", "largest relative difference"])
    assert.ok(html.includes(part), part);
});

test("quantize that is told to end leaves no drafts behind", async () => {
  const scratch = mkdtempSync(join(folder, "scratch-"));
  const seen = new Promise<void>((resolve) => {
    const watcher = watch(scratch, (_event, name) => {
      if (!name?.startsWith("ortserve-")) return; // the loader of TypeScript has a folder there too
      watcher.close();
      resolve();
    });
  });
  const before = process.env.TMPDIR;
  process.env.TMPDIR = scratch; // the child's: where drafts go
  const words = [
    "quantize",
    networks.detection,
    "-o",
    file("ended.onnx"),
    "--calib",
    "random",
    "--shape",
    "x:1,3,320,320",
  ];
  const running = new ServeProcess(...words);
  if (before === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = before;
  await seen;
  running.child.kill("SIGTERM");
  assert.equal((await running.ended).code, 143);
  assert.deepEqual(
    readdirSync(scratch).filter((name) => name.startsWith("ortserve-")),
    [],
  );
  assert.equal(existsSync(file("ended.onnx")), false);
});

// SPDX-License-Identifier: Apache-2.0
// What a user of the package gets: packs it, installs the tarball into an empty project where no compiler is to be found, and
// uses it there; then builds it from the sources it carries. Run by `npm run test:package`: it needs the registry.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { codeBlocks } from "../docs/code-blocks.js";
import { root } from "../layering/sources.js";

const run = promisify(execFile);
const platform = `${process.platform}-${process.arch}`;
const compilers = ["cc", "c++", "gcc", "g++", "clang", "clang++", "cmake", "make", "ninja"];

const home = mkdtempSync(join(tmpdir(), "ortserve-package-"));
const project = join(home, "project");
const installed = join(project, "node_modules/ortserve");
const npm = process.env.npm_execpath ?? join(dirname(process.execPath), "../lib/node_modules/npm/bin/npm-cli.js");

/** A PATH with Node and a shell and nothing that compiles. */
function barePath(): string {
  const bin = join(home, "bin");
  mkdirSync(bin);
  symlinkSync(process.execPath, join(bin, "node"));
  for (const tool of ["sh", "uname", "env"]) {
    const found = (process.env.PATH ?? "").split(delimiter).find((folder) => existsSync(join(folder, tool)));
    if (found) symlinkSync(join(found, tool), join(bin, tool));
  }
  return bin;
}

// npm leaves its own settings in the environment of the scripts it runs; a user's shell has none of them.
function userEnvironment(path: string): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_|INIT_CWD)/i.test(name));
  return { ...Object.fromEntries(entries), PATH: path, ONNXRUNTIME_NODE_INSTALL: "skip" };
}

function runNpm(args: string[], cwd: string, env: NodeJS.ProcessEnv) {
  return run(process.execPath, [npm, ...args], { cwd, env, maxBuffer: 64 * 2 ** 20 });
}

describe("the packed tarball", { skip: process.platform === "win32" && "the bare PATH is made of links" }, () => {
  let env: NodeJS.ProcessEnv;
  let files: string[];

  before(async () => {
    const { stdout } = await runNpm(["pack", "--json", "--pack-destination", home], root, process.env);
    // Scripts may print before it; the report is the last thing.
    const [report] = JSON.parse(stdout.slice(stdout.indexOf("[\n")));
    files = report.files.map((file: { path: string }) => file.path);
    env = userEnvironment(barePath());
    mkdirSync(project);
    writeFileSync(join(project, "package.json"), JSON.stringify({ name: "empty", private: true, type: "module" }));
    await runNpm(["install", "--no-audit", "--no-fund", "--prefer-offline", join(home, report.filename)], project, env);
    copyFileSync(join(root, "models/iris/1/model.onnx"), join(project, "iris.onnx"));
  });
  after(() => rmSync(home, { recursive: true, force: true }));

  it("has what it should and nothing else", () => {
    const expected = [
      "LICENSE",
      "README.md",
      "bin/ortserve.mjs",
      "dashboard/docs.html",
      "dist/index.js",
      "dist/index.d.ts",
      "dist/server/index.js",
      `prebuilds/${platform}/ortserve.node`,
      "CMakeLists.txt",
      "native/core/status.h",
      "native/third_party/PROVENANCE.md",
      "native/third_party/simdjson/simdjson.cpp",
      "native/third_party/simdjson/LICENSE",
      "native/third_party/onnxruntime/onnxruntime_c_api.h",
      "native/third_party/onnxruntime/LICENSE",
      "native/third_party/xxhash/xxhash.h",
      "scripts/install.mjs",
    ];
    assert.deepEqual(
      expected.filter((path) => !files.includes(path)),
      [],
    );
    const strangers = files.filter((path) => /^(src|test|bench|models|build|node_modules|\.)/.test(path));
    assert.deepEqual(strangers, []);
  });

  it("is installed where there is no compiler", async () => {
    for (const name of compilers) {
      assert.equal(existsSync(join(env.PATH as string, name)), false, name);
    }
    assert.equal(existsSync(join(installed, "build")), false, "nothing was built");
  });

  it("runs the README's embedding example", async () => {
    const example = codeBlocks("README.md").find((block) => block.code.includes('from "ortserve"'));
    assert.ok(example);
    mkdirSync(join(project, "models/digits/1"), { recursive: true });
    copyFileSync(join(root, "models/digits/1/model.onnx"), join(project, "models/digits/1/model.onnx"));
    writeFileSync(join(project, "example.js"), example.code);
    const { stdout } = await run("node", ["example.js"], { cwd: project, env });
    assert.equal(stdout.trim(), "[ 1, 10 ]");
  });

  it("has types for a strict TypeScript program", async () => {
    const source = `
      import { Model, OrtserveError, type Tensor } from "ortserve";
      import { createServer, loadRepository } from "ortserve/server";
      const model = await Model.load("iris.onnx");
      const { label } = await model.predict<{ label: Tensor<"BYTES"> }>(new Float32Array(4));
      const first: string | undefined = label.data[0];
      export { createServer, first, loadRepository, OrtserveError };`;
    writeFileSync(join(project, "types.ts"), source);
    const tsc = join(root, "node_modules/typescript/bin/tsc");
    const types = ["--types", "node", "--typeRoots", join(root, "node_modules/@types")];
    const options = ["--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", "--skipLibCheck", ...types];
    await run(process.execPath, [tsc, ...options, "types.ts"], { cwd: project }).catch((error) =>
      assert.fail(error.stdout),
    );
  });

  it("serves a model from the command line, on two HTTP threads where there can be two", async () => {
    const bin = join(project, "node_modules/.bin/ortserve");
    const threads = process.platform === "linux" ? "2" : "1";
    const server = spawn(bin, ["serve", "iris.onnx", "--port", "0", "--http-threads", threads], {
      cwd: project,
      env,
      stdio: ["ignore", "pipe", "inherit"],
    });
    let url: string | undefined;
    for await (const line of createInterface({ input: server.stdout })) {
      url = /http:\/\/[0-9.]+:[0-9]+/.exec(line)?.[0];
      if (url !== undefined) break;
    }
    server.stdout.resume();
    const body = JSON.stringify({ instances: [[6.3, 3.3, 6.0, 2.5]], outputs: ["label"] });
    const response = await fetch(`${url}/predict/iris`, { method: "POST", body });
    assert.deepEqual(await response.json(), { predictions: ["virginica"], model: "iris", version: "1" });
    assert.match(await (await fetch(`${url}/docs`)).text(), /^<!doctype html>/);
    server.kill("SIGTERM");
    assert.deepEqual(await once(server, "exit"), [0, null]);
  });

  it("says what to install when it must be built and cannot be", async () => {
    rmSync(join(installed, "prebuilds"), { recursive: true });
    const failed = await run("node", ["scripts/install.mjs"], { cwd: installed, env }).then(
      () => assert.fail("it should have failed"),
      (error) => error as { code: number; stderr: string },
    );
    assert.equal(failed.code, 1);
    assert.match(failed.stderr, /no prebuilt addon for .*building it from source/);
    assert.match(failed.stderr, /no C\+\+ compiler was found/);
    assert.match(failed.stderr, /CMake was not found/);
  });

  it("builds from the sources it carries where there is a compiler", async () => {
    await run("node", ["scripts/install.mjs"], { cwd: installed, env: userEnvironment(process.env.PATH as string) });
    assert.ok(existsSync(join(installed, "build/Release/ortserve.node")));
    const { stdout } = await run("node", ["example.js"], { cwd: project, env });
    assert.equal(stdout.trim(), "[ 1, 10 ]");
  });
});

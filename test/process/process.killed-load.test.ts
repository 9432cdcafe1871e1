// SPDX-License-Identifier: Apache-2.0
// What a load of a process that was killed leaves behind is removed by the next start, and nothing else is.
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { openRepository } from "../../src/server/index.js";
import { makeLoadFolder } from "../../src/serving/load-folder.js";

const systemTemporary = tmpdir();
const temporary = mkdtempSync(join(systemTemporary, "ortserve-tmp-"));
const repository = join(temporary, "models");
let child: ChildProcess | undefined;

before(() => {
  process.env.TMPDIR = temporary; // so that no other test's files are seen; the child inherits it
  mkdirSync(repository);
});
after(() => {
  child?.kill("SIGKILL");
  process.env.TMPDIR = systemTemporary;
  rmSync(temporary, { recursive: true });
});

/** A server starts, and ends. */
async function start(): Promise<void> {
  await (await openRepository(repository, { control: "explicit" })).close();
}

/** A folder with a file in it, at a path or named by changing parts of another's name. */
function folder(name: string): string {
  const path = join(temporary, name);
  mkdirSync(join(path, "1"), { recursive: true });
  writeFileSync(join(path, "1", "model.onnx"), "weights");
  return path;
}

test("a folder stays as long as its process lives, and goes after it was killed", async () => {
  child = fork(fileURLToPath(new URL("programs/killed-load.ts", import.meta.url)), { execArgv: ["--import", "tsx"] });
  const [path] = (await once(child, "message")) as [string];
  folder(basename(path));
  await start();
  assert.ok(existsSync(path), "a live process lost its folder");
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
  await start();
  assert.ok(!existsSync(path), "a dead process kept its folder");
});

test("a folder goes when its process's number belongs to another by now", {
  skip: process.platform !== "linux",
}, async () => {
  const own = await makeLoadFolder();
  const [prefix, word, pid, begun, ...rest] = basename(own).split("-");
  const other = join(temporary, [prefix, word, pid, Number(begun) + 1, ...rest].join("-"));
  renameSync(own, other);
  await start();
  assert.ok(!existsSync(other));
});

test("a process's own folders, those of other machines and containers, and whatever else there is stay", async () => {
  const own = await makeLoadFolder();
  const [prefix, word, , begun, space = "", random] = basename(own).split("-");
  const dead = 2 ** 22 + 1; // beyond the largest number of a process
  const elsewhere = space.replaceAll(/./g, (digit) => (digit === "0" ? "1" : "0"));
  const target = folder("target");
  const link = join(temporary, [prefix, word, dead, begun, space, "linked"].join("-"));
  symlinkSync(target, link);
  const kept = [
    own,
    link,
    join(target, "1", "model.onnx"),
    folder([prefix, word, dead, begun, elsewhere, random].join("-")),
    folder([prefix, word, dead, begun, space, "much-longer"].join("-")),
    folder("ortserve-load-AbCdEf"),
  ];
  const gone = folder([prefix, word, dead, begun, space, random].join("-"));
  await start();
  for (const path of kept) assert.ok(existsSync(path), path);
  assert.ok(!existsSync(gone));
});

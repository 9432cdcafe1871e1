// SPDX-License-Identifier: Apache-2.0
// Two builds of one checkout at the same time do not overlap.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import { root } from "../layering/sources.js";

const home = mkdtempSync(join(tmpdir(), "ortserve-lock-"));
after(() => rmSync(home, { recursive: true, force: true }));

/** A process that notes in `log` when it begins and ends its turn, and pauses in between. */
function contender(lock: string, log: string) {
  const program = `
    import { appendFileSync } from "node:fs";
    import { withLock } from "${root}scripts/lock.mjs";
    await withLock(${JSON.stringify(lock)}, async () => {
      appendFileSync(${JSON.stringify(log)}, "begin " + process.pid + "\\n");
      await new Promise((resolve) => setTimeout(resolve, 30)); // room for an overlap, not a wait for something
      appendFileSync(${JSON.stringify(log)}, "end " + process.pid + "\\n");
    });`;
  return spawn(process.execPath, ["--input-type=module", "-e", program], { stdio: ["ignore", "ignore", "ignore"] });
}

describe("the build lock", () => {
  it("is taken over from a process that has died holding it", async () => {
    const lock = join(home, "dead");
    const child = spawn(process.execPath, ["-e", ""]);
    await once(child, "exit");
    writeFileSync(lock, String(child.pid));
    const log = join(home, "dead.log");
    assert.deepEqual(await once(contender(lock, log), "exit"), [0, null]);
    assert.equal(existsSync(lock), false);
  });

  it("lets one process work at a time", async () => {
    const log = join(home, "turns.log");
    const contenders = Array.from({ length: 4 }, () => contender(join(home, "turns"), log));
    for (const end of await Promise.all(contenders.map((child) => once(child, "exit"))))
      assert.deepEqual(end, [0, null]);
    const lines = readFileSync(log, "utf8").trim().split("\n");
    assert.equal(lines.length, 8);
    for (let i = 0; i < lines.length; i += 2) {
      assert.equal(lines[i + 1], (lines[i] as string).replace("begin", "end"));
    }
  });
});

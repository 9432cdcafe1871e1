// SPDX-License-Identifier: Apache-2.0
// Runs what the documentation tells readers to run: each curl line and each JavaScript module, against a real server.
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, describe, it } from "node:test";
import { promisify } from "node:util";
import { root } from "../layering/sources.js";
import { type CodeBlock, codeBlocks } from "./code-blocks.js";

const run = promisify(execFile);
const pages = ["README.md", "docs/http.md", "docs/embedding.md", "docs/client.md"];
const documented = "127.0.0.1:8080";

/** Starts the command line as a user does; resolves when it says where it listens. */
async function startServer() {
  const args = [join(root, "bin/ortserve.mjs"), "serve", "models", "--port", "0"];
  const child = spawn(process.execPath, args, { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
  const seen: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    seen.push(line);
    const url = /http:\/\/([0-9.]+:[0-9]+)/.exec(line)?.[1];
    if (url !== undefined) {
      child.stdout.resume();
      return { child, address: url };
    }
  }
  throw new Error(`the server ended before it listened: ${seen.join("\n")}`);
}

/** Like deepEqual, but numbers may differ in the last digits: another CPU's kernels round in another order. */
function assertAlike(actual: unknown, expected: unknown): void {
  if (typeof expected === "number" && typeof actual === "number") {
    assert.ok(Math.abs(actual - expected) <= 1e-4 * Math.max(1, Math.abs(expected)), `${actual} is not ${expected}`);
  } else if (typeof expected === "object" && expected !== null && typeof actual === "object" && actual !== null) {
    assert.deepEqual(Object.keys(actual).sort(), Object.keys(expected).sort());
    for (const [key, value] of Object.entries(expected)) assertAlike((actual as Record<string, unknown>)[key], value);
  } else {
    assert.equal(actual, expected);
  }
}

describe("documented examples", () => {
  let server: Awaited<ReturnType<typeof startServer>>;
  // Inside the checkout, so that `import "ortserve"` finds this very package.
  const folder = mkdtempSync(join(root, "build/doc-examples-"));
  before(async () => {
    server = await startServer();
  });
  after(async () => {
    rmSync(folder, { recursive: true, force: true });
    server.child.kill("SIGTERM");
    const [code] = await once(server.child, "exit");
    assert.equal(code, 0);
  });

  const here = (code: string) => code.replaceAll(documented, server.address);

  async function curlReply(line: string): Promise<unknown> {
    assert.match(line, /^curl /, "only curl lines can be run here");
    const command = here(line).replace(/^curl /, "curl --silent --show-error --fail-with-body --max-time 20 ");
    const { stdout } = await run("bash", ["-c", command], { cwd: root });
    return JSON.parse(stdout);
  }

  async function runModule(block: CodeBlock): Promise<string> {
    const file = join(folder, `line-${block.line}.mjs`);
    writeFileSync(file, here(block.code));
    const { stdout } = await run(process.execPath, [file], { cwd: root, timeout: 60_000 });
    return stdout;
  }

  for (const page of pages) {
    const blocks = codeBlocks(page);
    it(`${page} has examples`, () => assert.ok(blocks.length > 0));

    for (const [i, block] of blocks.entries()) {
      const next = blocks[i + 1];
      if (block.language === "bash") {
        it(`${page}:${block.line} curl`, async () => {
          const replies: unknown[] = [];
          for (const line of block.code.trim().split("\n")) replies.push(await curlReply(line));
          if (next?.language === "json") assertAlike(replies.at(-1), JSON.parse(next.code));
        });
      } else if (block.language === "js") {
        it(`${page}:${block.line} module`, async () => {
          const output = await runModule(block);
          assertPrints(output, block.code);
        });
      }
    }
  }
});

/** `// value` after a console.log is what it prints; "e.g." and "..." leave it open. */
function assertPrints(output: string, code: string): void {
  const promised = [...code.matchAll(/console\.log\(.*\); \/\/ (.*)$/gm)].map((match) => match[1] as string);
  assert.ok(output.trim() !== "", "the example prints nothing");
  for (const text of promised) {
    if (text.startsWith("name, ")) continue;
    const pattern = text.replace(/^e\.g\. /, "").replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
    assert.match(output, new RegExp(pattern.replaceAll("\\.\\.\\.", "\\d*")));
  }
}

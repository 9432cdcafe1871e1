// SPDX-License-Identifier: Apache-2.0
// perf_analyzer, unchanged, in each of its modes. It ends with status 99 when a single request fails.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import type { OrtServer } from "../../src/server/index.js";
import { startConformanceServer } from "../server/conformance.js";
import { inEnvironment, runProgram } from "./python-checks.js";

let server: OrtServer;

before(async () => {
  server = await startConformanceServer({ sharedMemory: true });
});
after(() => server.close());

/** Of the server's own account of a request, in microseconds: what is neither waiting nor the model. */
const overhead = /Avg request latency: (\d+) usec \(overhead (\d+) usec \+ queue (\d+) usec .*compute infer (\d+) usec/;

async function perfAnalyzer(model: string, options: readonly string[]) {
  const [library] = (await runProgram("find", [inEnvironment("perf/lib"), "-name", "libcudart.so.*"])).stdout.split(
    "\n",
  );
  const folder = library?.slice(0, library.lastIndexOf("/")) ?? "";
  const short = "--measurement-mode count_windows --measurement-request-count 200 --stability-percentage 999".split(
    " ",
  );
  const address = server.url.replace("http://", "");
  const args = ["-m", model, "-i", "http", "-u", address, "--max-trials", "10", ...short, ...options];
  return runProgram(inEnvironment("perf/bin/perf_analyzer"), args, { LD_LIBRARY_PATH: folder });
}

for (const [what, model, options] of [
  ["concurrency 1", "simple", []],
  ["concurrency 4, a thread for each request", "simple", ["--concurrency-range", "4", "--sync"]],
  ["concurrency 4, --async", "simple", ["--concurrency-range", "4", "--async"]],
  ["a request rate", "simple", ["--request-rate-range", "200"]],
  [
    "a request rate, --async, by chance",
    "simple",
    "--request-rate-range 200 --async --request-distribution poisson".split(" "),
  ],
  ["8 rows in each request", "simple", ["-b", "8"]],
  ["a version", "simple", ["-x", "1"]],
  ["JSON tensors", "simple", "--input-tensor-format json --output-tensor-format json".split(" ")],
  ["tensors in shared memory", "simple", ["--shared-memory", "system", "--output-shared-memory-size", "64"]],
  ["strings", "ident_string", ["--shape", "INPUT0:4"]],
] as const) {
  test(`perf_analyzer: ${what}`, async (t) => {
    const { code, stdout, stderr } = await perfAnalyzer(model, options);
    assert.equal(code, 0, stdout + stderr);
    const found = overhead.exec(stdout);
    assert.ok(found, stdout);
    const [, total, own, queue, compute] = found;
    t.diagnostic(`server: ${total} us, of these overhead ${own}, queue ${queue}, model ${compute}`);
    assert.match(stdout, /Throughput: [1-9]/);
  });
}

test("perf_analyzer: --service-kind torchserve", async () => {
  const folder = mkdtempSync(join(tmpdir(), "ortserve-torchserve-"));
  try {
    const ones = Array.from({ length: 16 }, () => 1);
    writeFileSync(join(folder, "row.json"), JSON.stringify({ instances: [{ INPUT0: ones, INPUT1: ones }] }));
    const files = { data: [{ TORCHSERVE_INPUT: [join(folder, "row.json")] }] };
    writeFileSync(join(folder, "inputs.json"), JSON.stringify(files));
    const options = ["--service-kind", "torchserve", "-b", "1", "--input-data", join(folder, "inputs.json")];
    const { code, stdout, stderr } = await perfAnalyzer("simple", options);
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /Throughput: [1-9]/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("perf_analyzer: more rows than the model takes is an error that it reports", async () => {
  const { code, stdout, stderr } = await perfAnalyzer("simple", ["-b", "9"]);
  assert.notEqual(code, 0);
  assert.match(stdout + stderr, /batch-size must be <= 8|not supported as maximum is 8/);
});

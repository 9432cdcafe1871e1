// SPDX-License-Identifier: Apache-2.0
// A client cannot tell how many threads answer it: what holds with one HTTP thread holds with two.
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { layoutOf, startRealServer, useHttpThreads } from "./real-server.js";

/** Files of this folder that start real servers. */
const suites = [
  "cache",
  "conformance-binary",
  "conformance-compression",
  "conformance-faults",
  "conformance-json",
  "conformance-metadata",
  "conformance-repository",
  "conformance-routes",
  "large-replies",
  "model-configuration",
  "openapi",
  "parity",
  "predict-routes",
  "reload",
  "rows-stay-with-callers",
  "tfserving",
  "torchserve",
  "torchserve-management",
];

const skip = process.platform === "linux" ? false : "several HTTP threads need Linux";

describe("with two HTTP threads", { skip }, () => {
  useHttpThreads(2);

  test("both answer", async () => {
    const server = await startRealServer(layoutOf("mlp_tiny"));
    // A made-up request id begins with letters that are the thread's own; each request here has its own connection.
    const threads = new Set<string | undefined>();
    for (let i = 0; threads.size < 2 && i < 1000; i++) {
      const response = await fetch(`${server.url}/v2`, { headers: { connection: "close" } });
      threads.add(response.headers.get("x-request-id")?.split("-")[0]);
    }
    await server.close();
    assert.equal(threads.size, 2);
  });

  for (const suite of suites) describe(suite, async () => void (await import(`./server.${suite}.test.js`)));
  describe("control", async () => void (await import("../serving/serving.control.test.js")));
});

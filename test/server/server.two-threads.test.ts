// SPDX-License-Identifier: Apache-2.0
// A client cannot tell how many threads answer it: what holds with one HTTP thread holds with two.
import { describe } from "node:test";
import { useHttpThreads } from "./real-server.js";

const skip = process.platform === "linux" ? false : "several HTTP threads need Linux";

describe("with two HTTP threads", { skip }, async () => {
  useHttpThreads(2);
  await import("./server.conformance-binary.test.js");
  await import("./server.conformance-faults.test.js");
  await import("./server.conformance-json.test.js");
  await import("./server.conformance-metadata.test.js");
  await import("./server.cache.test.js");
  await import("./server.large-replies.test.js");
  await import("./server.openapi.test.js");
  await import("./server.parity.test.js");
  await import("./server.predict-routes.test.js");
  await import("./server.rows-stay-with-callers.test.js");
});

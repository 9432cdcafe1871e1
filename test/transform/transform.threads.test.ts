// SPDX-License-Identifier: Apache-2.0
// The same over a server of two HTTP threads: each decodes files by what the loaded model says.
import { useHttpThreads } from "../server/real-server.js";

if (process.platform === "linux") {
  useHttpThreads(2);
  await import("./transform.http.test.js");
}

// SPDX-License-Identifier: Apache-2.0
// The HTTP ceiling: uWebSockets.js answers a constant and reads no model. POST bodies are received and ignored.
import uWS from "uWebSockets.js";

const port = Number(process.env.PORT);
uWS
  .App()
  .any("/*", (res) => {
    res.onAborted(() => {});
    res.onData((_chunk, last) => {
      if (last) res.end("hello");
    });
  })
  .listen("127.0.0.1", port, (socket) => {
    if (!socket) throw new Error(`cannot listen on port ${port}`);
  });

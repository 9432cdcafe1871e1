// SPDX-License-Identifier: Apache-2.0
// Peer: uWebSockets.js + onnxruntime-node, the smallest layer one can put in front of it.
import uWS from "uWebSockets.js";
import { inferBinary, inferJson, name, port, predict } from "./onnx_model.mjs";

const app = uWS.App();

/** Collects the body in one buffer of the announced size, then calls `handle` with it. */
function post(path, handle) {
  app.post(path, (res, req) => {
    let aborted = false;
    res.onAborted(() => {
      aborted = true;
    });
    const body = Buffer.allocUnsafe(Number(req.getHeader("content-length")));
    const jsonSize = Number(req.getHeader("inference-header-content-length"));
    let size = 0;
    res.onData(async (chunk, last) => {
      body.set(new Uint8Array(chunk), size);
      size += chunk.byteLength;
      if (!last) return;
      const send = await handle(body, jsonSize);
      if (!aborted) res.cork(() => send(res));
    });
  });
}

const sendJson = (value) => (res) => {
  res.writeHeader("content-type", "application/json").end(JSON.stringify(value));
};

app.get("/healthz", (res) => {
  res.end("ok");
});
post(`/predict/${name}`, async (body) => sendJson(await predict(JSON.parse(body.toString()))));
post(`/v2/models/${name}/infer`, async (body, jsonSize) => {
  if (jsonSize === 0) return sendJson(await inferJson(JSON.parse(body.toString())));
  const result = await inferBinary(body, jsonSize);
  return (res) => {
    res.writeHeader("content-type", "application/octet-stream");
    res.writeHeader("inference-header-content-length", String(result.jsonSize)).end(result.body);
  };
});
app.listen("127.0.0.1", port, (socket) => {
  if (!socket) throw new Error(`cannot listen on port ${port}`);
});

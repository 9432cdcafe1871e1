// SPDX-License-Identifier: Apache-2.0
// Peer: Fastify + onnxruntime-node, with compiled reply schemas and no logging.
import Fastify from "fastify";
import { inferBinary, inferJson, name, port, predict } from "./onnx_model.mjs";

const numbers = { type: "array", items: { type: "number" } };
const predictReply = {
  type: "object",
  properties: {
    model: { type: "string" },
    version: { type: "string" },
    predictions: { type: "array", items: numbers },
  },
};

const app = Fastify({ logger: false, bodyLimit: 64 << 20 });
app.addContentTypeParser("application/octet-stream", { parseAs: "buffer" }, (_request, body, done) => done(null, body));

app.get("/healthz", () => ({ ok: true }));
app.post(`/predict/${name}`, { schema: { response: { 200: predictReply } } }, (request) => predict(request.body));
app.post(`/v2/models/${name}/infer`, async (request, reply) => {
  const jsonSize = request.headers["inference-header-content-length"];
  if (jsonSize === undefined) return inferJson(request.body);
  const result = await inferBinary(request.body, Number(jsonSize));
  reply.header("content-type", "application/octet-stream");
  reply.header("inference-header-content-length", result.jsonSize);
  return reply.send(result.body);
});
await app.listen({ port, host: "127.0.0.1" });

// SPDX-License-Identifier: Apache-2.0
// Models change while the files of a request are decoded: whoever its path means by then answers it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, beforeEach, mock, test } from "node:test";
import { MediaReader } from "../../src/runtime/media-body.js";
import { LiveServer } from "../server/live-server.js";
import { until } from "../server/raw-http.js";
import { SocketClient } from "../server/socket-client.js";
import { identity } from "./models.js";
import { noise, png } from "./pictures.js";

let live: LiveServer;
let client: SocketClient;
let file: Buffer;
const model = readFileSync(identity("fp32", ["batch", 2, 2, 3]));

before(async () => {
  file = await png(noise(1, 2, 2));
  live = await LiveServer.start({});
  live.configure("m", "preprocess: {x: {image: {}}}\nversions: {latest: 1}\n");
});
beforeEach(async () => {
  live.replace("m/1/model.onnx", model);
  assert.equal((await live.load("m")).status, 200);
  client = await SocketClient.open(live.server.url, "/predict/m");
});
after(() => live?.close());

/** Sends messages and lets `change` happen after they were received and before anything is decoded. */
async function changedWhileDecoding(messages: readonly (Buffer | string)[], change: () => Promise<unknown>) {
  const decode = MediaReader.prototype.decode;
  let received = 0;
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  const waiting = mock.method(MediaReader.prototype, "decode", async function (this: MediaReader, files: never) {
    received++;
    await gate;
    return decode.call(this, files);
  });
  try {
    for (const message of messages) client.socket.send(message);
    await until(() => received === messages.length);
    await change();
  } finally {
    open();
    waiting.mock.restore();
  }
  const answers = [];
  for (const _ of messages) answers.push(await client.json());
  client.socket.terminate();
  return answers;
}

const asJson = () => JSON.stringify({ id: "j", instances: [{ x: { b64: file.toString("base64") } }] });

test("a model that is unloaded answers no message on a WebSocket: 404, with its id", async () => {
  const answers = await changedWhileDecoding([file, asJson()], () => live.unload("m"));
  assert.deepEqual(answers.map(({ id, status }) => [id, status]).sort(), [
    [undefined, 404],
    ["j", 404],
  ]);
  for (const { error } of answers) assert.match(error, /has no available versions/);
});

test("a model that is replaced answers messages on a WebSocket by its successor", async () => {
  const answers = await changedWhileDecoding([file, asJson(), file], async () => {
    live.replace("m/2/model.onnx", model);
    assert.equal((await live.load("m")).status, 200);
  });
  assert.deepEqual(
    answers.map(({ error, version, predictions }) => [error, version, predictions?.flat(3)]),
    Array(3).fill([undefined, "2", Array.from(noise(1, 2, 2).data)]),
  );
});

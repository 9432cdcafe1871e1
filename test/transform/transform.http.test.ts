// SPDX-License-Identifier: Apache-2.0
// Pictures and named values over every wire: raw bodies, JSON, forms, WebSocket, TensorFlow Serving's and TorchServe's routes.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { Model } from "../../src/index.js";
import { createServer, loadRepository, type OrtServer } from "../../src/server/index.js";
import { serverDefaults } from "../server/real-server.js";
import { SocketClient } from "../server/socket-client.js";
import { bytesNetwork, identity, imageAndRow } from "./models.js";
import { image, noise, type Pixels, png } from "./pictures.js";

const root = mkdtempSync(join(tmpdir(), "ortserve-http-media-"));
let server: OrtServer;
const picture = noise(1, 4, 4);
let file: Buffer;
const rowOf = ({ data }: Pixels) =>
  Array.from({ length: 16 }, (_, at) => Array.from(data.subarray(at * 3, at * 3 + 3)));
const nested = (pixels: Pixels) => [0, 1, 2, 3].map((y) => rowOf(pixels).slice(y * 4, y * 4 + 4));

function addModel(name: string, path: string, config: string): void {
  mkdirSync(join(root, name, "1"), { recursive: true });
  symlinkSync(path, join(root, name, "1", "model.onnx"));
  writeFileSync(join(root, name, "config.yaml"), config);
}

before(async () => {
  addModel("picture", identity("fp32", ["batch", 4, 4, 3]), "preprocess: {x: {image: {max_pixels: 1000000}}}\n");
  addModel(
    "mixed",
    imageAndRow(),
    "preprocess: {image: {image: {}}, row: {columns: [a, {name: b, one_hot: [x, y]}]}}\n",
  );
  addModel(
    "bytes",
    bytesNetwork(),
    "preprocess: {image: {image: {}}}\nlabels: [a, b, c, d]\npostprocess: {scores: {top_k: 2, labels: true, name: classes}}\n",
  );
  addModel("people", identity("fp32", ["batch", 2]), "preprocess: {x: {columns: [age, {name: income, default: 7}]}}\n");
  file = await png(picture);
  server = createServer({ models: await loadRepository(root, { strict: true }), ...serverDefaults() });
  await server.listen();
});
after(async () => {
  await server?.close();
  rmSync(root, { recursive: true, force: true });
});

interface Answer {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: answers of many shapes, looked at by assertions
  body: any;
}

async function post(
  path: string,
  body: RequestInit["body"],
  type?: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const all = { ...headers, ...(type !== undefined && { "Content-Type": type }) };
  const response = await fetch(server.url + path, { method: "POST", body: body as string, headers: all });
  return { status: response.status, body: await response.json() };
}

const json = (path: string, value: unknown) => post(path, JSON.stringify(value), "application/json");

async function refused(answer: Promise<Answer>, status: number, message: RegExp | string): Promise<void> {
  const { status: got, body } = await answer;
  assert.equal(got, status, JSON.stringify(body));
  if (typeof message === "string") assert.equal(body.error, message);
  else assert.match(body.error, message);
}

describe("what is no picture is refused", () => {
  it("as a body", () =>
    refused(
      post("/predict/picture", "not a picture", "image/png"),
      400,
      /expected an image .* for input 'x', got 13 bytes that begin with 6e 6f 74/,
    ));
  it("cut short", () =>
    refused(
      post("/predict/picture", file.subarray(0, 50)),
      400,
      /cannot decode the PNG image of 50 bytes for input 'x'/,
    ));
  it("too large", async () =>
    refused(post("/predict/picture", await png(noise(2, 1100, 1000))), 400, /at most 1000000 pixels for input 'x'/));
  it("as a number in JSON", () =>
    refused(json("/predict/picture", { instances: [{ x: 0 }] }), 400, /expected an image .*for input 'x'.* got 0/));
  it("as a number beside a picture", () =>
    refused(
      json("/predict/picture", { instances: [{ x: file.toString("base64") }, { x: 7 }] }),
      400,
      /expected an image .*for input 'x' in row 1/,
    ));
  it("as a number that could mean another row's picture", async () => {
    const b64 = file.toString("base64");
    const first = /expected an image .*for input 'x' at .*, got 0$/;
    const second = /expected an image .*for input 'x' in row 1 at .*, got 0$/;
    await refused(json("/predict/picture", { instances: [{ x: { b64 } }, { x: 0 }] }), 400, second);
    await refused(json("/predict/picture", { instances: [{ x: 0 }, { x: { b64 } }] }), 400, first);
    await refused(json("/predict/picture", { instances: [b64, 0] }), 400, second);
    await refused(json("/predict/picture", { inputs: { x: [b64, 0] } }), 400, second);
    await refused(json("/predict/picture", { inputs: [0, { b64 }] }), 400, first);
    await refused(json("/v1/models/picture:predict", { instances: [{ b64 }, 0] }), 400, second);
  });
  it("as text that is not base64", () =>
    refused(
      json("/predict/picture", { instances: [{ x: { b64: "%%%" } }] }),
      400,
      `expected base64 text or a data URL for input 'x', got "%%%"`,
    ));
  it("twice in one object", () => {
    const b64 = JSON.stringify(file.toString("base64"));
    const body = `{"instances":[{"x":{"b64":${b64},"b64":${b64}}}]}`;
    return refused(post("/predict/picture", body, "application/json"), 400, "duplicate key 'b64' in the request JSON");
  });
  it("as a form without a file", async () => {
    const form = new FormData();
    form.set("a", "1");
    await refused(post("/predict/mixed", form), 400, "expected a file in the form, got 'a'");
  });
  it("without a name where there are several inputs", () =>
    refused(
      post("/predict/mixed", file, "image/png"),
      400,
      /several inputs: expected JSON or a form that names 'image'/,
    ));
  it("compressed and broken", () =>
    refused(post("/predict/picture", file, "image/png", { "Content-Encoding": "gzip" }), 400, /cannot be inflated/));
  it("as JSON that is none, by the parser", () =>
    refused(
      post("/predict/picture", `{"instances": [{"x": "${file.toString("base64")}"`, "application/json"),
      400,
      /.+/,
    ));
  it("in rows of both forms", () =>
    refused(
      json("/predict/picture", { instances: [{ x: nested(picture) }, { x: file.toString("base64") }] }),
      400,
      /expected an image .*for input 'x'.* got an array/,
    ));
});

describe("a picture is predicted", () => {
  const expected = () => ({ predictions: [nested(picture)], model: "picture", version: "1" });
  const check = async (answer: Promise<Answer>) => assert.deepEqual(await answer, { status: 200, body: expected() });

  it("as the body", () => check(post("/predict/picture", file, "image/png")));
  it("whatever the type says", () => check(post("/predict/picture", file, "application/x-www-form-urlencoded")));
  it("as octets", () => check(post("/predict/picture/v1", file, "application/octet-stream")));
  it("as base64 by name", () =>
    check(json("/predict/picture", { instances: [{ x: { b64: file.toString("base64") } }] })));
  it("as base64 without a name", () =>
    check(json("/predict/picture", { instances: [{ b64: file.toString("base64") }] })));
  it("as text", () => check(json("/predict/picture", { instances: [file.toString("base64")] })));
  it("as a data URL in a bare object", () =>
    check(json("/predict/picture", { x: `data:image/png;base64,${file.toString("base64")}` })));
  it("as a column", () => check(json("/predict/picture", { inputs: { x: [file.toString("base64")] } })));
  it("as a form, under any name", async () => {
    const form = new FormData();
    form.set("upload", new Blob([new Uint8Array(file)]), "a.png");
    await check(post("/predict/picture", form));
  });
  it("as compressed JSON", () =>
    check(
      post("/predict/picture", gzipSync(JSON.stringify({ instances: [file.toString("base64")] })), "application/json", {
        "Content-Encoding": "gzip",
      }),
    ));
  it("as the tensor all the same", () => check(json("/predict/picture", { instances: [nested(picture)] })));
  it("over TorchServe's route", () => check(post("/predictions/picture", file, "image/png")));
  it("over TensorFlow Serving's route", async () => {
    const { body } = await json("/v1/models/picture:predict", { instances: [{ b64: file.toString("base64") }] });
    assert.deepEqual(body, { predictions: [nested(picture)] });
  });
  it("with its id, and the options beside it", async () => {
    const { body } = await json("/predict/bytes", {
      id: "q1",
      outputs: ["classes"],
      image: (await png(noise(3, 8, 8))).toString("base64"),
    });
    assert.equal(body.id, "q1");
    assert.equal(body.predictions[0].length, 2);
  });
  it("among others, each in its row", async () => {
    const pictures = Array.from({ length: 6 }, (_, i) => noise(10 + i, 4, 4));
    const instances = await Promise.all(pictures.map(async (one) => ({ x: (await png(one)).toString("base64") })));
    const { body } = await json("/predict/picture", { instances });
    assert.deepEqual(body.predictions, pictures.map(nested));
    const form = new FormData();
    for (const one of pictures) form.append("x", new Blob([new Uint8Array(await png(one))]), "p.png");
    assert.deepEqual((await post("/predict/picture", form)).body.predictions, pictures.map(nested));
  });
  it("that is large, on a worker", async () => {
    const wide = noise(20, 400, 300);
    const model = await Model.load(identity("uint8", ["batch", "h", "w", 3]), { preprocess: { x: { image: {} } } });
    const { y } = await model.predict({ x: await image(wide).png().toBuffer() });
    assert.deepEqual(y?.shape, [1, 300, 400, 3]);
    assert.deepEqual(Buffer.compare(y?.data as Uint8Array, wide.data), 0);
    await model.close();
  });
});

describe("columns of named values", () => {
  it("are refused when they are no lists of one length, by row and column", async () => {
    await refused(
      json("/predict/people", { inputs: { age: 1, income: [2] } }),
      400,
      /a list of values for feature 'age', one per row/,
    );
    await refused(
      json("/predict/people", { inputs: { age: [1, 2], income: [2] } }),
      400,
      /as many values for feature 'income' as for 'age', 2, got 1/,
    );
    await refused(
      json("/predict/people", { inputs: { age: [1, "x"] } }),
      400,
      /for feature 'age' in row 1, got the string "x"/,
    );
    await refused(json("/predict/people", { inputs: { income: [2] } }), 400, /missing feature 'age'/);
  });

  it("are rows, with defaults for columns that are left out", async () => {
    const { body } = await json("/predict/people", { inputs: { income: [1, 2, 3], age: [4, 5, 6] } });
    assert.deepEqual(body.predictions, [
      [4, 1],
      [5, 2],
      [6, 3],
    ]);
    const { body: some } = await json("/predict/people", { inputs: { age: [4, 5] } });
    assert.deepEqual(some.predictions, [
      [4, 7],
      [5, 7],
    ]);
    const { body: whole } = await json("/predict/people", { inputs: { x: [[1, 2]] } });
    assert.deepEqual(whole.predictions, [[1, 2]]);
    const { body: tensorFlow } = await json("/v1/models/people:predict", { inputs: { age: [4, 5], income: [1, 2] } });
    assert.deepEqual(tensorFlow, {
      outputs: [
        [4, 1],
        [5, 2],
      ],
    });
  });

  it("stand beside pictures, one per row", async () => {
    const pictures = [noise(21, 2, 2), noise(22, 2, 2)];
    const files = await Promise.all(pictures.map(async (one) => (await png(one)).toString("base64")));
    const { body } = await json("/predict/mixed", { inputs: { a: [1, 2], b: ["x", "y"], image: files } });
    assert.deepEqual(
      body.predictions.map((one: { row_out: number[] }) => one.row_out),
      [
        [1, 1, 0],
        [2, 0, 1],
      ],
    );
    assert.deepEqual(body.predictions[1].image_out.flat(2), Array.from(pictures[1]?.data ?? []));
  });
});

describe("pictures beside named values", () => {
  const small = noise(4, 2, 2);
  it("in JSON, numbers untouched", async () => {
    const body = `{"instances":[{"a": 16777217, "b": "y", "image": "${(await png(small)).toString("base64")}"}]}`;
    const { body: answer } = await post("/predict/mixed", body);
    assert.deepEqual(answer.predictions[0].row_out, [16777216, 0, 1]);
    assert.deepEqual(answer.predictions[0].image_out.flat(2), Array.from(small.data));
  });
  it("in a form", async () => {
    const form = new FormData();
    form.set("a", "2.5");
    form.set("b", "x");
    form.set("image", new Blob([new Uint8Array(await png(small))], { type: "image/png" }), "small.png");
    const { body } = await post("/predict/mixed", form);
    assert.deepEqual(body.predictions[0].row_out, [2.5, 1, 0]);
  });
});

describe("over a WebSocket", () => {
  it("pictures, JSON and mistakes are answered, each with its id", async () => {
    const client = await SocketClient.open(server.url, "/predict/picture");
    client.socket.send(file);
    assert.deepEqual((await client.json()).predictions, [nested(picture)]);
    client.socket.send(JSON.stringify({ id: "a", instances: [{ x: file.toString("base64") }] }));
    assert.deepEqual(await client.json(), { id: "a", predictions: [nested(picture)], model: "picture", version: "1" });
    client.socket.send(JSON.stringify({ id: "b", instances: [nested(picture)] }));
    assert.equal((await client.json()).id, "b");
    client.socket.send(JSON.stringify({ instances: [{ x: file.subarray(0, 60).toString("base64") }], id: "c" }));
    const wrong = await client.json();
    assert.deepEqual([wrong.id, wrong.status], ["c", 400]);
    assert.match(wrong.error, /cannot decode the PNG/);
    client.socket.close();
  });
});

describe("rows of named values", () => {
  it("over HTTP and WebSocket", async () => {
    const rows = { instances: [{ age: 3, income: 4 }, { age: 5 }] };
    assert.deepEqual((await json("/predict/people", rows)).body.predictions, [
      [3, 4],
      [5, 7],
    ]);
    assert.deepEqual((await json("/predict/people", { age: 1 })).body.predictions, [[1, 7]]);
    assert.deepEqual((await json("/predict/people", { instances: [[1, 2]] })).body.predictions, [[1, 2]]);
    assert.deepEqual((await json("/v1/models/people:predict", rows)).body, {
      predictions: [
        [3, 4],
        [5, 7],
      ],
    });
    const client = await SocketClient.open(server.url, "/predict/people");
    client.socket.send(JSON.stringify(rows));
    assert.deepEqual((await client.json()).predictions, [
      [3, 4],
      [5, 7],
    ]);
    client.socket.close();
  });
  it("that are wrong are refused by name", async () => {
    await refused(
      json("/predict/people", { income: 3 }),
      400,
      "missing feature 'age' of input 'x', which has no default",
    );
    await refused(post("/predict/people", `{"age": NaN}`), 400, "expected a finite number for feature 'age', got NaN");
    await refused(post("/predict/people", `{"age": 1x}`), 400, /expected .*, got 1x/);
  });
});

it("what becomes of outputs is seen by the Open Inference Protocol too", async () => {
  const metadata = (await (await fetch(`${server.url}/v2/models/bytes`)).json()) as {
    outputs: { name: string; datatype: string }[];
  };
  assert.deepEqual(
    metadata.outputs.map(({ name, datatype }) => [name, datatype]),
    [
      ["classes", "BYTES"],
      ["classes_scores", "FP32"],
    ],
  );
  const pixels = noise(5, 8, 8).data;
  const header = JSON.stringify({
    inputs: [
      { name: "image", datatype: "UINT8", shape: [1, 8, 8, 3], parameters: { binary_data_size: pixels.length } },
    ],
  });
  const body = Buffer.concat([Buffer.from(header), pixels]);
  const answer = await post("/v2/models/bytes/infer", body, "application/octet-stream", {
    "Inference-Header-Content-Length": String(header.length),
  });
  const [classes, scores] = answer.body.outputs;
  const { body: other } = await post("/predict/bytes", await png(noise(5, 8, 8)));
  assert.deepEqual(other.predictions, [{ classes: classes.data, classes_scores: scores.data }]);
});

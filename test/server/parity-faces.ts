// SPDX-License-Identifier: Apache-2.0
// The ways to ask a model for a prediction, each as a function from tensors to tensors.
import { type Datatype, type InputValue, Model, type Tensor } from "../../src/index.js";
import type { OrtServer } from "../../src/server/index.js";
import { modelPath } from "../models/make.mjs";
import { binaryBody, type Json, readAnswer, splitBlobs } from "./open-inference-body.js";
import { nestedText, parseExact, payloadFromTexts, textsOf } from "./parity-json.js";
import { arrayOf, bytesPayload, type Numeric, type Payload, payloadOf, stringsOf } from "./parity-values.js";
import { SocketClient } from "./socket-client.js";

export type Payloads = Record<string, Payload>;
/** Datatypes of the outputs, which the replies of /predict do not say. */
export type OutputTypes = Record<string, Datatype>;

export interface Face {
  name: string;
  /** How the elements travel. JSON has one NaN only, and the Open Inference Protocol keeps FP16 and BF16 out of it. */
  carries: "bits" | "json" | "protocolJson";
  /** Rejects with what the server answered. The shape is empty where the answer has none. */
  infer(model: string, inputs: Payloads, outputs: OutputTypes): Promise<Payloads>;
}

function protocolText(inputs: Payloads): string {
  const tensors = Object.entries(inputs).map(([name, payload]) => {
    const { shape, datatype } = payload;
    return `${JSON.stringify({ name, shape, datatype }).slice(0, -1)},"data":[${textsOf(payload)}]}`;
  });
  return `{"id":"parity","inputs":[${tensors}]}`;
}

function protocolBinary(inputs: Payloads) {
  const tensors = Object.entries(inputs).map(([name, { shape, datatype, bytes }]) => {
    return { name, shape, datatype, parameters: { binary_data_size: bytes.length } };
  });
  const blobs = Object.values(inputs).map(({ bytes }) => bytes);
  return binaryBody({ id: "parity", inputs: tensors, parameters: { binary_data_output: true } }, ...blobs);
}

/** `blobs`: of the outputs that did not come as JSON. */
function protocolOutputs(json: Json, blobs: Record<string, Buffer>): Payloads {
  if (json.error !== undefined) throw new Error(json.error);
  const tensors = json.outputs.map(({ name, datatype, shape, data }: Json) => {
    const dims = shape.map(Number);
    const bytes = blobs[name];
    return [name, bytes ? { datatype, shape: dims, bytes } : payloadFromTexts(datatype, dims, data)];
  });
  return Object.fromEntries(tensors);
}

function predictText(inputs: Payloads): string {
  const tensors = Object.entries(inputs).map(([name, payload]) => {
    return `${JSON.stringify(name)}:${nestedText(textsOf(payload), payload.shape)}`;
  });
  return `{"inputs":{${tensors}}}`;
}

/** One item per row, or one item in all: the bare output, or an object where the model has several. */
function predictOutputs(json: Json, outputs: OutputTypes): Payloads {
  if (json.error !== undefined) throw new Error(json.error);
  const [only, ...others] = Object.keys(outputs);
  const named = others.length > 0;
  const payloads = Object.entries(outputs).map(([name, datatype]) => {
    const items = named ? json.predictions.map((item: Json) => item[name]) : json.predictions;
    return [name, payloadFromTexts(datatype, [], items.flat(Number.POSITIVE_INFINITY))];
  });
  if (only === undefined) throw new Error("expected the datatype of each output");
  return Object.fromEntries(payloads);
}

function inputValue(payload: Payload): InputValue {
  const { datatype, shape } = payload;
  return { shape, data: datatype === "BYTES" ? stringsOf(payload) : arrayOf(payload) };
}

function outputPayload({ datatype, shape, data }: Tensor): Payload {
  const payload = datatype === "BYTES" ? bytesPayload(data as string[]) : payloadOf(datatype, data as Uint8Array);
  return { ...payload, datatype: datatype as Numeric, shape: [...shape] };
}

function openedOnce<T>(known: Map<string, Promise<T>>, key: string, open: () => Promise<T>): Promise<T> {
  const opened = known.get(key) ?? open();
  known.set(key, opened);
  return opened;
}

/** Every face of one server, and embedding. `close` ends the sockets and the embedded models, not the server. */
export function openFaces(serverOf: () => OrtServer): { faces: Face[]; close(): Promise<void> } {
  const sockets = new Map<string, Promise<SocketClient>>();
  const models = new Map<string, Promise<Model>>();

  const post = async (path: string, body: string | Buffer, headers: Record<string, string> = {}) =>
    readAnswer(await fetch(`${serverOf().url}${path}`, { method: "POST", body, headers }), parseExact);

  async function exchange(path: string, message: string | Buffer) {
    const client = await openedOnce(sockets, path, () => SocketClient.open(serverOf().url, path));
    client.socket.send(message);
    return client.frame();
  }

  const faces: Face[] = [
    {
      name: "HTTP JSON",
      carries: "protocolJson",
      async infer(model, inputs) {
        const { json, blobs } = await post(`/v2/models/${model}/infer`, protocolText(inputs));
        return protocolOutputs(json, blobs);
      },
    },
    {
      name: "HTTP /predict",
      carries: "json",
      async infer(model, inputs, outputs) {
        return predictOutputs((await post(`/predict/${model}`, predictText(inputs))).json, outputs);
      },
    },
    {
      name: "HTTP binary",
      carries: "bits",
      async infer(model, inputs) {
        const { body, headers } = protocolBinary(inputs);
        const { json, blobs } = await post(`/v2/models/${model}/infer`, body, headers);
        return protocolOutputs(json, blobs);
      },
    },
    {
      name: "WebSocket text",
      carries: "protocolJson",
      async infer(model, inputs) {
        const { data, isBinary } = await exchange(`/v2/models/${model}/infer`, protocolText(inputs));
        if (isBinary) throw new Error("expected a text message as the answer to one");
        return protocolOutputs(parseExact(data.toString()), {});
      },
    },
    {
      name: "WebSocket text on /predict",
      carries: "json",
      async infer(model, inputs, outputs) {
        const { data } = await exchange(`/predict/${model}`, predictText(inputs));
        return predictOutputs(parseExact(data.toString()), outputs);
      },
    },
    {
      name: "WebSocket binary",
      carries: "bits",
      async infer(model, inputs) {
        const { body, headers } = protocolBinary(inputs);
        const size = Buffer.alloc(4);
        size.writeUInt32LE(Number(headers["Inference-Header-Content-Length"]));
        const { data, isBinary } = await exchange(`/v2/models/${model}/infer`, Buffer.concat([size, body]));
        if (!isBinary) return protocolOutputs(parseExact(data.toString()), {}); // an error, or nothing but empty tensors
        const jsonEnd = 4 + data.readUInt32LE(0);
        const json = parseExact(data.subarray(4, jsonEnd).toString());
        return protocolOutputs(json, splitBlobs(json, data.subarray(jsonEnd)));
      },
    },
    {
      name: "embedding",
      carries: "bits",
      async infer(name, inputs) {
        const model = await openedOnce(models, name, () => Model.load(modelPath(name)));
        const values = Object.entries(inputs).map(([input, payload]) => [input, inputValue(payload)]);
        const outputs = await model.predict(Object.fromEntries(values));
        return Object.fromEntries(
          Object.entries(outputs).map(([output, value]) => [output, outputPayload(value as Tensor)]),
        );
      },
    },
  ];

  return {
    faces,
    async close() {
      for (const client of sockets.values()) (await client).socket.terminate();
      for (const model of models.values()) await (await model).close();
    },
  };
}

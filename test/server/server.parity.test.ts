// SPDX-License-Identifier: Apache-2.0
// Every reply equals onnxruntime-node's on the same input, bit by bit, for every element type on every way in and out.
// onnxruntime-node cannot load BF16 models, cuts strings at U+0000, and takes no bytes that are not text: there an identity
// model's answer is compared with what was sent. Requests go one at a time, so each is a batch of its own.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import fc from "fast-check";
import type { OrtServer } from "../../src/server/index.js";
import { modelPath } from "../models/make.mjs";
import { type ReferenceTensor, reference, tensor } from "../reference.js";
import { type Face, type OutputTypes, openFaces, type Payloads } from "./parity-faces.js";
import { withoutNanBits } from "./parity-json.js";
import {
  anyPayload,
  anyStrings,
  arrayOf,
  bytesPayload,
  kinds,
  type Numeric,
  numericDatatypes,
  type Payload,
  payloadOf,
  stringsOf,
} from "./parity-values.js";
import { layoutOf, startRealServer } from "./real-server.js";

const identities = [...numericDatatypes, "STRING"].map((datatype) => `ident_${datatype.toLowerCase()}`);
let server: OrtServer;
const { faces, close } = openFaces(() => server);

before(async () => {
  server = await startRealServer(layoutOf(...identities, "simple", "mlp_tiny", "two_inputs_mixed"));
});
after(async () => {
  await close();
  await server.close();
});

const modelOf = (datatype: Numeric) => `ident_${datatype.toLowerCase()}`;
const isShortFloat = (datatype: Numeric) => datatype === "FP16" || datatype === "BF16";

function feedOf(payload: Payload): ReferenceTensor {
  const { datatype, shape } = payload;
  if (datatype === "BYTES") return tensor("string", shape, stringsOf(payload));
  const name = kinds[datatype].reference;
  if (!name) throw new Error(`onnxruntime-node has no ${datatype}`);
  return tensor(name, shape, arrayOf(payload));
}

function payloadFrom({ type, dims, data }: ReferenceTensor): Payload {
  const shape = [...dims];
  if (type === "string") return { ...bytesPayload(data as string[]), shape };
  const datatype = numericDatatypes.find((each) => kinds[each].reference === type);
  if (!datatype) throw new Error(`the reference gave a tensor of type ${type}`);
  return { ...payloadOf(datatype, data as Uint8Array), shape };
}

async function expectedOf(model: string, inputs: Payloads): Promise<Payloads> {
  const feeds = Object.entries(inputs).map(([name, payload]) => [name, feedOf(payload)]);
  const outputs = await reference(modelPath(model), Object.fromEntries(feeds));
  return Object.fromEntries(Object.entries(outputs).map(([name, output]) => [name, payloadFrom(output)]));
}

function mapPayloads(payloads: Payloads, change: (payload: Payload) => Payload): Payloads {
  return Object.fromEntries(Object.entries(payloads).map(([name, payload]) => [name, change(payload)]));
}

/** `expected`: by default what onnxruntime-node makes of the inputs. */
async function check(face: Face, model: string, payloads: Payloads, expected?: Payloads): Promise<void> {
  const asCarried = face.carries === "bits" ? (payload: Payload) => payload : withoutNanBits;
  const inputs = mapPayloads(payloads, asCarried);
  const wanted = mapPayloads(expected ?? (await expectedOf(model, inputs)), asCarried);
  const types = Object.entries(wanted).map(([name, { datatype }]) => [name, datatype]);
  const got = await face.infer(model, inputs, Object.fromEntries(types) as OutputTypes);
  const withShapes = mapPayloads(got, (payload) => payload);
  for (const [name, payload] of Object.entries(withShapes)) {
    if (face.carries === "json") payload.shape = wanted[name]?.shape ?? []; // /predict says it by nesting alone
  }
  assert.deepEqual(withShapes, wanted);
}

for (const face of faces) {
  for (const datatype of numericDatatypes) {
    const model = modelOf(datatype);
    const edges = payloadOf(datatype, kinds[datatype].edges);
    if (face.carries === "protocolJson" && isShortFloat(datatype)) {
      test(`${face.name}: ${datatype} is refused`, async () => {
        const refused = new RegExp(`${datatype} data via JSON is not supported`);
        await assert.rejects(face.infer(model, { INPUT0: edges }, {}), { message: refused });
      });
      continue;
    }
    test(`${face.name}: ${datatype}`, async () => {
      await fc.assert(
        fc.asyncProperty(anyPayload(datatype), async (payload) => {
          const sent = face.carries === "bits" ? payload : withoutNanBits(payload);
          await check(face, model, { INPUT0: payload }, datatype === "BF16" ? { OUTPUT0: sent } : undefined);
        }),
        { numRuns: 15, examples: [[edges]] },
      );
    });
  }

  test(`${face.name}: BYTES`, async () => {
    const examples: [Payload][] = [[bytesPayload(["", "naïve", "模型", "🦀", "", '"\\\b\f\n\r\t/\u007f'])]];
    const property = fc.asyncProperty(anyStrings(false), (payload) => check(face, "ident_string", { INPUT0: payload }));
    await fc.assert(property, { numRuns: 15, examples });
  });

  test(`${face.name}: BYTES with U+0000`, async () => {
    const examples: [Payload][] = [[bytesPayload(["\0", "a\0b", "\0\0\0", "模\0型"])]];
    const property = fc.asyncProperty(anyStrings(true), (payload) =>
      check(face, "ident_string", { INPUT0: payload }, { OUTPUT0: payload }),
    );
    await fc.assert(property, { numRuns: 15, examples });
  });

  test(`${face.name}: INT32 sums and differences, 1 to 8 rows`, async () => {
    const rows = fc.array(fc.array(fc.integer(), { minLength: 32, maxLength: 32 }), { minLength: 1, maxLength: 8 });
    const half = (values: number[][], from: number): Payload => {
      const numbers = values.flatMap((row) => row.slice(from, from + 16));
      return { ...payloadOf("INT32", Int32Array.from(numbers)), shape: [values.length, 16] };
    };
    await fc.assert(
      fc.asyncProperty(rows, (values) => check(face, "simple", { INPUT0: half(values, 0), INPUT1: half(values, 16) })),
      { numRuns: 15 },
    );
  });

  test(`${face.name}: a network's floats, one row`, async () => {
    const row = fc.float32Array({ minLength: 4, maxLength: 4, noNaN: true });
    await fc.assert(
      fc.asyncProperty(row, (x) => check(face, "mlp_tiny", { x: { ...payloadOf("FP32", x), shape: [1, 4] } })),
      { numRuns: 40 },
    );
  });

  test(`${face.name}: numbers and strings in one request`, async () => {
    const rows = fc.array(fc.tuple(anyPayload("FP32"), fc.string({ unit: "grapheme" })), {
      minLength: 1,
      maxLength: 5,
    });
    await fc.assert(
      fc.asyncProperty(rows, (pairs) => {
        const triples = pairs.map(([{ bytes }]) => Buffer.concat([bytes, Buffer.alloc(12)], 12));
        const numbers = { ...payloadOf("FP32", Buffer.concat(triples)), shape: [pairs.length, 3] };
        const text = bytesPayload(pairs.map(([, each]) => each.replaceAll("\0", "0")));
        return check(face, "two_inputs_mixed", { numbers, text: { ...text, shape: [pairs.length, 1] } });
      }),
      { numRuns: 15 },
    );
  });
}

for (const face of faces.filter(({ name }) => /binary/.test(name))) {
  test(`${face.name}: BYTES that are no text`, async () => {
    const bytes = fc.array(fc.uint8Array({ maxLength: 20 }), { minLength: 1, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(bytes, (elements) => {
        const payload = bytesPayload(elements);
        return check(face, "ident_string", { INPUT0: payload }, { OUTPUT0: payload });
      }),
      { numRuns: 15, examples: [[[Uint8Array.of(0xff, 0, 0xc3), Uint8Array.of(0xed, 0xa0, 0x80)]]] },
    );
  });
}

for (const datatype of ["FP16", "BF16"] as const) {
  test(`${datatype} in JSON, and asked for as JSON, is 400 in the protocol`, async () => {
    const url = `${server.url}/v2/models/${modelOf(datatype)}/infer`;
    const input = { name: "INPUT0", shape: [1], datatype };
    const head = JSON.stringify({ inputs: [{ ...input, parameters: { binary_data_size: 2 } }] });
    const headers = { "Inference-Header-Content-Length": String(head.length) };
    for (const [direction, body, more] of [
      ["receiving", JSON.stringify({ inputs: [{ ...input, data: [1] }] }), {}],
      ["sending", `${head}\0\0`, headers],
    ] as const) {
      const response = await fetch(url, { method: "POST", body, headers: more });
      assert.equal(response.status, 400);
      const { error } = (await response.json()) as { error: string };
      assert.match(error, new RegExp(`${direction} ${datatype} data via JSON is not supported`));
    }
  });
}

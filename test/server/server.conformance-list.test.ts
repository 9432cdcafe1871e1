// SPDX-License-Identifier: Apache-2.0
// The 68 conformance cases of the Open Inference Protocol and its neighbours, and the tests that check them. What is
// checked here is that no case has lost its test.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

/** Case -> file `server.FILE.test.ts`, then what the sources of its tests say, names first. */
const cases: Record<number, [file: string, ...words: string[]]> = {
  1: ["conformance-metadata", "names the server and what it can do"],
  2: ["conformance-metadata", "live and ready say so in JSON"],
  3: ["conformance-metadata", "a batched model has a leading -1, versions are strings"],
  4: ["conformance-metadata", "dims are those of the graph, nothing is added"],
  5: ["conformance-routes", "an unknown model is not found by", '["POST", "/infer"]'],
  6: ["conformance-routes", "is not found by", '["9", "abc"]'],
  7: ["conformance-routes", "is answered 405 with the verbs there are"],
  8: ["conformance-routes", "is answered 404", '"/v2/nothing"'],
  9: ["conformance-json", "flat data gives flat data, with the id"],
  10: ["conformance-json", "nested data gives the same"],
  11: ["conformance-json", "no id comes back for"],
  12: ["conformance-routes", "does not matter", "application/x-www-form-urlencoded"],
  13: ["conformance-json", "an inference header that covers all of the body changes nothing"],
  14: ["conformance-binary", "blobs in give blobs out, in the order of the outputs"],
  15: ["conformance-binary", "JSON and blobs may be mixed among inputs and outputs"],
  16: ["conformance-binary", "a chunked body with a lower-case header is the same request"],
  17: ["conformance-json", "chosen outputs come back in the order asked for"],
  18: ["conformance-binary", "JSON and blobs may be mixed among inputs and outputs"],
  19: ["conformance-binary", "binary_data_output holds for outputs that are not listed"],
  20: ["conformance-binary", "binary_data_output holds for outputs that are not listed"],
  21: ["conformance-faults", '"unknown output"', '"duplicate output"'],
  22: ["conformance-routes", "is refused, the server stays up", '["abc", "-1", "99999999999"'],
  23: ["conformance-faults", "absent before blobs"],
  24: ["conformance-faults", "are refused, and the connection lives on", "more than there is", "less than there is"],
  25: ["conformance-faults", "a blob of 60 bytes where 64 belong names both"],
  26: ["conformance-faults", '"too few elements"', '"too many elements"'],
  27: ["conformance-faults", '"a wrong dim"', '"a missing dim"', '"9 rows where 8 are allowed"'],
  28: ["conformance-faults", '"batches that differ"'],
  29: ["conformance-faults", '"a missing input"', '"an unknown input"', '"a duplicate input"'],
  30: ["conformance-faults", '"another datatype"', '"an unknown datatype"'],
  31: ["conformance-faults", '"both data and a blob"', '"neither data nor a blob"'],
  32: ["conformance-faults", '"not JSON"', '"an empty body"', '"an array"', '"no inputs"'],
  33: ["conformance-faults", '"a negative dim"', '"a dim that is text"'],
  34: ["conformance-faults", "a shape beyond 64 bits is refused before anything is allocated"],
  35: ["conformance-faults", "JSON nested 120 deep is refused, 50 deep is flattened"],
  36: ["conformance-json", "comes back digit by digit", '["NaN", "Infinity", "-Infinity"]'],
  37: ["conformance-json", "comes back digit by digit", "18446744073709551615", "9007199254740993"],
  38: ["conformance-faults", '["INT8", "[300]"]', '["UINT8", "[-1]"]', '["INT32", "[1.5]"]'],
  39: ["conformance-faults", '["BOOL", "[1,0]"]'],
  40: ["conformance-faults", '["FP16", "[1]"]', "a half-precision output is refused as JSON"],
  41: ["conformance-binary", "comes back bit by bit", "Uint16Array.of(0x3fc0)"],
  42: ["conformance-binary", "strings come as a blob and as JSON"],
  43: ["conformance-binary", "empty, zero and multibyte strings come back as a blob"],
  44: ["conformance-faults", '"a prefix longer than the rest"', '"fewer elements than the shape"'],
  45: ["conformance-binary", "an empty tensor has no blob and no inference header"],
  46: ["conformance-binary", "comes back bit by bit, wherever the JSON ends"],
  47: ["conformance-binary", "a raw body is the only input, and its shape follows from its size"],
  48: ["conformance-faults", "0 for a model of two inputs"],
  49: ["conformance-compression", "is the same request, its inference header counts inflated bytes"],
  50: ["conformance-compression", "is refused, and the reply names those that are not", '"br"'],
  51: ["conformance-compression", '["gzip;q=0.1, deflate", "deflate"]', "body[0], 0x78"],
  52: ["conformance-compression", "metadata, statistics and errors are never compressed"],
  53: [
    "conformance-compression",
    "a body that inflates beyond the limit is refused while it inflates, in bounded memory",
  ],
  54: ["conformance-extensions", "sequences, priorities, timeouts and parameters of one's own are accepted"],
  55: ["conformance-extensions", "{ triton_x: 1 }", "{ a: [1] }"],
  56: ["conformance-extensions", "classification gives the best values with their index, and with labels"],
  57: ["model-configuration", "dims leave out the batch, which max_batch_size bounds"],
  58: ["conformance-metadata", "statistics count requests and rows, in nanoseconds, with every key that clients read"],
  59: [
    "conformance-repository",
    "an index request without a body and without a Content-Length is answered",
    "an index request whose 'ready'",
  ],
  60: ["conformance-repository", "unload takes a model out of service, load brings it back"],
  61: ["conformance-repository", "is refused, and the old model still serves", "loading what is not there is an error"],
  62: ["conformance-repository", "a config in the request holds until the next plain load"],
  63: ["conformance-routes", "64 requests on 16 connections each get their own answer"],
  64: ["conformance-routes", "a client that was idle for 10 s with its connection kept alive gets its next answer"],
  65: ["conformance-routes", "a client that leaves within its body, or before its answer, costs nobody anything"],
  66: ["conformance-routes", "in their order find every field that it reads"],
  67: ["tfserving", "rows are answered with predictions, columns with outputs"],
  68: ["torchserve", "ping is Healthy until the server goes", "ModelNotFoundException"],
};

const sources = new Map<string, string>();

function sourceOf(name: string): string {
  const path = fileURLToPath(new URL(`server.${name}.test.ts`, import.meta.url));
  const source = sources.get(name) ?? readFileSync(path, "utf8");
  sources.set(name, source);
  return source;
}

test("there are 68 cases", () => {
  assert.deepEqual(
    Object.keys(cases).map(Number),
    Array.from({ length: 68 }, (_, index) => index + 1),
  );
});

for (const [number, [file, ...words]] of Object.entries(cases)) {
  test(`case ${number} has its test in ${file}`, () => {
    for (const word of words) assert.ok(sourceOf(file).includes(word), word);
  });
}

// SPDX-License-Identifier: Apache-2.0
// A small vocabulary for writing ONNX graphs in JavaScript. The same calls always give the same bytes.
import onnxProto from "onnx-proto";

const { onnx } = onnxProto;
const { DataType } = onnx.TensorProto;
const { AttributeType } = onnx.AttributeProto;

/** ONNX element types under the names this project uses for them. */
export const elementTypes = {
  bool: DataType.BOOL,
  uint8: DataType.UINT8,
  uint16: DataType.UINT16,
  uint32: DataType.UINT32,
  uint64: DataType.UINT64,
  int8: DataType.INT8,
  int16: DataType.INT16,
  int32: DataType.INT32,
  int64: DataType.INT64,
  fp16: DataType.FLOAT16,
  bf16: DataType.BFLOAT16,
  fp32: DataType.FLOAT,
  fp64: DataType.DOUBLE,
  string: DataType.STRING,
};

/** A dim is a number, or a string: the symbolic name of a dynamic one. */
const dimension = (dim) => (typeof dim === "string" ? { dimParam: dim } : { dimValue: dim });
const tensorType = (type, dims) => ({
  tensorType: { elemType: elementTypes[type], shape: { dim: dims.map(dimension) } },
});

/** Declares a tensor input or output. */
export const value = (name, type, dims) => ({ name, type: tensorType(type, dims) });

/** Declares an output that is a sequence of tensors. */
export const tensorSequence = (name, type, dims) => ({
  name,
  type: { sequenceType: { elemType: tensorType(type, dims) } },
});

/** Declares an output that is a sequence of maps from `keyType` to FP32 scalars, as ZipMap makes it. */
export const mapSequence = (name, keyType) => ({
  name,
  type: {
    sequenceType: { elemType: { mapType: { keyType: elementTypes[keyType], valueType: tensorType("fp32", []) } } },
  },
});

const floats = (values) => new Uint8Array(new Float32Array(values).buffer);
const longs = (values) => new Uint8Array(BigInt64Array.from(values, BigInt).buffer);

/** FP32 initializer. */
export const fp32 = (name, dims, values) => ({ name, dims, dataType: DataType.FLOAT, rawData: floats(values) });
/** INT64 initializer; `dims` [] makes a scalar. */
export const int64 = (name, dims, values) => ({ name, dims, dataType: DataType.INT64, rawData: longs(values) });
/** BOOL initializer, scalar. */
export const boolScalar = (name, flag) => ({
  name,
  dims: [],
  dataType: DataType.BOOL,
  rawData: Uint8Array.of(flag ? 1 : 0),
});

/** FP32 initializer whose data is the whole of the file `location`, beside the model. */
export const externalFp32 = (name, dims, location, length) => ({
  name,
  dims,
  dataType: DataType.FLOAT,
  dataLocation: onnx.TensorProto.DataLocation.EXTERNAL,
  externalData: [
    { key: "location", value: location },
    { key: "offset", value: "0" },
    { key: "length", value: String(length) },
  ],
});

function attribute(name, content) {
  if (typeof content === "number") return { name, type: AttributeType.INT, i: content };
  if (Array.isArray(content) && typeof content[0] === "string")
    return { name, type: AttributeType.STRINGS, strings: content.map((text) => new TextEncoder().encode(text)) };
  if (Array.isArray(content)) return { name, type: AttributeType.INTS, ints: content };
  if (content.node) return { name, type: AttributeType.GRAPH, g: content };
  return { name, type: AttributeType.TENSOR, t: content };
}

/** A node. Attributes: a number (int), an array (ints or strings), a graph, or an initializer (tensor). */
export const node = (opType, input, output, attributes = {}, domain = "") => ({
  name: output[0],
  opType,
  domain,
  input,
  output,
  attribute: Object.entries(attributes).map(([name, content]) => attribute(name, content)),
});

/** Bytes of a model of ONNX IR version 8, opset 17, and version 3 of the ai.onnx.ml operators. */
export function model(graph) {
  const message = onnx.ModelProto.fromObject({
    irVersion: 8,
    producerName: "ortserve test/models",
    opsetImport: [
      { domain: "", version: 17 },
      { domain: "ai.onnx.ml", version: 3 },
    ],
    graph,
  });
  return onnx.ModelProto.encode(message).finish();
}

/** `count` reproducible numbers, evenly spread over [-limit, limit). */
export function seeded(seed, count, limit) {
  let state = seed >>> 0;
  return Float32Array.from({ length: count }, () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 31 - 1) * limit;
  });
}

// SPDX-License-Identifier: Apache-2.0
// The messages of ONNX (onnx.proto3), as plain objects. A field that was not set is absent; a repeated one is an array, always there.
import type { Int } from "./wire.js";

export interface StringEntry {
  key?: string;
  value?: string;
}

export interface OperatorSet {
  domain?: string;
  version?: number;
}

export interface Dimension {
  dimValue?: number;
  dimParam?: string;
  denotation?: string;
}

export interface TensorShape {
  dim: Dimension[];
}

export interface TensorType {
  elemType?: number;
  shape?: TensorShape;
}

export interface ValueType {
  tensorType?: TensorType;
  sequenceType?: { elemType?: ValueType };
  mapType?: { keyType?: number; valueType?: ValueType };
  denotation?: string;
  optionalType?: { elemType?: ValueType };
}

export interface ValueInfo {
  name?: string;
  type?: ValueType;
  docString?: string;
  metadataProps: StringEntry[];
}

export interface TensorProto {
  dims: number[];
  dataType?: number;
  floatData: number[];
  int32Data: number[];
  stringData: Uint8Array[];
  int64Data: Int[];
  name?: string;
  rawData?: Uint8Array;
  doubleData: number[];
  uint64Data: Int[];
  docString?: string;
  externalData: StringEntry[];
  dataLocation?: number;
  metadataProps: StringEntry[];
}

export interface AttributeProto {
  name?: string;
  f?: number;
  i?: Int;
  s?: Uint8Array;
  t?: TensorProto;
  g?: GraphProto;
  floats: number[];
  ints: Int[];
  strings: Uint8Array[];
  tensors: TensorProto[];
  graphs: GraphProto[];
  docString?: string;
  typeProto?: ValueType;
  type?: number;
  refAttrName?: string;
}

export interface NodeProto {
  input: string[];
  output: string[];
  name?: string;
  opType?: string;
  attribute: AttributeProto[];
  docString?: string;
  domain?: string;
  overload?: string;
  metadataProps: StringEntry[];
}

export interface GraphProto {
  node: NodeProto[];
  name?: string;
  initializer: TensorProto[];
  docString?: string;
  input: ValueInfo[];
  output: ValueInfo[];
  valueInfo: ValueInfo[];
  metadataProps: StringEntry[];
}

export interface FunctionProto {
  name?: string;
  node: NodeProto[];
}

export interface ModelProto {
  irVersion?: number;
  producerName?: string;
  producerVersion?: string;
  domain?: string;
  modelVersion?: Int;
  docString?: string;
  graph?: GraphProto;
  opsetImport: OperatorSet[];
  metadataProps: StringEntry[];
  functions: FunctionProto[];
}

/** TensorProto.DataType. */
export const ElementType = {
  float: 1,
  uint8: 2,
  int8: 3,
  uint16: 4,
  int16: 5,
  int32: 6,
  int64: 7,
  string: 8,
  bool: 9,
  float16: 10,
  double: 11,
  uint32: 12,
  uint64: 13,
  bfloat16: 16,
} as const;
export type ElementType = (typeof ElementType)[keyof typeof ElementType];

/** AttributeProto.AttributeType. */
export const AttributeType = {
  float: 1,
  int: 2,
  string: 3,
  tensor: 4,
  graph: 5,
  floats: 6,
  ints: 7,
  strings: 8,
  tensors: 9,
  graphs: 10,
} as const;

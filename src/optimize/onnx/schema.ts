// SPDX-License-Identifier: Apache-2.0
// Field numbers and kinds of the ONNX messages. Fields that are not listed travel along as the bytes they are.

export type ScalarKind = "int" | "float" | "double" | "string" | "bytes";

export interface Field {
  readonly name: string;
  readonly kind: ScalarKind | MessageName;
  readonly repeated: boolean;
  /** One length-delimited block for all values, as onnx.proto asks for in tensor data alone. */
  readonly packed: boolean;
}

export type MessageName =
  | "Model"
  | "Graph"
  | "Node"
  | "Attribute"
  | "Tensor"
  | "ValueInfo"
  | "Type"
  | "TensorType"
  | "SequenceType"
  | "MapType"
  | "Shape"
  | "Dimension"
  | "OperatorSet"
  | "StringEntry"
  | "Function";

export type Schema = ReadonlyMap<number, Field>;

/** "Node[]": repeated; "float[]=": repeated and packed. */
function fields(table: Record<number, string>): Schema {
  const entries = Object.entries(table).map(([number, text]) => {
    const [name = "", type = ""] = text.split(" ");
    const kind = type.replace(/[[\]=]/g, "") as Field["kind"];
    return [Number(number), { name, kind, repeated: type.includes("[]"), packed: type.endsWith("=") }] as const;
  });
  return new Map(entries);
}

const metadata = "metadataProps StringEntry[]";

export const schemas: Readonly<Record<MessageName, Schema>> = {
  Model: fields({
    1: "irVersion int",
    2: "producerName string",
    3: "producerVersion string",
    4: "domain string",
    5: "modelVersion int",
    6: "docString string",
    7: "graph Graph",
    8: "opsetImport OperatorSet[]",
    14: metadata,
    25: "functions Function[]",
  }),
  Graph: fields({
    1: "node Node[]",
    2: "name string",
    5: "initializer Tensor[]",
    10: "docString string",
    11: "input ValueInfo[]",
    12: "output ValueInfo[]",
    13: "valueInfo ValueInfo[]",
    16: metadata,
  }),
  Node: fields({
    1: "input string[]",
    2: "output string[]",
    3: "name string",
    4: "opType string",
    5: "attribute Attribute[]",
    6: "docString string",
    7: "domain string",
    8: "overload string",
    9: metadata,
  }),
  Attribute: fields({
    1: "name string",
    2: "f float",
    3: "i int",
    4: "s bytes",
    5: "t Tensor",
    6: "g Graph",
    7: "floats float[]",
    8: "ints int[]",
    9: "strings bytes[]",
    10: "tensors Tensor[]",
    11: "graphs Graph[]",
    13: "docString string",
    14: "typeProto Type",
    20: "type int",
    21: "refAttrName string",
  }),
  Tensor: fields({
    1: "dims int[]",
    2: "dataType int",
    4: "floatData float[]=",
    5: "int32Data int[]=",
    6: "stringData bytes[]",
    7: "int64Data int[]=",
    8: "name string",
    9: "rawData bytes",
    10: "doubleData double[]=",
    11: "uint64Data int[]=",
    12: "docString string",
    13: "externalData StringEntry[]",
    14: "dataLocation int",
    16: metadata,
  }),
  ValueInfo: fields({ 1: "name string", 2: "type Type", 3: "docString string", 4: metadata }),
  Type: fields({
    1: "tensorType TensorType",
    4: "sequenceType SequenceType",
    5: "mapType MapType",
    6: "denotation string",
    9: "optionalType SequenceType",
  }),
  TensorType: fields({ 1: "elemType int", 2: "shape Shape" }),
  SequenceType: fields({ 1: "elemType Type" }),
  MapType: fields({ 1: "keyType int", 2: "valueType Type" }),
  Shape: fields({ 1: "dim Dimension[]" }),
  Dimension: fields({ 1: "dimValue int", 2: "dimParam string", 3: "denotation string" }),
  OperatorSet: fields({ 1: "domain string", 2: "version int" }),
  StringEntry: fields({ 1: "key string", 2: "value string" }),
  Function: fields({ 1: "name string", 7: "node Node[]" }),
};

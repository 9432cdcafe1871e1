// SPDX-License-Identifier: Apache-2.0
// UINT8 graph outputs: what an integer kernel gives goes out as it is, in a quarter of the bytes.
import { OrtserveError } from "../../errors.js";
import { Graph } from "../onnx/graph.js";
import { ElementType, type ModelProto, type NodeProto } from "../onnx/messages.js";
import { withEntries } from "../onnx/metadata.js";
import type { OnnxModel } from "../onnx/model-file.js";
import type { QuantParams } from "./arithmetic.js";
import { copyGraph } from "./write-pairs.js";

export interface IntegerOutput {
  readonly name: string;
  /** real = scale x (integer - zero point), bit for bit what the float output was. */
  readonly params: QuantParams;
}

/**
 * Takes the last conversion off every output that ends with one. Scale and zero point go into the model's metadata as
 * `output.NAME.scale` and `output.NAME.zero_point`. Throws ERR_UNSUPPORTED when there is no such output.
 */
export function integerOutputs(
  quantized: OnnxModel,
  params: ReadonlyMap<string, QuantParams>,
): { model: OnnxModel; outputs: readonly IntegerOutput[] } {
  const model = copyGraph(quantized);
  const graph = new Graph(model);
  const outputs: IntegerOutput[] = [];
  for (const { name = "" } of graph.proto.output) {
    const dequantize = graph.producer(name);
    const quantize = graph.producer(dequantize?.input[0]);
    const found = params.get(name);
    if (dequantize?.opType !== "DequantizeLinear" || quantize?.opType !== "QuantizeLinear") continue;
    if (found?.type.name !== "uint8") continue;
    replaceOutput(graph, name, quantize, dequantize);
    describe(model.proto, { name, params: found });
    outputs.push({ name, params: found });
  }
  if (outputs.length > 0) return { model, outputs };
  throw new OrtserveError("ERR_UNSUPPORTED", "--output-u8: no output of the model ends with a convolution in INT8");
}

/** Whoever reads the output inside the graph goes on reading the float that it was. */
function replaceOutput(graph: Graph, name: string, quantize: NodeProto, dequantize: NodeProto): void {
  const [quantized = ""] = quantize.output;
  const float = graph.freshName(`${name}_dequantized`);
  graph.redirect(name, float);
  dequantize.output = [float];
  graph.redirect(quantized, name);
  quantize.output = [name];
  if (graph.consumers(float).length === 0) graph.removeNodes(new Set([dequantize]));
  graph.proto.output = graph.proto.output.map((value) => {
    if (value.name !== name) return value;
    const shape = value.type?.tensorType?.shape;
    return { ...value, type: { tensorType: { elemType: ElementType.uint8, ...(shape && { shape }) } } };
  });
  graph.reindex();
}

function describe(proto: ModelProto, { name, params }: IntegerOutput): void {
  const { scale, zeroPoint } = params;
  const facts = { [`output.${name}.scale`]: scale, [`output.${name}.zero_point`]: zeroPoint };
  proto.metadataProps = withEntries(proto, facts);
}

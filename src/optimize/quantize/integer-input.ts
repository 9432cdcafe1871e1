// SPDX-License-Identifier: Apache-2.0
// UINT8 graph inputs: the caller sends a quarter of the bytes, and the first conversion of the graph is gone.
import { OrtserveError } from "../../errors.js";
import { type PredictInputs, prepareInputs } from "../../runtime/inputs.js";
import type { ModelMetadata } from "../../runtime/model.js";
import { datatypes, Tensor } from "../../runtime/tensor.js";
import type { Feed } from "../judge/quality.js";
import { Graph } from "../onnx/graph.js";
import { ElementType, type ModelProto, type NodeProto, type ValueInfo } from "../onnx/messages.js";
import type { OnnxModel } from "../onnx/model-file.js";
import { makeNode } from "../onnx/node.js";
import { type QuantParams, quantizeAll } from "./arithmetic.js";
import { copyGraph } from "./write-pairs.js";

/** "nhwc": images of a channels-first model come channels last, as decoders give them. */
export type InputLayout = "same" | "nhwc";

export interface IntegerInput {
  readonly name: string;
  readonly params: QuantParams;
  readonly layout: InputLayout;
}

export interface IntegerInputs {
  readonly model: OnnxModel;
  readonly inputs: readonly IntegerInput[];
  /** Turns the original's inputs into those of the new model. */
  readonly feed: Feed;
}

/**
 * Takes the conversion off every FP32 input that integer nodes read; `original` has the metadata of the model before. Scale, zero
 * point and layout go into the model's metadata as `input.NAME.scale` and so on. Throws ERR_UNSUPPORTED when there is no such input.
 */
export function integerInputs(
  quantized: OnnxModel,
  original: ModelMetadata,
  params: ReadonlyMap<string, QuantParams>,
  layout: InputLayout,
): IntegerInputs {
  const model = copyGraph(quantized);
  const graph = new Graph(model);
  const inputs: IntegerInput[] = [];
  for (const value of graph.inputs) {
    const name = value.name ?? "";
    const quantize = graph.consumers(name).find(({ opType }) => opType === "QuantizeLinear");
    const found = params.get(name);
    if (quantize === undefined || found?.type.name !== "uint8") continue;
    const isImage = value.type?.tensorType?.shape?.dim.length === 4;
    const input = { name, params: found, layout: isImage ? layout : "same" } as const;
    replaceInput(graph, value, quantize, input.layout);
    describe(model.proto, input);
    inputs.push(input);
  }
  if (inputs.length === 0)
    throw new OrtserveError("ERR_UNSUPPORTED", "--input-u8: no input of the model is read by an integer layer");
  graph.sort();
  graph.dropUnused();
  return { model, inputs, feed: (given) => feedIntegers(original, given, inputs) };
}

function replaceInput(graph: Graph, value: ValueInfo, quantize: NodeProto, layout: InputLayout): void {
  const name = value.name ?? "";
  const [quantized = ""] = quantize.output;
  const dequantize = graph.consumers(quantized).find(({ opType }) => opType === "DequantizeLinear");
  // Who read the float input, for its shape for example, reads what is equal to it now.
  const floatReaders = new Set(graph.nodes.filter((node) => node === quantize));
  graph.redirect(name, dequantize?.output[0] ?? "", floatReaders);
  graph.removeNodes(new Set([quantize]));
  const shape = value.type?.tensorType?.shape;
  const dims = shape?.dim ?? [];
  const source = layout === "nhwc" ? graph.freshName(`${name}_nchw`) : name;
  graph.redirect(quantized, source);
  if (layout === "nhwc") graph.proto.node.push(makeNode("Transpose", [name], [source], { perm: [0, 3, 1, 2] }));
  const turned = layout === "nhwc" ? [0, 2, 3, 1].flatMap((i) => dims[i] ?? []) : dims;
  const type = { tensorType: { elemType: ElementType.uint8, ...(shape && { shape: { dim: turned } }) } };
  graph.proto.input = graph.proto.input.map((one) => (one.name === name ? { ...one, type } : one));
  graph.reindex();
}

function describe(proto: ModelProto, { name, params, layout }: IntegerInput): void {
  const facts = { scale: params.scale, zero_point: params.zeroPoint, ...(layout === "nhwc" && { layout: "nhwc" }) };
  const entries = Object.entries(facts).map(([key, value]) => ({ key: `input.${name}.${key}`, value: String(value) }));
  proto.metadataProps = [...proto.metadataProps, ...entries];
}

function feedIntegers(metadata: ModelMetadata, given: PredictInputs, inputs: readonly IntegerInput[]): PredictInputs {
  const prepared = prepareInputs(metadata, given);
  const entries = metadata.inputs.flatMap((spec, i) => {
    const native = prepared[i];
    if (native === undefined) return [];
    const datatype = datatypes[native.dtype] ?? "FP32";
    const tensor = new Tensor(datatype, native.data as never, native.dims);
    const integer = inputs.find(({ name }) => name === spec.name);
    return [[spec.name, integer ? integerTensor(tensor, integer) : tensor]] as const;
  });
  return Object.fromEntries(entries);
}

function integerTensor({ data, shape }: Tensor, { params, layout }: IntegerInput): Tensor {
  const values = quantizeAll(data as Float32Array, params) as Uint8Array;
  if (layout === "same") return new Tensor("UINT8", values, shape);
  const [rows = 1, channels = 1, height = 1, width = 1] = shape;
  const pixels = height * width;
  const turned = new Uint8Array(values.length);
  for (let row = 0; row < rows; row++)
    for (let channel = 0; channel < channels; channel++)
      for (let pixel = 0; pixel < pixels; pixel++)
        turned[(row * pixels + pixel) * channels + channel] = values[
          (row * channels + channel) * pixels + pixel
        ] as number;
  return new Tensor("UINT8", turned, [rows, height, width, channels]);
}

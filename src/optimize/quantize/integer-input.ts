// SPDX-License-Identifier: Apache-2.0
// UINT8 graph inputs: the caller sends a quarter of the bytes, and the first conversion of the graph is gone.
import { OrtserveError } from "../../errors.js";
import { type PredictInputs, prepareInputs } from "../../runtime/inputs.js";
import type { ModelMetadata } from "../../runtime/model.js";
import { datatypes, Tensor } from "../../runtime/tensor.js";
import { type PixelArithmetic, pixelsOf } from "../data/pixels.js";
import type { Feed } from "../judge/quality.js";
import { Graph } from "../onnx/graph.js";
import { ElementType, type ModelProto, type NodeProto, type ValueInfo } from "../onnx/messages.js";
import { withEntries } from "../onnx/metadata.js";
import type { OnnxModel } from "../onnx/model-file.js";
import { makeNode } from "../onnx/node.js";
import { type QuantParams, quantizeAll, uint8 } from "./arithmetic.js";
import { arithmeticNodes, pixelParams } from "./pixel-input.js";
import { copyGraph } from "./write-pairs.js";

/** "nhwc": images of a channels-first model come channels last, as decoders give them. */
export type InputLayout = "same" | "nhwc";

export interface IntegerInput {
  readonly name: string;
  /** Of the integers; scale 1 and zero point 0 with `arithmetic`. */
  readonly params: QuantParams;
  readonly layout: InputLayout;
  /** What the graph does first to the pixels that come. */
  readonly arithmetic?: PixelArithmetic;
}

export interface IntegerInputs {
  readonly model: OnnxModel;
  readonly inputs: readonly IntegerInput[];
  /** Turns the original's inputs into those of the new model. */
  readonly feed: Feed;
}

export interface IntegerInputOptions {
  /** Of the model before. */
  readonly original: ModelMetadata;
  readonly params: ReadonlyMap<string, QuantParams>;
  readonly layout: InputLayout;
  /** Of inputs that are made of pixels. */
  readonly pixels: ReadonlyMap<string, PixelArithmetic>;
}

/**
 * Makes UINT8 of every FP32 input that integer nodes read, by taking its conversion off, and of every one that is made of pixels:
 * those come as they are, and the graph computes first what `preprocess` did, where the integers are not the pixels anyway. What
 * the integers stand for goes into the model's metadata: `input.NAME.scale` and `zero_point`, or `mul` and `add`, and `layout`.
 * Throws ERR_UNSUPPORTED when there is no such input.
 */
export function integerInputs(
  quantized: OnnxModel,
  { original, params, layout, pixels }: IntegerInputOptions,
): IntegerInputs {
  const model = copyGraph(quantized);
  const graph = new Graph(model);
  const inputs: IntegerInput[] = [];
  for (const value of graph.inputs) {
    const name = value.name ?? "";
    const quantize = graph.consumers(name).find(({ opType }) => opType === "QuantizeLinear");
    const [found, arithmetic] = [params.get(name), pixels.get(name)];
    const isImage = value.type?.tensorType?.shape?.dim.length === 4 && arithmetic?.axis !== -1;
    const how = { name, layout: isImage ? layout : "same" } as const;
    if (arithmetic && !(quantize && pixelParams(arithmetic)))
      inputs.push({ ...how, params: { type: uint8, scale: 1, zeroPoint: 0 }, arithmetic });
    else if (quantize && found?.type.name === "uint8") inputs.push({ ...how, params: found });
    else continue;
    const input = inputs.at(-1) as IntegerInput;
    replaceInput(graph, value, quantize, input);
    describe(model.proto, input);
  }
  if (inputs.length === 0)
    throw new OrtserveError("ERR_UNSUPPORTED", "--input-u8: no input of the model is read by an integer layer");
  graph.sort();
  graph.dropUnused();
  return { model, inputs, feed: (given) => feedIntegers(original, given, inputs) };
}

/** Whoever read the float input, for its shape for example, reads what is equal to it now. */
function replaceInput(graph: Graph, value: ValueInfo, quantize: NodeProto | undefined, input: IntegerInput): void {
  const { name, layout, arithmetic } = input;
  const [quantized = ""] = quantize?.output ?? [];
  const dequantize = graph.consumers(quantized).find(({ opType }) => opType === "DequantizeLinear");
  const pixels = asPixels(value, layout);
  const computed =
    arithmetic && arithmeticNodes(graph, pixels, layout === "nhwc" ? { ...arithmetic, axis: -1 } : arithmetic);
  const added = [...(computed?.nodes ?? [])];
  const planes = (from: string) => {
    if (layout !== "nhwc") return from;
    const to = graph.freshName(`${from}_nchw`);
    added.push(makeNode("Transpose", [from], [to], { perm: [0, 3, 1, 2] }));
    return to;
  };
  const readers = new Set(quantize ? [quantize] : []);
  graph.redirect(name, dequantize?.output[0] ?? planes(computed?.result ?? ""), readers);
  // Elements are reordered behind the rounding: integers are a quarter of the bytes, and the reordering may fall away.
  if (quantize && computed) {
    const rounded = graph.freshName(`${name}_rounded`);
    graph.redirect(quantized, planes(rounded));
    graph.redirect(name, computed.result);
    quantize.output = [rounded];
  } else if (quantize) {
    graph.removeNodes(readers);
    graph.redirect(quantized, planes(name));
  }
  graph.proto.node.push(...added);
  graph.proto.input = graph.proto.input.map((one) => (one.name === name ? pixels : one));
  graph.reindex();
}

function asPixels(value: ValueInfo, layout: InputLayout): ValueInfo {
  const shape = value.type?.tensorType?.shape;
  const dims = shape?.dim ?? [];
  const turned = layout === "nhwc" ? [0, 2, 3, 1].flatMap((i) => dims[i] ?? []) : dims;
  return {
    ...value,
    type: { tensorType: { elemType: ElementType.uint8, ...(shape && { shape: { dim: turned } }) } },
  };
}

function describe(proto: ModelProto, { name, params, layout, arithmetic }: IntegerInput): void {
  const facts = {
    ...(arithmetic
      ? { mul: arithmetic.mul.join(), add: arithmetic.add.join() }
      : { scale: params.scale, zero_point: params.zeroPoint }),
    ...(layout === "nhwc" && { layout: "nhwc" }),
  };
  const entries = Object.entries(facts).map(([key, value]) => [`input.${name}.${key}`, value]);
  proto.metadataProps = withEntries(proto, Object.fromEntries(entries));
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

function integerTensor({ data, shape }: Tensor, { params, layout, arithmetic }: IntegerInput): Tensor {
  const floats = data as Float32Array;
  const values = arithmetic ? pixelsOf(floats, shape, arithmetic) : (quantizeAll(floats, params) as Uint8Array);
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

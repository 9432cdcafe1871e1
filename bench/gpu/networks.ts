// SPDX-License-Identifier: Apache-2.0
// The networks that GPUs are tested and timed with: known architectures in FP32, FP16, INT8, and FP32 with bytes as input.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { decodeModel, modelBytes } from "../../src/optimize/onnx/codec.js";
import { ElementType, type GraphProto } from "../../src/optimize/onnx/messages.js";
import { makeNode, makeValue } from "../../src/optimize/onnx/node.js";
import { quantizeModel } from "../../src/optimize/quantize/quantize.js";
import { bertLayers, mobileNetV2, resnet50 } from "../models/architectures.js";

export const precisions = ["fp32", "fp16", "int8", "u8"] as const;
export type Precision = (typeof precisions)[number];

export const architectures = ["resnet50", "mobilenetv2", "bert"] as const;
export type Architecture = (typeof architectures)[number];

export interface GpuNetwork {
  readonly name: string;
  readonly architecture: Architecture;
  readonly precision: Precision;
  readonly file: string;
  /** Of its only input `x`, without the batch dim. Its only output is `y`. */
  readonly rowShape: readonly number[];
  readonly datatype: "FP32" | "UINT8";
}

export interface NetworkOptions {
  /** Where files are kept from run to run. */
  readonly folder: string;
  /** Small images and few tokens: enough to prove that everything runs. */
  readonly dry: boolean;
  readonly architectures?: readonly Architecture[];
  readonly precisions?: readonly Precision[];
  readonly log?: (line: string) => void;
}

interface Size {
  readonly side: number;
  readonly tokens: number;
  readonly layers: number;
}

const fullSize: Size = { side: 224, tokens: 128, layers: 12 };
const drySize: Size = { side: 32, tokens: 8, layers: 1 };

const builders: Record<Architecture, (size: Size) => Uint8Array> = {
  resnet50: ({ side }) => resnet50({ side }),
  mobilenetv2: ({ side }) => mobileNetV2({ side }),
  bert: ({ layers, tokens }) => bertLayers(layers, tokens),
};

/** Writes what is not there yet. BERT has no variant with pixels. */
export async function prepareNetworks(options: NetworkOptions): Promise<GpuNetwork[]> {
  const size = options.dry ? drySize : fullSize;
  mkdirSync(options.folder, { recursive: true });
  const networks: GpuNetwork[] = [];
  for (const architecture of options.architectures ?? architectures) {
    const base = join(options.folder, `${architecture}-${options.dry ? "dry" : "full"}`);
    const source = `${base}-fp32.onnx`;
    if (!existsSync(source)) writeFileSync(source, builders[architecture](size));
    const rowShape = architecture === "bert" ? [size.tokens, 768] : [3, size.side, size.side];
    for (const precision of options.precisions ?? precisions) {
      if (precision === "u8" && architecture === "bert") continue;
      const file = `${base}-${precision}.onnx`;
      if (!existsSync(file)) await write(source, file, precision, options.log);
      const datatype = precision === "u8" ? "UINT8" : "FP32";
      networks.push({ name: `${architecture}-${precision}`, architecture, precision, file, rowShape, datatype });
    }
  }
  return networks;
}

/** Random samples: speed and parity with the CPU do not ask for a good calibration. */
async function write(model: string, output: string, precision: Precision, log?: (line: string) => void) {
  log?.(`writing ${output}`);
  if (precision === "u8") return writeFileSync(output, takingBytes(readFileSync(model)));
  await quantizeModel({
    model,
    output,
    calibration: "random",
    target: precision === "fp16" ? "cuda" : "tensorrt",
    ...(precision === "int8" && { mode: "static" as const }),
    maxSamples: 4,
    maxDrop: 1,
    minSqnr: -1000,
    minSpeedup: 0,
  });
}

/** The same network with a UINT8 input, which it scales to 0..1 itself: a quarter of the bytes go to the device. */
function takingBytes(bytes: Uint8Array): Uint8Array {
  const model = decodeModel(bytes);
  const graph = model.graph as GraphProto;
  const dims = graph.input[0]?.type?.tensorType?.shape?.dim.map(
    ({ dimParam, dimValue }) => dimParam ?? Number(dimValue),
  );
  for (const node of graph.node) node.input = node.input.map((name) => (name === "x" ? "x_scaled" : name));
  graph.input = [makeValue("x", ElementType.uint8, dims ?? [])];
  graph.node = [
    makeNode("Constant", [], ["x_scale"], { value_float: { float: 1 / 255 } }),
    makeNode("Cast", ["x"], ["x_float"], { to: ElementType.float }),
    makeNode("Mul", ["x_float", "x_scale"], ["x_scaled"]),
    ...graph.node,
  ];
  return modelBytes(model);
}

/** One row of made-up input for a network, the same each time. */
export function rowsOf({ rowShape, datatype }: GpuNetwork, rows: number): Float32Array | Uint8Array {
  const count = rows * rowShape.reduce((product, dim) => product * dim, 1);
  if (datatype === "UINT8") return Uint8Array.from({ length: count }, (_, i) => (i * 40503) >>> 8);
  return Float32Array.from({ length: count }, (_, i) => ((i * 40503) % 1000) / 1000);
}

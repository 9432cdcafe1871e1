// SPDX-License-Identifier: Apache-2.0
// Networks with seeded weights: sized to cost a known amount of work rather than to be right about anything.
import { fp32, model, node, seeded, value } from "./onnx.mjs";

export const mlpTinyLayers = [4, 16, 3];

/** Nodes and initializers of dense layers with ReLU between them and a softmax at the end, then `after`. */
export function mlp(input, output, sizes, after = []) {
  const nodes = [];
  const initializer = [];
  let from = input;
  for (let layer = 0; layer + 1 < sizes.length; ++layer) {
    const [rows, columns] = [sizes[layer], sizes[layer + 1]];
    const weights = seeded(100 + layer, rows * columns, Math.sqrt(6 / rows));
    initializer.push(fp32(`weights${layer}`, [rows, columns], weights));
    initializer.push(fp32(`bias${layer}`, [columns], seeded(200 + layer, columns, 0.1)));
    nodes.push(node("Gemm", [from, `weights${layer}`, `bias${layer}`], [`dense${layer}`]));
    const last = layer + 2 === sizes.length;
    if (!last) nodes.push(node("Relu", [`dense${layer}`], [`relu${layer}`]));
    from = last ? `dense${layer}` : `relu${layer}`;
  }
  nodes.push(node("Softmax", [from], [output], { axis: 1 }));
  return { initializer, node: [...nodes, ...after] };
}

const mlpMid = () =>
  model({
    name: "mlp_mid",
    input: [value("x", "fp32", ["batch", 784])],
    output: [value("y", "fp32", ["batch", 10])],
    ...mlp("x", "y", [784, 512, 512, 10]),
  });

/** One 3 x 3 convolution with ReLU. */
function convolution(at, from, [channelsIn, channelsOut, stride]) {
  const fanIn = channelsIn * 9;
  const weights = seeded(300 + at, channelsOut * fanIn, Math.sqrt(6 / fanIn));
  return {
    initializer: [fp32(`kernel${at}`, [channelsOut, channelsIn, 3, 3], weights)],
    node: [
      node("Conv", [from, `kernel${at}`], [`conv${at}`], { strides: [stride, stride], pads: [1, 1, 1, 1] }),
      node("Relu", [`conv${at}`], [`relu${at}`]),
    ],
  };
}

/** 1.2 GFLOP per image: 5 ms and more on one core. */
function imageConv() {
  const stages = [
    convolution(0, "image", [3, 64, 2]),
    convolution(1, "relu0", [64, 64, 1]),
    convolution(2, "relu1", [64, 64, 2]),
  ];
  return model({
    name: "image_conv",
    input: [value("image", "fp32", ["batch", 3, 224, 224])],
    output: [value("y", "fp32", ["batch", 10])],
    initializer: [
      ...stages.flatMap((stage) => stage.initializer),
      fp32("weights", [64, 10], seeded(400, 640, Math.sqrt(6 / 64))),
      fp32("bias", [10], seeded(401, 10, 0.1)),
    ],
    node: [
      ...stages.flatMap((stage) => stage.node),
      node("GlobalAveragePool", ["relu2"], ["pooled"]),
      node("Flatten", ["pooled"], ["flat"], { axis: 1 }),
      node("Gemm", ["flat", "weights", "bias"], ["logits"]),
      node("Softmax", ["logits"], ["y"], { axis: 1 }),
    ],
  });
}

/** Models made where they are used, since their files would weigh more than the rest together: name -> builder. */
export const generatedModels = { "mlp_mid.onnx": mlpMid, "image_conv.onnx": imageConv };

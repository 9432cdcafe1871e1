// SPDX-License-Identifier: Apache-2.0
// Which rule each operator follows. An operator that is not here keeps all the channels it reads.
import type { NodeProto } from "../onnx/messages.js";
import { isOp } from "../onnx/node.js";
import { conv, convTranspose, gemm, matMul, perChannel } from "./layer-rules.js";
import { sameChannels, spatial, tieOperands } from "./operand-rules.js";
import * as shapes from "./shape-rules.js";
import type { Tracer } from "./tracer.js";

type Rule = (node: NodeProto, t: Tracer) => void;

const unary = `Abs Acos Acosh Asin Asinh Atan Atanh Ceil Celu Cos Cosh Elu Erf Exp Floor Gelu HardSigmoid HardSwish Identity
 IsInf IsNaN LeakyRelu Log Mish Neg Not Reciprocal Relu Round Selu Shrink Sigmoid Sign Sin Sinh Softplus Softsign Sqrt Tan Tanh
 ThresholdedRelu Cast Clip Dropout`;
const pairwise = `Add Sub Mul Div Pow Min Max Sum Mean PRelu Where Equal Greater GreaterOrEqual Less LessOrEqual And Or Xor Mod`;
const pools = "MaxPool AveragePool LpPool GlobalAveragePool GlobalMaxPool GlobalLpPool";
const reductions = `ReduceMean ReduceSum ReduceMax ReduceMin ReduceProd ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp
 ReduceSumSquare`;

const rules = new Map<string, Rule>();
const use = (rule: Rule, ...names: string[]) => {
  for (const name of names.join(" ").split(/\s+/)) rules.set(name, rule);
};
use(sameChannels, unary);
use(tieOperands, pairwise);
use(spatial, pools);
use(shapes.reduce, reductions);
use(conv, "Conv");
use(convTranspose, "ConvTranspose");
use(gemm, "Gemm");
use(matMul, "MatMul");
use(perChannel(1, 2), "InstanceNormalization");
use(perChannel(1, 2, 3, 4), "BatchNormalization");
use(shapes.normalizes("axis"), "Softmax LogSoftmax Hardmax LpNormalization");
use(shapes.normalizes("axis onwards"), "LayerNormalization RMSNormalization");
use(shapes.concat, "Concat");
use(shapes.split, "Split");
use(shapes.slice, "Slice");
use(shapes.transpose, "Transpose");
use(shapes.reshape, "Reshape Flatten Squeeze Unsqueeze");
use(shapes.depthToSpace, "DepthToSpace");
use(shapes.spaceToDepth, "SpaceToDepth");
use(shapes.gather, "Gather");
use(shapes.shapeOf, "Shape");
use(shapes.pad, "Pad");
use(shapes.resize, "Resize");
use(shapes.expand, "Expand");

/** Follows the channels through one node, whose inputs were followed before. */
export function followNode(node: NodeProto, t: Tracer): void {
  const rule = isOp(node, node.opType ?? "") ? rules.get(node.opType ?? "") : undefined;
  if (rule) rule(node, t);
  else t.refuse(node);
}

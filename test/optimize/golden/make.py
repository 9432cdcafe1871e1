# SPDX-License-Identifier: Apache-2.0
"""Writes parity.json: what onnxruntime.quantization makes of three small models, and of single ranges and tensors.

    python -m venv .venv && .venv/bin/pip install onnxruntime onnx
    node --import tsx test/optimize/golden/models.ts FOLDER
    .venv/bin/python test/optimize/golden/make.py FOLDER [OUTPUT]

Needed again only when a newer release is to be compared with; the tests read the committed file, and `npm run test:interop` makes it anew
beside that.
"""

import json
import math
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, numpy_helper
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.quant_utils import compute_scale_zp, quantize_nparray

SAMPLES = 4


def numbers(seed: int, count: int) -> np.ndarray:
    """bench/models/graph.ts, reproducibleNumbers: mulberry32 in [-1, 1)."""
    state, result = seed, np.empty(count, np.float32)
    mask = 0xFFFFFFFF
    for i in range(count):
        state = (state + 0x6D2B79F5) & mask
        t = ((state ^ (state >> 15)) * (1 | state)) & mask
        t = ((t + ((t ^ (t >> 7)) * (61 | t) & mask)) & mask) ^ t
        result[i] = ((t ^ (t >> 14)) & mask) / 2**31 - 1
    return result


class Reader(CalibrationDataReader):
    def __init__(self, name: str, shape: list[int]):
        size = math.prod(shape)
        self.rows = iter([{name: numbers(100 + i, size).reshape(shape)} for i in range(SAMPLES)])

    def get_next(self):
        return next(self.rows, None)


def model_parity(path: Path) -> dict:
    model = onnx.load(path)
    value = model.graph.input[0]
    shape = [dim.dim_value or 1 for dim in value.type.tensor_type.shape.dim]
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "quantized.onnx"
        quantize_static(
            path,
            output,
            Reader(value.name, shape),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        graph = onnx.load(output).graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    activations, weights = {}, {}
    for node in graph.node:
        if node.op_type == "QuantizeLinear":
            scale, zero = (constants[name] for name in node.input[1:3])
            activations[node.input[0]] = {"scale": float(scale), "zeroPoint": int(zero)}
        elif node.op_type == "DequantizeLinear" and node.input[0] in constants:
            values = constants[node.input[0]]
            if values.dtype != np.int8:
                continue
            name = node.input[0].removesuffix("_quantized")
            scales = np.atleast_1d(constants[node.input[1]]).astype(float).tolist()
            weights[name] = {"scales": scales, "values": values.flatten().tolist()}
    # A Relu behind a quantized result is removed; its input then has its output's range.
    removed = {node.input[0]: node.output[0] for node in model.graph.node if node.op_type in ("Relu", "Clip")}
    return {"input": value.name, "shape": shape, "activations": activations, "weights": weights, "removed": removed}


def range_parity() -> list[dict]:
    cases, values = [], numbers(9, 120)
    pairs = [(float(a), float(b)) for a, b in zip(values[::2] * 9, values[1::2] * 9, strict=True)]
    pairs += [(0.0, 0.0), (0.0, 6.0), (-1e-39, 1e-39), (1e-30, 2e-30), (-3e38, 3e38 / 2), (2.0, 5.0), (-5.0, -2.0)]
    kinds = {"uint8": (0, 255), "int8": (-128, 127)}
    for low, high in ((min(pair), max(pair)) for pair in pairs):
        for kind, (qmin, qmax) in kinds.items():
            for symmetric in (False, True):
                bounds = (qmin, qmax)
                if symmetric:
                    bounds = (-127, 127) if kind == "int8" else (0, 254)
                low32, high32 = np.array(low, np.float32), np.array(high, np.float32)
                zero, scale = compute_scale_zp(low32, high32, *(np.array(b, np.int64) for b in bounds), symmetric)
                case = {"min": float(low32), "max": float(high32), "type": kind, "symmetric": symmetric}
                cases.append({**case, "scale": float(scale), "zeroPoint": int(zero)})
    return cases


def value_parity() -> list[dict]:
    cases = []
    for seed, (kind, code, qmin, qmax) in enumerate(
        (("uint8", TensorProto.UINT8, 0, 255), ("int8", TensorProto.INT8, -128, 127)) * 3
    ):
        scale, zero = np.float32(0.01 * (seed + 1)), np.array(seed * 7 if kind == "uint8" else seed - 3)
        data = np.concatenate([numbers(seed, 60) * 4, np.arange(-20, 20, dtype=np.float32) * scale / 2])
        result = quantize_nparray(code, data.astype(np.float32), scale, zero.astype(np.int8 if qmin else np.uint8))
        cases.append(
            {
                "type": kind,
                "scale": float(scale),
                "zeroPoint": int(zero),
                "values": data.astype(float).tolist(),
                "quantized": result.astype(int).tolist(),
            }
        )
    return cases


def main() -> None:
    folder = Path(sys.argv[1])
    models = {path.stem: model_parity(path) for path in sorted(folder.glob("*.onnx"))}
    result = {
        "onnxruntime": onnxruntime.__version__,
        "samples": SAMPLES,
        "ranges": range_parity(),
        "values": value_parity(),
        "models": models,
    }
    output = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).parent / "parity.json"
    output.write_text(json.dumps(result) + "\n")


main()

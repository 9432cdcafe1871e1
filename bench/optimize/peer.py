# SPDX-License-Identifier: Apache-2.0
"""onnxruntime.quantization on the bench's models: peer.py MODEL OUTPUT SAMPLES.npy static|static-u8|dynamic.

"static" is quantize_static as it comes; "static-u8" is what its documentation advises on x64, with its pre-processing.
Prints {"seconds": ..., "makingSeconds": ..., "peakBytes": ...} of the whole process.
"""

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_dynamic, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process


class Reader(CalibrationDataReader):
    def __init__(self, name: str, samples: np.ndarray):
        self.rows = ({name: row[None]} for row in samples)

    def get_next(self):
        return next(self.rows, None)


def main() -> None:
    model, output, samples, mode = sys.argv[1:]
    start = time.perf_counter()
    if mode == "dynamic":
        quantize_dynamic(model, output)
    else:
        name = onnx.load(model).graph.input[0].name
        with tempfile.TemporaryDirectory() as folder:
            source = model
            options = {}
            if mode == "static-u8":
                source = str(Path(folder) / "prepared.onnx")
                quant_pre_process(model, source, skip_symbolic_shape=True)
                options = {"activation_type": QuantType.QUInt8, "weight_type": QuantType.QInt8, "per_channel": True}
            quantize_static(source, output, Reader(name, np.load(samples, mmap_mode="r")), **options)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "makingSeconds": seconds, "peakBytes": peak}))


main()

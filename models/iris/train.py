# SPDX-License-Identifier: Apache-2.0
"""Fits the iris model with scikit-learn and writes 1/model.onnx, request.json and reply.json beside this file.

Needs Python 3.11 with models/requirements.txt installed. Takes seconds: python models/iris/train.py
"""

import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HERE = Path(__file__).parent
SAMPLE = {"sepal_length": 6.3, "sepal_width": 3.3, "petal_length": 6.0, "petal_width": 2.5}


def fit():
    """The pipeline fitted on all 150 flowers, and its accuracy by 10-fold cross-validation."""
    data = load_iris()
    features, species = data.data.astype(np.float32), data.target_names[data.target]
    pipeline = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    folds = StratifiedKFold(10, shuffle=True, random_state=7)
    accuracy = cross_val_score(pipeline, features, species, cv=folds).mean()
    return pipeline.fit(features, species), accuracy


def export(pipeline, accuracy):
    """As scikit-learn exports by default, with its ZipMap; only the outputs get shorter names."""
    versions = {"": 17, "ai.onnx.ml": 3}
    inputs = [("features", FloatTensorType([None, 4]))]
    model = to_onnx(pipeline, initial_types=inputs, target_opset=versions, name="iris")
    # The converter uses the short names inside the graph: those give way.
    names = {
        "label": "class_name",
        "probabilities": "scores",
        "output_label": "label",
        "output_probability": "probabilities",
    }
    for output in model.graph.output:
        output.name = names[output.name]
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    model.ir_version = 8
    model.opset_import.sort(key=lambda entry: entry.domain)  # the converter's order changes from run to run
    properties = {
        "accuracy": f"{accuracy:.4f} (10-fold cross-validation)",
        "data": "scikit-learn load_iris",
        "script": "models/iris/train.py",
    }
    onnx.helper.set_model_props(model, properties)
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString()


def write_sample(model):
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    (label,), (probabilities,) = session.run(None, {"features": np.array([list(SAMPLE.values())], np.float32)})
    scores = {name: float(str(np.float32(score))) for name, score in probabilities.items()}
    reply = {"model": "iris", "version": "1", "predictions": [{"label": label, "probabilities": scores}]}
    (HERE / "request.json").write_text(json.dumps(SAMPLE) + "\n")
    (HERE / "reply.json").write_text(json.dumps(reply, indent=2) + "\n")


def main():
    pipeline, accuracy = fit()
    print(f"cross-validated accuracy: {accuracy:.3f}")
    if accuracy < 0.93:
        raise SystemExit("expected at least 0.93: nothing written")
    model = export(pipeline, accuracy)
    (HERE / "1").mkdir(exist_ok=True)
    (HERE / "1" / "model.onnx").write_bytes(model)
    write_sample(model)


if __name__ == "__main__":
    main()

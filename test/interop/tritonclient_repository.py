# SPDX-License-Identifier: Apache-2.0
"""tritonclient.http: the model repository extension. Argument 2 is an ONNX file like that of `simple`."""

import sys

import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from checks import check, raises, run


def states(client):
    index = client.get_model_repository_index()
    return {entry["name"]: (entry.get("state"), entry.get("reason")) for entry in index}


@check
def errors(client):
    """loads that fail say why, in Triton's words"""
    unknown = raises(InferenceServerException, client.load_model, "nope")
    assert "failed to load 'nope', failed to poll from model repository" in unknown.message(), unknown
    broken = raises(InferenceServerException, client.load_model, "simple", config="{}", files={"file:1/model.onnx": b"x"})
    assert "load failed for model 'simple'" in broken.message(), broken
    raises(InferenceServerException, client.load_model, "simple", config="{bad")
    assert client.is_model_ready("simple")


@check
def index(client):
    """the index tells what is loaded"""
    assert states(client)["simple"][0] == "READY"
    assert "model_repository" in client.get_server_metadata()["extensions"]


@check
def unload_and_load(client):
    """a model goes and comes back"""
    client.unload_model("simple")
    assert not client.is_model_ready("simple")
    assert states(client)["simple"] == ("UNAVAILABLE", "unloaded")
    client.load_model("simple")
    assert client.is_model_ready("simple")
    client.unload_model("nope", unload_dependents=True)


@check
def override(client):
    """a load may bring a configuration and files"""
    client.load_model("simple", config='{"max_batch_size": 4}')
    assert client.get_model_config("simple")["max_batch_size"] == 4
    client.load_model("simple")
    assert client.get_model_config("simple")["max_batch_size"] == 8
    with open(sys.argv[2], "rb") as file:
        client.load_model("brought", config='{"backend": "onnxruntime"}', files={"file:1/model.onnx": file.read()})
    assert client.is_model_ready("brought", "1")
    client.unload_model("brought")


with triton.InferenceServerClient(sys.argv[1]) as server:
    run(server)

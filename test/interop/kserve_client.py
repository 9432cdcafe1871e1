# SPDX-License-Identifier: Apache-2.0
"""The KServe SDK's inference client, protocol versions 2 and 1."""

import asyncio
import sys

import numpy as np
from httpx import HTTPStatusError
from kserve import InferInput, InferenceRESTClient, InferRequest, RESTConfig

from checks import check, run_async

ROW = np.arange(16, dtype=np.int32).reshape(1, 16)


def request(model, **tensors):
    inputs = []
    for name, (values, datatype, binary) in tensors.items():
        made = InferInput(name, list(values.shape), datatype)
        made.set_data_from_numpy(values, binary_data=binary)
        inputs.append(made)
    return InferRequest(model_name=model, infer_inputs=inputs)


@check
async def errors(client, url):
    """errors carry the server's message"""
    try:
        await client.infer(url, request("nope", x=(ROW, "INT32", False)), model_name="nope")
    except HTTPStatusError as error:
        assert error.response.status_code == 404 and "'nope' is not found" in str(error), error
    else:
        raise AssertionError("expected an error")


@check
async def health(client, url):
    """live, ready, and which models are"""
    assert await client.is_server_live(url) is True
    assert await client.is_server_ready(url) is True
    assert await client.is_model_ready(url, "simple") is True
    assert await client.is_model_ready(url, "nope") is False


@check
async def infer(client, url):
    """binary and JSON tensors"""
    for binary in (False, True):
        tensors = {name: (ROW, "INT32", binary) for name in ("INPUT0", "INPUT1")}
        response = await client.infer(url, request("simple", **tensors), model_name="simple")
        assert response.model_name == "simple"
        np.testing.assert_array_equal(response.outputs[0].as_numpy(), 2 * ROW)
        np.testing.assert_array_equal(response.outputs[1].as_numpy(), 0 * ROW)


@check
async def text(client, url):
    """strings"""
    words = np.array([b"a", "grüße".encode()], dtype=object)
    for binary in (False, True):
        response = await client.infer(
            url, request("ident_string", INPUT0=(words, "BYTES", binary)), model_name="ident_string"
        )
        got = [w if isinstance(w, bytes) else w.encode() for w in response.outputs[0].as_numpy()]
        assert got == list(words), got


async def main():
    client = InferenceRESTClient(RESTConfig(protocol="v2", retries=0))
    try:
        await run_async(client, sys.argv[1])
    finally:
        await client.close()


asyncio.run(main())

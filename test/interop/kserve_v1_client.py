# SPDX-License-Identifier: Apache-2.0
"""The KServe SDK's inference client with protocol version 1, its default, at TensorFlow Serving's routes."""

import asyncio
import sys

from httpx import HTTPStatusError
from kserve import InferenceRESTClient, RESTConfig

from checks import check, run_async

ROW = list(range(16))


@check
async def errors(client, url):
    """errors carry the server's message"""
    try:
        await client.infer(url, {"instances": [1]}, model_name="nope")
    except HTTPStatusError as error:
        assert error.response.status_code == 404 and "Servable not found" in str(error), error
    else:
        raise AssertionError("expected an error")


@check
async def health(client, url):
    """live, and which models are ready"""
    assert await client.is_server_live(url) is True
    assert await client.is_model_ready(url, "simple") is True
    try:
        await client.is_model_ready(url, "nope")
    except HTTPStatusError as error:
        assert error.response.status_code == 404, error
    else:
        raise AssertionError("expected an error")


@check
async def infer(client, url):
    """rows"""
    answer = await client.infer(url, {"instances": [{"INPUT0": ROW, "INPUT1": ROW}] * 2}, model_name="simple")
    expected = {"OUTPUT0": [2 * value for value in ROW], "OUTPUT1": [0] * 16}
    assert answer == {"predictions": [expected, expected]}, answer


async def main():
    client = InferenceRESTClient(RESTConfig(retries=0))
    try:
        await run_async(client, sys.argv[1])
    finally:
        await client.close()


asyncio.run(main())

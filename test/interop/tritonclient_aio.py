# SPDX-License-Identifier: Apache-2.0
"""tritonclient.http.aio: always accepts compressed replies, and inflates only those of infer."""

import asyncio
import sys

import numpy as np
import tritonclient.http.aio as triton
from tritonclient.utils import InferenceServerException

from checks import check, run_async

ROW = np.arange(16, dtype=np.int32).reshape(1, 16)


def simple(first=ROW, binary=True):
    inputs = []
    for name, values in (("INPUT0", first), ("INPUT1", ROW)):
        made = triton.InferInput(name, list(values.shape), "INT32")
        made.set_data_from_numpy(values, binary_data=binary)
        inputs.append(made)
    return inputs


@check
async def errors(client):
    """errors are InferenceServerExceptions with message and status"""
    for call in (client.infer("nope", simple()), client.infer("simple", simple()[:1])):
        try:
            await call
        except InferenceServerException as error:
            assert error.status() in ("404", "400") and error.message(), error
        else:
            raise AssertionError("expected an error")


@check
async def queries(client):
    """health, metadata, configuration and statistics"""
    assert await client.is_server_live() and await client.is_server_ready()
    assert await client.is_model_ready("simple") and not await client.is_model_ready("nope")
    assert (await client.get_server_metadata())["name"] == "ortserve"
    assert (await client.get_model_metadata("simple"))["versions"] == ["1"]
    assert (await client.get_model_config("simple"))["max_batch_size"] == 8
    assert (await client.get_inference_statistics())["model_stats"]
    assert (await client.get_log_settings())["log_file"] == ""


@check
async def infer(client):
    """binary and JSON tensors, small and large"""
    for binary in (True, False):
        result = await client.infer("simple", simple(binary=binary))
        np.testing.assert_array_equal(result.as_numpy("OUTPUT0"), 2 * ROW)
    values = np.arange(200_000, dtype=np.float32)
    large = triton.InferInput("INPUT0", [values.size], "FP32")
    large.set_data_from_numpy(values)
    result = await client.infer("ident_fp32", [large])
    np.testing.assert_array_equal(result.as_numpy("OUTPUT0"), values)


@check
async def compression(client):
    """compressed requests and replies"""
    for algorithm in ("gzip", "deflate"):
        result = await client.infer(
            "simple",
            simple(),
            request_compression_algorithm=algorithm,
            response_compression_algorithm=algorithm,
        )
        np.testing.assert_array_equal(result.as_numpy("OUTPUT0"), 2 * ROW)


@check
async def together(client):
    """100 requests at once, each with its own answer"""
    rows = [ROW + i for i in range(100)]
    results = await asyncio.gather(*(client.infer("simple", simple(row), request_id=str(i)) for i, row in enumerate(rows)))
    for i, (row, result) in enumerate(zip(rows, results)):
        assert result.get_response()["id"] == str(i)
        np.testing.assert_array_equal(result.as_numpy("OUTPUT0"), row + ROW)


async def main():
    async with triton.InferenceServerClient(sys.argv[1]) as server:
        await run_async(server)


asyncio.run(main())

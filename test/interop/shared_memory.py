# SPDX-License-Identifier: Apache-2.0
"""tritonclient.utils.shared_memory: inputs from and outputs into system shared memory."""

import sys

import numpy as np
import tritonclient.http as triton
import tritonclient.utils.shared_memory as shm
from tritonclient.utils import InferenceServerException, serialize_byte_tensor

from checks import check, raises, run

ROW = np.arange(16, dtype=np.int32).reshape(1, 16)


def placed(name, region, size, offset=0, shape=(1, 16), datatype="INT32"):
    made = triton.InferInput(name, list(shape), datatype)
    made.set_shared_memory(region, size, offset=offset)
    return made


@check
def errors(client):
    """regions that do not exist, or are too small, are refused"""
    raises(InferenceServerException, client.register_system_shared_memory, "r", "/ortserve-no-such", 64)
    error = raises(InferenceServerException, client.infer, "simple", [placed("INPUT0", "r", 64), placed("INPUT1", "r", 64)])
    assert error.status() == "404" and "Unable to find shared memory region: 'r'" in error.message(), error
    handle = shm.create_shared_memory_region("r", "/ortserve-interop-a", 64)
    try:
        raises(InferenceServerException, client.register_system_shared_memory, "r", "/ortserve-interop-a", 65)
        client.register_system_shared_memory("r", "/ortserve-interop-a", 64)
        error = raises(InferenceServerException, client.register_system_shared_memory, "r", "/ortserve-interop-a", 64)
        assert "already in manager" in error.message(), error
        error = raises(
            InferenceServerException, client.infer, "simple", [placed("INPUT0", "r", 64), placed("INPUT1", "r", 64, 8)]
        )
        assert error.status() == "400" and "Invalid offset and size" in error.message(), error
        assert client.get_system_shared_memory_status() == [
            {"name": "r", "key": "/ortserve-interop-a", "offset": 0, "byte_size": 64}
        ]
        client.unregister_system_shared_memory("r")
        assert client.get_system_shared_memory_status() == []
    finally:
        shm.destroy_shared_memory_region(handle)


@check
def infer(client):
    """inputs are read from, and outputs written into, regions"""
    inputs = shm.create_shared_memory_region("in", "/ortserve-interop-in", 128)
    outputs = shm.create_shared_memory_region("out", "/ortserve-interop-out", 128)
    try:
        client.register_system_shared_memory("in", "/ortserve-interop-in", 128)
        client.register_system_shared_memory("out", "/ortserve-interop-out", 128)
        wanted = [triton.InferRequestedOutput(f"OUTPUT{i}") for i in (0, 1)]
        for i, output in enumerate(wanted):
            output.set_shared_memory("out", 64, offset=64 * i)
        for step in range(20):
            first = ROW + step
            shm.set_shared_memory_region(inputs, [first, ROW])
            result = client.infer(
                "simple", [placed("INPUT0", "in", 64), placed("INPUT1", "in", 64, 64)], outputs=wanted, request_id="7"
            )
            assert result.get_output("OUTPUT0")["shape"] == [1, 16]
            got = [shm.get_contents_as_numpy(outputs, np.int32, [1, 16], offset=64 * i) for i in (0, 1)]
            np.testing.assert_array_equal(got[0], first + ROW)
            np.testing.assert_array_equal(got[1], first - ROW)
        mixed = triton.InferInput("INPUT1", [1, 16], "INT32")
        mixed.set_data_from_numpy(ROW)
        result = client.infer("simple", [placed("INPUT0", "in", 64), mixed])
        np.testing.assert_array_equal(result.as_numpy("OUTPUT0"), ROW + 19 + ROW)
        client.unregister_system_shared_memory()
        assert client.get_system_shared_memory_status() == []
    finally:
        shm.destroy_shared_memory_region(inputs)
        shm.destroy_shared_memory_region(outputs)


@check
def strings(client):
    """strings are read from a region"""
    words = np.array([b"a", "grüße".encode()], dtype=object)
    packed = serialize_byte_tensor(words).item()
    handle = shm.create_shared_memory_region("text", "/ortserve-interop-text", len(packed))
    try:
        shm.set_shared_memory_region(handle, [np.frombuffer(packed, np.uint8)])
        client.register_system_shared_memory("text", "/ortserve-interop-text", len(packed))
        got = client.infer("ident_string", [placed("INPUT0", "text", len(packed), 0, (2,), "BYTES")])
        np.testing.assert_array_equal(got.as_numpy("OUTPUT0"), words)
        client.unregister_system_shared_memory("text")
    finally:
        shm.destroy_shared_memory_region(handle)


with triton.InferenceServerClient(sys.argv[1]) as server:
    run(server)

# SPDX-License-Identifier: Apache-2.0
"""tritonclient.http, synchronous."""

import sys

import ml_dtypes
import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from checks import check, raises, run

ROW = np.arange(16, dtype=np.int32).reshape(1, 16)


def tensor(name, values, datatype, binary=True):
    made = triton.InferInput(name, list(values.shape), datatype)
    made.set_data_from_numpy(values, binary_data=binary)
    return made


def simple(binary=True, rows=1):
    values = np.repeat(ROW, rows, axis=0)
    return [tensor("INPUT0", values, "INT32", binary), tensor("INPUT1", values, "INT32", binary)]


def assert_sums(result, rows=1):
    np.testing.assert_array_equal(result.as_numpy("OUTPUT0"), 2 * np.repeat(ROW, rows, axis=0))
    np.testing.assert_array_equal(result.as_numpy("OUTPUT1"), np.zeros((rows, 16), np.int32))


@check
def errors(client):
    """errors are InferenceServerExceptions with message and status"""
    error = raises(InferenceServerException, client.infer, "nope", simple())
    assert error.status() == "404", error.status()
    assert "Request for unknown model: 'nope' is not found" in error.message(), error.message()
    error = raises(InferenceServerException, client.infer, "simple", simple()[:1])
    assert error.status() == "400" and "INPUT1" in error.message(), error
    error = raises(InferenceServerException, client.infer, "simple", simple(rows=9))
    assert "batch-size must be <= 8" in error.message(), error
    raises(InferenceServerException, client.get_model_metadata, "simple", "9")
    assert_sums(client.infer("simple", simple()))


@check
def health(client):
    """live, ready, and which models are"""
    assert client.is_server_live() and client.is_server_ready()
    assert client.is_model_ready("simple") and client.is_model_ready("simple", "1")
    assert not client.is_model_ready("nope") and not client.is_model_ready("simple", "2")


@check
def metadata(client):
    """metadata, configuration and statistics"""
    server = client.get_server_metadata()
    assert "binary_tensor_data" in server["extensions"]
    model = client.get_model_metadata("simple")
    assert model["inputs"][0] == {"name": "INPUT0", "datatype": "INT32", "shape": [-1, 16]}
    config = client.get_model_config("simple")
    assert config["max_batch_size"] == 8 and config["input"][0]["dims"] == [16]
    before = client.get_inference_statistics("simple")["model_stats"][0]["inference_stats"]["success"]["count"]
    client.infer("simple", simple())
    after = client.get_inference_statistics("simple", "1")["model_stats"][0]["inference_stats"]["success"]["count"]
    assert after == before + 1


@check
def binary_and_json(client):
    """binary and JSON tensors, in every mixture"""
    for binary_in in (True, False):
        for binary_out in (True, False):
            outputs = [triton.InferRequestedOutput(f"OUTPUT{i}", binary_data=binary_out) for i in (0, 1)]
            assert_sums(client.infer("simple", simple(binary_in), outputs=outputs))
        assert_sums(client.infer("simple", simple(binary_in, rows=8)), rows=8)
    one = client.infer("simple", simple(), outputs=[triton.InferRequestedOutput("OUTPUT1")])
    assert one.as_numpy("OUTPUT0") is None and one.get_output("OUTPUT1")["datatype"] == "INT32"


@check
def datatypes(client):
    """every datatype comes back as it was sent"""
    samples = {
        "BOOL": np.array([True, False]),
        "UINT8": np.array([0, 255], np.uint8),
        "UINT16": np.array([65535], np.uint16),
        "UINT32": np.array([2**32 - 1], np.uint32),
        "UINT64": np.array([2**64 - 1], np.uint64),
        "INT8": np.array([-128, 127], np.int8),
        "INT16": np.array([-32768], np.int16),
        "INT32": np.array([-(2**31)], np.int32),
        "INT64": np.array([2**53 + 1], np.int64),
        "FP16": np.array([0.5, np.inf], np.float16),
        "FP32": np.array([0.1, np.nan, -np.inf], np.float32),
        "FP64": np.array([0.1, 1e300], np.float64),
        "BYTES": np.array(["", "grüße".encode(), b"a\0b"], dtype=object),
    }
    for datatype, values in samples.items():
        model = "ident_string" if datatype == "BYTES" else f"ident_{datatype.lower()}"
        if datatype == "BYTES":
            values = np.array([v if isinstance(v, bytes) else v.encode() for v in values], dtype=object)
        for binary in (True, False):
            if datatype == "FP16" and not binary:
                continue  # has no JSON form
            got = client.infer(model, [tensor("INPUT0", values, datatype, binary)]).as_numpy("OUTPUT0")
            np.testing.assert_array_equal(got, values, err_msg=datatype)
    half = triton.InferInput("INPUT0", [2], "BF16")
    values = np.array([1.5, -2.0], ml_dtypes.bfloat16)
    half.set_data_from_numpy(values)
    np.testing.assert_array_equal(client.infer("ident_bf16", [half]).as_numpy("OUTPUT0"), values)


@check
def empty_and_scalar(client):
    """tensors without elements, and large ones"""
    for size in (0, 1, 300_000):
        values = np.arange(size, dtype=np.float32)
        got = client.infer("ident_fp32", [tensor("INPUT0", values, "FP32")]).as_numpy("OUTPUT0")
        np.testing.assert_array_equal(got, values)


@check
def compression(client):
    """compressed requests and replies"""
    for algorithm in ("gzip", "deflate"):
        result = client.infer(
            "simple",
            simple(rows=8),
            request_compression_algorithm=algorithm,
            response_compression_algorithm=algorithm,
        )
        assert_sums(result, rows=8)


@check
def parameters(client):
    """ids, priorities, timeouts, sequences and parameters of one's own"""
    result = client.infer(
        "simple",
        simple(),
        request_id="42",
        sequence_id="a",
        sequence_start=True,
        sequence_end=True,
        priority=1,
        timeout=1_000_000,
        parameters={"mine": 1.5, "flag": True, "text": "x"},
        headers={"x-request-id": "req-7"},
        query_params={"any": "thing"},
    )
    assert result.get_response()["id"] == "42"
    assert_sums(result)


@check
def classification(client):
    """the best classes of an output"""
    outputs = [triton.InferRequestedOutput("OUTPUT0", class_count=2)]
    values = np.array([1.1, 3.3, 0.5, 2.4], np.float32)
    result = client.infer("ident_fp32", [tensor("INPUT0", values, "FP32")], outputs=outputs)
    assert list(result.as_numpy("OUTPUT0")) == [b"3.300000:1", b"2.400000:3"]


@check
def asynchronous(client):
    """asynchronous requests over several connections, each with its own answer"""
    pending = []
    for i in range(64):
        values = ROW + i
        inputs = [tensor("INPUT0", values, "INT32"), tensor("INPUT1", ROW, "INT32")]
        pending.append((values, client.async_infer("simple", inputs, request_id=str(i))))
    for i, (values, request) in enumerate(pending):
        result = request.get_result()
        assert result.get_response()["id"] == str(i)
        np.testing.assert_array_equal(result.as_numpy("OUTPUT0"), values + ROW)


@check
def logging(client):
    """log settings are read and changed"""
    before = client.get_log_settings()
    assert before["log_file"] == ""
    changed = client.update_log_settings({"log_verbose_level": 0})
    assert changed == before
    raises(InferenceServerException, client.update_log_settings, {"log_file": "/tmp/x"})


@check
def not_supported(client):
    """what the server does not offer is an error, not a hang"""
    raises(InferenceServerException, client.get_trace_settings)
    raises(InferenceServerException, client.register_cuda_shared_memory, "r", b"", 0, 64)


with triton.InferenceServerClient(sys.argv[1], concurrency=8) as server:
    run(server)

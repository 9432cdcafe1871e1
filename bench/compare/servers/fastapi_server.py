# SPDX-License-Identifier: Apache-2.0
"""Peer: FastAPI + onnxruntime with orjson, uvloop and httptools, one process like the other servers."""

import os

import numpy as np
import onnxruntime as ort
import orjson
import uvicorn
from fastapi import FastAPI, Request, Response
from starlette.concurrency import run_in_threadpool

NAME = os.environ["MODEL_NAME"]
# A thread hop costs more than a small model's run; a long run must not block the event loop.
USE_THREADS = os.environ.get("RUN_IN_THREADS") == "1"

options = ort.SessionOptions()
options.intra_op_num_threads = 1
session = ort.InferenceSession(os.environ["MODEL_FILE"], options, providers=["CPUExecutionProvider"])
INPUT = session.get_inputs()[0].name
OUTPUT = session.get_outputs()[0].name

app = FastAPI()


async def run(data):
    if USE_THREADS:
        return (await run_in_threadpool(session.run, [OUTPUT], {INPUT: data}))[0]
    return session.run([OUTPUT], {INPUT: data})[0]


def json_response(value):
    return Response(orjson.dumps(value, option=orjson.OPT_SERIALIZE_NUMPY), media_type="application/json")


@app.get("/healthz")
async def health():
    return {"ok": True}


@app.post(f"/predict/{NAME}")
async def predict(request: Request):
    instances = orjson.loads(await request.body())["instances"]
    result = await run(np.array(instances, dtype=np.float32))
    return json_response({"model": NAME, "version": "1", "predictions": result})


@app.post(f"/v2/models/{NAME}/infer")
async def infer(request: Request):
    body = await request.body()
    json_size = request.headers.get("inference-header-content-length")
    if json_size is None:
        tensor = orjson.loads(body)["inputs"][0]
        result = await run(np.array(tensor["data"], dtype=np.float32).reshape(tensor["shape"]))
        out = {"name": OUTPUT, "datatype": "FP32", "shape": result.shape, "data": result.ravel()}
        return json_response({"model_name": NAME, "model_version": "1", "outputs": [out]})
    size = int(json_size)
    tensor = orjson.loads(memoryview(body)[:size])["inputs"][0]
    result = await run(np.frombuffer(body, dtype=np.float32, offset=size).reshape(tensor["shape"]))
    blob = result.tobytes()
    parameters = {"binary_data_size": len(blob)}
    out = {"name": OUTPUT, "datatype": "FP32", "shape": result.shape, "parameters": parameters}
    head = orjson.dumps({"model_name": NAME, "model_version": "1", "outputs": [out]})
    headers = {"inference-header-content-length": str(len(head))}
    return Response(head + blob, media_type="application/octet-stream", headers=headers)


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="warning", access_log=False)

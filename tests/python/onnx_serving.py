"""What the tests of manifests/python/onnx_server.py share."""

import contextlib
import http.client
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import grpc
import numpy as np
import onnxruntime

ROOT = pathlib.Path(__file__).resolve().parents[2]
PYTHON = ROOT / "manifests" / "python"
MODELS = pathlib.Path(__file__).resolve().parent / "models"
START_SECONDS = 120

sys.path += [str(PYTHON), str(ROOT / "tests" / "kit" / "ports")]

from modelserver import tensors, v2_grpc
from modelserver.inference_descriptor import message
from ports import free_port


class Process:
    """A running server; stop() ends it as an orchestrator does."""

    def __init__(self, program, *flags):
        self.rest, self.rpc = free_port(), free_port()
        self.log = tempfile.TemporaryFile("w+")
        arguments = [sys.executable, str(program), f"--http-port={self.rest}", f"--grpc-port={self.rpc}", *map(str, flags)]
        self.process = subprocess.Popen(arguments, stderr=self.log, stdout=self.log)

    def wait_until_ready(self):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended: {self.output()}")
            with contextlib.suppress(OSError):
                if self.request("GET", "/v2/health/ready")[0] == 200:
                    return self
            time.sleep(0.02)
        output = self.output()
        self.stop()
        raise AssertionError(f"not ready: {output}")

    def output(self):
        self.log.seek(0)
        return self.log.read()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        self.log.close()
        return code

    def cpu_seconds(self):
        """What the process used of all cores, its system calls included."""
        tasks = pathlib.Path(f"/proc/{self.process.pid}/task").iterdir()
        return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.rest, timeout=60)
        try:
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return response.status, response.headers, response.read()
        finally:
            connection.close()


def onnx(folder, *flags):
    return Process(PYTHON / "onnx_server.py", "--model-name=m", f"--model-dir={folder}", *flags)


def session(folder):
    return onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])


class Asks(unittest.TestCase):
    """Four ways to ask one server: JSON and bytes, REST and gRPC."""

    server = None

    def json(self, arrays, **more):
        inputs = [
            {"name": n, "datatype": tensors.datatype(a), "shape": list(a.shape), "data": a.ravel().tolist()} for n, a in arrays.items()
        ]
        return self.post(json.dumps({"inputs": inputs, **more}))

    def post(self, body, path="/v2/models/m/infer", headers=None):
        status, _, text = self.server.request("POST", path, body, headers)
        return status, json.loads(text)

    def raw(self, arrays):
        """Inputs and outputs as bytes behind the JSON."""
        blobs = [tensors.to_raw(a) for a in arrays.values()]
        inputs = [
            {"name": n, "datatype": tensors.datatype(a), "shape": list(a.shape), "parameters": {"binary_data_size": len(b)}}
            for (n, a), b in zip(arrays.items(), blobs)
        ]
        head = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
        status, headers, body = self.server.request(
            "POST", "/v2/models/m/infer", head + b"".join(blobs), {"Inference-Header-Content-Length": str(len(head))}
        )
        self.assertEqual(status, 200, body)
        length = int(headers["Inference-Header-Content-Length"])
        answer, at, outputs = json.loads(body[:length]), length, {}
        for o in answer["outputs"]:
            size = o["parameters"]["binary_data_size"]
            outputs[o["name"]] = tensors.from_raw(body[at : at + size], tensors.DTYPES[o["datatype"]], tuple(o["shape"]), o["name"])
            at += size
        self.assertEqual(at, len(body))
        return outputs

    def typed(self, answer):
        """The arrays of an answer in JSON."""
        self.assertEqual(answer[0], 200, answer[1])
        return {
            o["name"]: tensors.from_json(o["data"], tensors.DTYPES[o["datatype"]], o["name"]).reshape(o["shape"])
            for o in answer[1]["outputs"]
        }

    def rpc(self, arrays, as_raw, method="ModelInfer"):
        request = message("ModelInferRequest")(model_name="m", id="7")
        for n, a in arrays.items():
            tensor = request.inputs.add(name=n, datatype=tensors.datatype(a), shape=a.shape)
            if as_raw:
                request.raw_input_contents.append(tensors.to_raw(a))
            else:
                values = [v.encode() for v in a.ravel()] if a.dtype == object else a.ravel().tolist()
                getattr(tensor.contents, v2_grpc._FIELDS[tensor.datatype]).extend(values)
        response = self.call(method, request)
        self.assertEqual(response.id, "7")
        return v2_grpc.read_inputs(
            message("ModelInferRequest")(
                inputs=[
                    message("ModelInferRequest").InferInputTensor.FromString(o.SerializeToString()) for o in response.outputs
                ],
                raw_input_contents=response.raw_output_contents,
            )
        )

    def call(self, method, request):
        with grpc.insecure_channel(f"127.0.0.1:{self.server.rpc}") as channel:
            ask = channel.unary_unary(
                f"/{v2_grpc.SERVICE}/{method}",
                request_serializer=lambda m: m.SerializeToString(),
                response_deserializer=message(method + "Response").FromString,
            )
            return ask(request, timeout=60)

    def assertSame(self, got, want):
        self.assertEqual(sorted(got), sorted(want))
        for name, array in want.items():
            self.assertEqual(got[name].shape, array.shape, name)
            if array.dtype.kind in "OSU":
                self.assertEqual(got[name].tolist(), array.tolist(), name)
            else:
                np.testing.assert_allclose(got[name], array, rtol=0, atol=1e-6, err_msg=name)

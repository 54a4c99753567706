"""Black-box tests of manifests/python/tensorflow_server.py.

Run with the packages of manifests/python/tensorflow.txt:

    python -m unittest discover -s tests/python

The server runs as a process on free ports; the models are the MNIST network
of samples/mnist and small ones made here.
"""

import base64
import concurrent.futures
import contextlib
import gzip
import http.client
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.example import example_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

tf.get_logger().setLevel("ERROR")

ROOT = pathlib.Path(__file__).resolve().parents[2]
SERVER = ROOT / "manifests" / "python" / "tensorflow_server.py"
MNIST = ROOT / "samples" / "mnist"
START_SECONDS = 120


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Process:
    """A running server; stop() ends it as an orchestrator does."""

    def __init__(self, *flags, rest=None, rpc=None):
        self.rest, self.rpc = rest or free_port(), rpc or free_port()
        ports = [f"--port={self.rpc}", "--rest_api_port", str(self.rest)]
        self.log = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [sys.executable, str(SERVER), *ports, *flags], stderr=self.log, stdout=self.log
        )

    def wait_until_ready(self):
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended: {self.output()}")
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.rest), 1).close()
                return self
            time.sleep(0.05)
        self.stop()
        raise AssertionError(f"not ready: {self.output()}")

    def output(self):
        self.log.seek(0)
        return self.log.read()

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        self.log.close()
        return code

    def request(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.rest, timeout=60)
        try:
            return exchange(connection, method, path, body, headers)
        finally:
            connection.close()

    def predict(self, model, body, verb="predict"):
        data = body if isinstance(body, (bytes, str)) else json.dumps(body)
        return self.request("POST", f"/v1/models/{model}:{verb}", data)


def exchange(connection, method, path, body=None, headers=None):
    connection.request(method, path, body, headers or {})
    response = connection.getresponse()
    text = response.read().decode()
    return response.status, json.loads(text), text


class Add(tf.Module):
    """half_plus_two's cousin: every kind of signature that the APIs know."""

    def __init__(self, plus):
        super().__init__()
        self.plus = tf.Variable(plus, dtype=tf.float32)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.float32, name="x")])
    def half(self, x):
        return {"y": x / 2 + self.plus}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None, 2], tf.int64, name="numbers"),
            tf.TensorSpec([None], tf.string, name="words"),
        ]
    )
    def several(self, numbers, words):
        return {
            "sum": tf.reduce_sum(numbers, 1),
            "shout": tf.strings.upper(words),
            "raw_bytes": words,
        }

    @tf.function(input_signature=[tf.TensorSpec(None, tf.float64, name="x")])
    def divide(self, x):
        return {"y": 1 / x, "z": tf.cast(x, tf.float32)}

    @tf.function(input_signature=[tf.TensorSpec([], tf.bool, name="flag")])
    def scalar(self, flag):
        return {"not": tf.logical_not(flag)}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])
    def classify(self, inputs):
        x = tf.io.parse_example(inputs, {"x": tf.io.FixedLenFeature([2], tf.float32)})["x"]
        labels = tf.tile(tf.constant([["first", "second"]]), [tf.shape(x)[0], 1])
        return {"classes": labels, "scores": x}

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="inputs")])
    def regress(self, inputs):
        x = tf.io.parse_example(inputs, {"x": tf.io.FixedLenFeature([2], tf.float32)})["x"]
        return {"outputs": tf.reduce_sum(x, 1, keepdims=True)}


def save(folder, plus=2.0):
    module = Add(plus)
    tf.saved_model.save(
        module,
        str(folder),
        signatures={
            "serving_default": module.half,
            "several": module.several,
            "divide": module.divide,
            "scalar": module.scalar,
            "classify": module.classify,
            "regress": module.regress,
        },
    )


def save_graph(folder):
    """A model as TensorFlow 1 saved them: a graph, names no function could have."""
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        words = tf.compat.v1.placeholder(tf.string, [None], "words")
        table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(["one", "two"], tf.constant([1, 2], tf.int64)), -1
        )
        bias = tf.compat.v1.get_variable("bias", initializer=tf.constant(0.5))
        numbers = table.lookup(words)
        session.run([bias.initializer, tf.compat.v1.tables_initializer()])
        tf.compat.v1.saved_model.simple_save(
            session, str(folder), {"the-words": words},
            {"a/number": numbers, "b:score": tf.cast(numbers, tf.float32) + bias},
            legacy_init_op=tf.compat.v1.tables_initializer(),
        )


class Served(unittest.TestCase):
    """One server with two models for all tests of a class."""

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        save(cls.folder / "add" / "3", 2.0)
        save(cls.folder / "add" / "12", 3.0)
        save_graph(cls.folder / "graph" / "1")
        config = cls.folder / "models.config"
        config.write_text(
            f"""model_config_list {{
              config {{
                name: "add" base_path: "{cls.folder / 'add'}" model_platform: "tensorflow"
                model_version_policy {{ specific {{ versions: 3 versions: 12 }} }}
                version_labels {{ key: "old" value: 3 }}
              }}
              config {{ name: "graph" base_path: "{cls.folder / 'graph'}" }}
              config {{ name: "mnist-model" base_path: "{MNIST / 'model'}" }}
            }}"""
        )
        cls.server = Process(f"--model_config_file={config}").wait_until_ready()
        cls.addClassCleanup(cls.server.stop)
        cls.channel = grpc.insecure_channel(f"127.0.0.1:{cls.server.rpc}")
        cls.addClassCleanup(cls.channel.close)
        cls.prediction = prediction_service_pb2_grpc.PredictionServiceStub(cls.channel)
        cls.models = model_service_pb2_grpc.ModelServiceStub(cls.channel)

    def assertFails(self, answer, status, *words):
        code, body, _ = answer
        self.assertEqual(code, status, body)
        self.assertEqual(list(body), ["error"])
        for word in words:
            self.assertIn(word, body["error"])

    def assertCode(self, code, words, call, request):
        with self.assertRaises(grpc.RpcError) as caught:
            call(request, timeout=60)
        self.assertEqual(caught.exception.code(), code, caught.exception.details())
        self.assertIn(words, caught.exception.details())


class Rest(Served):
    def test_mnist_answers_as_keras_does(self):
        expected = json.loads((MNIST / "expected.json").read_text())
        for name, key in (("tensorflow", "predictions"), ("tensorflow-inputs", "outputs")):
            body = (MNIST / "requests" / f"{name}.json").read_bytes()
            status, answer, _ = self.server.predict("mnist-model", body)
            self.assertEqual(status, 200)
            np.testing.assert_allclose(answer[key], expected["scores"], atol=1e-6)
            self.assertEqual(np.argmax(answer[key], 1).tolist(), expected["labels"])

    def test_one_output_is_a_bare_list(self):
        self.assertEqual(
            self.server.predict("add", {"instances": [1, 2.5, 5]})[:2],
            (200, {"predictions": [3.5, 4.25, 5.5]}),
        )
        self.assertEqual(
            self.server.predict("add", {"inputs": [1.0]})[:2], (200, {"outputs": [3.5]})
        )
        named = {"instances": [{"x": 1}, {"x": 2}], "signature_name": "serving_default"}
        self.assertEqual(self.server.predict("add", named)[1], {"predictions": [3.5, 4.0]})

    def test_several_outputs_are_objects(self):
        raw = b"\xff\x00"
        rows = {
            "signature_name": "several",
            "instances": [
                {"numbers": [2**53 + 1, 0], "words": "ab"},
                {"numbers": [-(2**63), 0], "words": {"b64": base64.b64encode(raw).decode()}},
            ],
        }
        status, body, _ = self.server.predict("add", rows)
        b64 = lambda b: {"b64": base64.b64encode(b).decode()}
        want = [
            {"sum": 2**53 + 1, "shout": "AB", "raw_bytes": b64(b"ab")},
            {"sum": -(2**63), "shout": b64(raw), "raw_bytes": b64(raw)},
        ]
        self.assertEqual((status, body), (200, {"predictions": want}))
        columns = {"signature_name": "several", "inputs": {"numbers": [[1, 2]], "words": ["é"]}}
        want = {"sum": [3], "shout": ["é"], "raw_bytes": [b64("é".encode())]}
        self.assertEqual(self.server.predict("add", columns)[:2], (200, {"outputs": want}))

    def test_a_graph_of_tensorflow_1(self):
        want = [{"a/number": 2, "b:score": 2.5}, {"a/number": -1, "b:score": -0.5}]
        for instances in (["two", "ten"], [{"the-words": "two"}, {"the-words": "ten"}]):
            answer = self.server.predict("graph", {"instances": instances})
            self.assertEqual(answer[:2], (200, {"predictions": want}))

    def test_numbers_are_spelled_shortest(self):
        body = {"signature_name": "divide", "inputs": [3.0]}
        text = self.server.predict("add", body)[2]
        self.assertIn("0.3333333333333333", text)
        text = self.server.predict("add", {"instances": [0.2, 1e-7, 3e38]})[2]
        self.assertIn("[3.1, 3.0, 1.5e+38]", text)

    def test_nan_and_infinity_are_tokens(self):
        body = '{"signature_name": "divide", "inputs": [0.0, NaN, -Infinity]}'
        status, _, text = self.server.predict("add", body)
        self.assertEqual(status, 200)
        self.assertIn('"y": [Infinity, NaN, -0.0]', text)
        self.assertIn('"z": [0.0, NaN, -Infinity]', text)

    def test_scalars_and_empty_tensors(self):
        body = {"signature_name": "scalar", "inputs": True}
        self.assertEqual(self.server.predict("add", body)[1], {"outputs": False})
        self.assertFails(self.server.predict("add", {**body, "inputs": [True]}), 400, "shape")
        body = {"signature_name": "divide", "inputs": [[], []]}
        self.assertEqual(self.server.predict("add", body)[1], {"outputs": {"y": [[], []], "z": [[], []]}})
        body = {"signature_name": "scalar", "instances": [True]}
        self.assertFails(self.server.predict("add", body), 400, "shape")

    def test_versions_and_labels(self):
        body = json.dumps({"instances": [0]})
        for part, want in (("", 3.0), ("/versions/3", 2.0), ("/versions/12", 3.0), ("/labels/old", 2.0)):
            answer = self.server.request("POST", f"/v1/models/add{part}:predict", body)
            self.assertEqual(answer[1], {"predictions": [want]}, part)
        for part, status, words in (
            ("/versions/4", 404, "Specific(add, 4)"),
            ("/labels/new", 400, "Unrecognized servable version label: new"),
        ):
            answer = self.server.request("POST", f"/v1/models/add{part}:predict", body)
            self.assertFails(answer, status, words)

    def test_bad_requests(self):
        for body, words in (
            ("", "document is empty"),
            ('{"instances": [1', "JSON Parse error"),
            ("[" * 100_000, "JSON Parse error"),
            ("[1]", "not object"),
            ("{}", "Missing 'inputs' or 'instances' key"),
            ({"instances": [1], "inputs": [1]}, "only one of"),
            ({"instances": []}, "No values"),
            ({"instances": 1}, "list"),
            ({"instances": ["a"]}, '"a" is not of expected type: float'),
            ({"instances": [True]}, "not of expected type: float"),
            ({"instances": [[1], 2]}, "'x'"),
            ({"instances": [[1, 2], [3]]}, "size: 1"),
            ({"instances": [1, {"x": 1}]}, "got object at item 1"),
            ({"instances": [{"x": 1}, 1]}, "got list at item 1"),
            ({"instances": [{"z": 1}]}, "must be equal to: x"),
            ({"instances": [2**24 + 1]}, "without loss of precision"),
            ({"instances": [1e39]}, "without loss of precision"),
            ({"instances": [1], "signature_name": 1}, "'signature_name' key must be a string"),
            ({"instances": [1], "signature_name": "no"}, 'name: "no" not found'),
            ({"instances": [1], "signature_name": "several"}, "numbers,words"),
            ({"inputs": {"numbers": [[1, 2]]}, "signature_name": "several"}, "words"),
            ({"inputs": {"numbers": [[1.5, 2]], "words": ["a"]}, "signature_name": "several"}, "int64"),
            ({"inputs": {"numbers": [[2**63, 2]], "words": ["a"]}, "signature_name": "several"}, "int64"),
            ({"inputs": {"numbers": [[1, 2]], "words": [{"b64": "*"}]}, "signature_name": "several"}, "base64"),
            ({"inputs": {"numbers": [[1, 2]], "words": [3]}, "signature_name": "several"}, "string"),
        ):
            with self.subTest(body=str(body)[:60]):
                self.assertFails(self.server.predict("add", body), 400, words)

    def test_paths(self):
        for method, path, status, words in (
            ("POST", "/v1/models/other:predict", 404, "Servable not found for request: Latest(other)"),
            ("GET", "/v1/models/other", 404, "Could not find any versions of model other"),
            ("GET", "/v1/models/add/versions/4", 404, "Could not find version 4 of model add"),
            ("PUT", "/v1/models/add:predict", 400, "Malformed request: PUT /v1/models/add:predict"),
            ("POST", "/v1/models/add:explain", 400, "Malformed request"),
            ("GET", "/elsewhere", 404, "/elsewhere"),
        ):
            with self.subTest(path=path):
                self.assertFails(self.server.request(method, path), status, words)

    def test_status_and_metadata(self):
        line = lambda v: {
            "version": v, "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}
        }
        status, body, _ = self.server.request("GET", "/v1/models/add")
        self.assertEqual((status, body), (200, {"model_version_status": [line("12"), line("3")]}))
        body = self.server.request("GET", "/v1/models/add/versions/3")[1]
        self.assertEqual(body, {"model_version_status": [line("3")]})
        body = self.server.request("GET", "/v1/models/mnist-model/metadata")[1]
        self.assertEqual(body["model_spec"], {"name": "mnist-model", "signature_name": "", "version": "1"})
        signatures = body["metadata"]["signature_def"]["signature_def"]
        self.assertEqual(sorted(signatures), ["predict_images", "serving_default"])
        images = signatures["predict_images"]["inputs"]["images"]
        self.assertEqual(images["dtype"], "DT_FLOAT")
        self.assertEqual([d["size"] for d in images["tensor_shape"]["dim"]], ["-1", "784"])

    def test_classify_and_regress(self):
        body = {"signature_name": "classify", "examples": [{"x": [0.25, 0.5]}, {"x": [1.0, 2.0]}]}
        want = [[["first", 0.25], ["second", 0.5]], [["first", 1.0], ["second", 2.0]]]
        self.assertEqual(self.server.predict("add", body, "classify")[:2], (200, {"results": want}))
        body = {"signature_name": "regress", "context": {"x": [0.25, 0.5]}, "examples": [{}, {"x": [1.0, 2.0]}]}
        self.assertEqual(self.server.predict("add", body, "regress")[:2], (200, {"results": [0.75, 3.0]}))
        self.assertFails(self.server.predict("add", {"examples": [{}]}, "classify"), 400, "inputs")
        self.assertFails(self.server.predict("add", {}, "regress"), 400, "examples")

    def test_connection_is_kept_whatever_the_answer(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.rest, timeout=60)
        connection.connect()
        local = connection.sock.getsockname()
        good, bad = json.dumps({"instances": [1]}), "{"
        for body, want in ((good, 200), (bad, 400), (good, 200)):
            self.assertEqual(exchange(connection, "POST", "/v1/models/add:predict", body)[0], want)
            self.assertEqual(connection.sock.getsockname(), local)
        connection.close()

    def test_body_encodings(self):
        good = json.dumps({"instances": [1]}).encode()
        path = "/v1/models/add:predict"
        chunks = lambda: iter([good[:5], good[5:]])
        self.assertEqual(self.server.request("POST", path, chunks())[0], 200)
        gzipped = {"Content-Encoding": "gzip"}
        self.assertEqual(self.server.request("POST", path, gzip.compress(good), gzipped)[0], 200)
        self.assertFails(self.server.request("POST", path, good, gzipped), 400, "gzip")
        for length in ("-1", "x", str(2**40)):
            answer = self.server.request("POST", path, None, {"Content-Length": length})
            self.assertFails(answer, 400, "length of the body")

    def test_many_at_once(self):
        def one(i):
            return self.server.predict("add", {"instances": [i]})[1]["predictions"]

        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            self.assertEqual(list(pool.map(one, range(200))), [[i / 2 + 3] for i in range(200)])


class Grpc(Served):
    def request(self, model, signature="", version=None, **inputs):
        request = predict_pb2.PredictRequest()
        request.model_spec.name = model
        request.model_spec.signature_name = signature
        if version:
            request.model_spec.version.value = version
        for name, value in inputs.items():
            request.inputs[name].CopyFrom(value)
        return request

    def test_mnist_answers_as_keras_does(self):
        expected = json.loads((MNIST / "expected.json").read_text())
        tensor = json.loads((MNIST / "requests" / "seldon-tensor.json").read_text())["data"]["tensor"]
        images = np.array(tensor["values"], np.float32).reshape(tensor["shape"])
        packed = tf.make_tensor_proto(images)
        self.assertTrue(packed.tensor_content)
        listed = type(packed)(dtype=packed.dtype, tensor_shape=packed.tensor_shape, float_val=images.ravel())
        for proto in (packed, listed):
            answer = self.prediction.Predict(self.request("mnist-model", "predict_images", images=proto))
            scores = answer.outputs["scores"]
            self.assertEqual(len(scores.float_val), 100)
            np.testing.assert_allclose(tf.make_ndarray(scores), expected["scores"], atol=1e-6)
            spec = answer.model_spec
            self.assertEqual((spec.name, spec.signature_name, spec.version.value), ("mnist-model", "predict_images", 1))

    def test_types_filters_and_versions(self):
        numbers = tf.make_tensor_proto([[2**53 + 1, 0]], tf.int64)
        words = tf.make_tensor_proto([b"\xff\x00"])
        request = self.request("add", "several", numbers=numbers, words=words)
        answer = self.prediction.Predict(request)
        self.assertEqual(sorted(answer.outputs), ["raw_bytes", "shout", "sum"])
        self.assertEqual(list(answer.outputs["sum"].int64_val), [2**53 + 1])
        self.assertEqual(list(answer.outputs["raw_bytes"].string_val), [b"\xff\x00"])
        request.output_filter.append("sum")
        self.assertEqual(list(self.prediction.Predict(request).outputs), ["sum"])
        request.output_filter.append("no")
        self.assertCode(grpc.StatusCode.INVALID_ARGUMENT, "not found in signature: no", self.prediction.Predict, request)
        request.output_filter[:] = ["sum", "sum"]
        self.assertCode(grpc.StatusCode.INVALID_ARGUMENT, "duplicate", self.prediction.Predict, request)
        zero = tf.make_tensor_proto([0.0])
        for version, want in ((None, 3.0), (3, 2.0)):
            answer = self.prediction.Predict(self.request("add", version=version, x=zero))
            self.assertEqual(list(answer.outputs["y"].float_val), [want])
        labelled = self.request("add", x=zero)
        labelled.model_spec.version_label = "old"
        self.assertEqual(list(self.prediction.Predict(labelled).outputs["y"].float_val), [2.0])

    def test_bad_requests(self):
        invalid, missing = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND
        one = tf.make_tensor_proto([1.0])
        short = type(one)(dtype=1, tensor_content=b"123")
        short.tensor_shape.dim.add(size=4)
        for code, words, request in (
            (invalid, "no name", self.request("")),
            (missing, "Latest(other)", self.request("other", x=one)),
            (missing, "Specific(add, 4)", self.request("add", version=4, x=one)),
            (grpc.StatusCode.FAILED_PRECONDITION, 'Serving signature key "no" not found.', self.request("add", "no", x=one)),
            (invalid, "Missing but required: {x}", self.request("add")),
            (invalid, "Sent extra: {z}", self.request("add", x=one, z=one)),
            (invalid, "expects float32, got float64", self.request("add", x=tf.make_tensor_proto([1.0], tf.float64))),
            (invalid, "shape (1, 1)", self.request("add", x=tf.make_tensor_proto([[1.0]]))),
            (invalid, "not a tensor", self.request("add", x=short)),
            (invalid, "not a tensor", self.request("add", x=type(one)(dtype=0))),
        ):
            with self.subTest(words=words):
                self.assertCode(code, words, self.prediction.Predict, request)

    def test_status_and_metadata(self):
        request = get_model_status_pb2.GetModelStatusRequest()
        self.assertCode(grpc.StatusCode.INVALID_ARGUMENT, "Missing ModelSpec", self.models.GetModelStatus, request)
        request.model_spec.name = "add"
        lines = self.models.GetModelStatus(request).model_version_status
        self.assertEqual([(l.version, l.state) for l in lines], [(12, 30), (3, 30)])
        request.model_spec.name = "other"
        self.assertCode(grpc.StatusCode.NOT_FOUND, "other", self.models.GetModelStatus, request)
        request = get_model_metadata_pb2.GetModelMetadataRequest()
        request.model_spec.name = "mnist-model"
        self.assertCode(grpc.StatusCode.INVALID_ARGUMENT, "metadata_field", self.prediction.GetModelMetadata, request)
        request.metadata_field.append("signature_def")
        answer = self.prediction.GetModelMetadata(request)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        self.assertTrue(answer.metadata["signature_def"].Unpack(signatures))
        self.assertEqual(signatures.signature_def["predict_images"].outputs["scores"].dtype, 1)

    def test_classify_regress_and_both(self):
        example = example_pb2.Example()
        example.features.feature["x"].float_list.value.extend([0.25, 0.5])
        request = classification_pb2.ClassificationRequest()
        request.model_spec.name, request.model_spec.signature_name = "add", "classify"
        self.assertCode(grpc.StatusCode.INVALID_ARGUMENT, "empty", self.prediction.Classify, request)
        request.input.example_list.examples.append(example)
        classes = self.prediction.Classify(request).result.classifications[0].classes
        self.assertEqual([(c.label, c.score) for c in classes], [("first", 0.25), ("second", 0.5)])
        request = regression_pb2.RegressionRequest(input=request.input)
        request.model_spec.name, request.model_spec.signature_name = "add", "regress"
        self.assertEqual(self.prediction.Regress(request).result.regressions[0].value, 0.75)
        both = inference_pb2.MultiInferenceRequest(input=request.input)
        for name in ("classify", "regress"):
            task = both.tasks.add(method_name=f"tensorflow/serving/{name}")
            task.model_spec.name, task.model_spec.signature_name = "add", name
        results = self.prediction.MultiInference(both).results
        self.assertEqual(results[0].classification_result.classifications[0].classes[1].score, 0.5)
        self.assertEqual(results[1].regression_result.regressions[0].value, 0.75)


class Versions(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def serve(self):
        server = Process(
            "--model_name=add", f"--model_base_path={self.folder}",
            "--file_system_poll_wait_seconds=0.1", "--enable_batching=true",
        ).wait_until_ready()
        self.addCleanup(server.stop)
        return server

    def wait_for(self, server, want):
        """Waits until the status is as wanted, {version: state}."""
        deadline = time.monotonic() + START_SECONDS
        got = None
        while time.monotonic() < deadline:
            lines = server.request("GET", "/v1/models/add")[1]["model_version_status"]
            got = {line["version"]: line["state"] for line in lines}
            if got == want:
                return lines
            time.sleep(0.05)
        self.fail(f"status is {got}, want {want}: {server.output()}")

    def test_a_new_version_takes_over_without_a_gap(self):
        save(self.folder / "1", 2.0)
        server = self.serve()
        staged = self.folder.parent / (self.folder.name + "-2")
        save(staged, 3.0)
        answers = []
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            moved = pool.submit(staged.rename, self.folder / "2")
            while not answers or answers[-1] != 3.0:
                status, body, _ = server.predict("add", {"instances": [0]})
                self.assertEqual(status, 200, body)
                answers.append(body["predictions"][0])
            moved.result()
        self.assertEqual(sorted(answers), answers)
        self.wait_for(server, {"2": "AVAILABLE", "1": "END"})
        answer = server.request("POST", "/v1/models/add/versions/1:predict", '{"instances": [0]}')
        self.assertEqual(answer[0], 404)
        # Back again: the highest version on disk is the one to serve.
        shutil.rmtree(self.folder / "2")
        self.wait_for(server, {"2": "END", "1": "AVAILABLE"})
        self.assertEqual(server.predict("add", {"instances": [0]})[1], {"predictions": [2.0]})
        # Nothing on disk: better the old version than none.
        shutil.rmtree(self.folder / "1")
        time.sleep(0.5)
        self.assertEqual(server.predict("add", {"instances": [0]})[1], {"predictions": [2.0]})
        self.assertEqual(server.stop(), 0)

    def test_a_broken_new_version_leaves_the_old_one(self):
        save(self.folder / "1", 2.0)
        server = self.serve()
        (self.folder / "2").mkdir()
        (self.folder / "2" / "saved_model.pb").write_bytes(b"not a model")
        lines = self.wait_for(server, {"1": "AVAILABLE", "2": "END"})
        self.assertNotEqual(lines[0]["status"]["error_code"], "OK")
        self.assertTrue(lines[0]["status"]["error_message"])
        self.assertEqual(server.predict("add", {"instances": [0]})[1], {"predictions": [2.0]})

    def test_requests_under_way_are_finished(self):
        save(self.folder / "1", 2.0)
        server = self.serve()
        body = json.dumps({"instances": [0]}).encode()
        # 100 Continue says that the request has begun; its body is not complete.
        with socket.create_connection(("127.0.0.1", server.rest)) as sock:
            head = (
                "POST /v1/models/add:predict HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                f"Content-Length: {len(body)}\r\n\r\n"
            )
            sock.sendall(head.encode())
            self.assertIn(b"100 Continue", sock.recv(100))
            sock.sendall(body[:3])
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.5)
            self.assertIsNone(server.process.poll())
            sock.sendall(body[3:])
            answer = sock.makefile("rb").read()
        self.assertIn(b" 200 OK", answer)
        self.assertIn(b"Connection: close", answer)
        self.assertIn(b"2.0", answer)
        self.assertEqual(server.process.wait(60), 0)
        self.assertIn("--enable_batching=true", server.output())


class Starts(unittest.TestCase):
    """What is wrong is said at once, and the exit status is not 0."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)

    def refused(self, *flags, **ports):
        server = Process(*flags, **ports)
        code = server.process.wait(START_SECONDS)
        output = server.output()
        server.stop()
        self.assertNotEqual(code, 0)
        self.assertNotIn("Traceback", output)
        return output

    def test_folder_is_missing(self):
        output = self.refused("--model_name=m", f"--model_base_path={self.folder / 'no'}")
        self.assertIn(f"model 'm': no folder {self.folder / 'no'}", output)

    def test_folder_has_no_version(self):
        (self.folder / "one").mkdir()
        (self.folder / "7").mkdir()
        output = self.refused("--model_name=m", f"--model_base_path={self.folder}")
        self.assertIn("has no version folder with a saved_model.pb", output)

    def test_model_without_version_folder(self):
        save(self.folder)
        output = self.refused("--model_name=m", f"--model_base_path={self.folder}")
        self.assertIn(f"move its files to {self.folder / '1'}", output)

    def test_model_does_not_load(self):
        (self.folder / "1").mkdir()
        (self.folder / "1" / "saved_model.pb").write_bytes(b"not a model")
        output = self.refused("--model_name=m", f"--model_base_path={self.folder}")
        self.assertIn("model 'm': version 1:", output)

    def test_port_is_taken(self):
        for flag in ("rest", "rpc"):
            with self.subTest(flag), socket.socket() as held:
                held.bind(("127.0.0.1", 0))
                held.listen()
                port = held.getsockname()[1]
                output = self.refused(
                    "--model_name=m", f"--model_base_path={MNIST / 'model'}", **{flag: port}
                )
                self.assertIn(f"port={port}: cannot listen", output)

    def test_no_model_is_named(self):
        self.assertIn("--model_base_path", self.refused("--model_name=m"))

    def test_config_file_is_wrong(self):
        config = self.folder / "models.config"
        config.write_text("model_config_list { nonsense }")
        self.assertIn(str(config), self.refused(f"--model_config_file={config}"))


if __name__ == "__main__":
    unittest.main()

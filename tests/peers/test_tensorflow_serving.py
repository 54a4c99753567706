"""The stubs of tensorflow-serving-api, and plain HTTP, against the executor
with a TensorFlow server behind it: what comes through is what the server says."""

import http.client
import json
import pathlib
import shutil
import sys
import tempfile
import unittest

from running import ROOT, Executor, node

sys.path.append(str(ROOT / "tests" / "python"))

import grpc
import numpy as np
import serving
import tensorflow as tf
from tensorflow.core.example import example_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
    regression_pb2,
)

SECONDS = 60


class Loop(tf.Module):
    """A model that can follow itself: its output is named as its input."""

    @tf.function(input_signature=[tf.TensorSpec([None, 2], tf.float64, name="x")])
    def triple(self, x):
        return {"x": x * 3}


class Fronted(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, folder)
        serving.save(folder / "add" / "3", 2.0)
        serving.save(folder / "add" / "12", 3.0)
        loop = Loop()
        tf.saved_model.save(loop, str(folder / "loop" / "1"), signatures={"serving_default": loop.triple})
        config = folder / "models.config"
        config.write_text(
            f"""model_config_list {{
              config {{ name: "add" base_path: "{folder / 'add'}" model_platform: "tensorflow"
                model_version_policy {{ specific {{ versions: 3 versions: 12 }} }}
                version_labels {{ key: "old" value: 3 }} }}
              config {{ name: "loop" base_path: "{folder / 'loop'}" }}
              config {{ name: "again" base_path: "{folder / 'loop'}" }}
              config {{ name: "mnist-model" base_path: "{serving.MNIST / 'model'}" }}
            }}"""
        )
        cls.server = serving.Process(f"--model_config_file={config}").wait_until_ready()
        cls.addClassCleanup(cls.server.stop)

    def front(self, *names):
        """An executor in front of a chain of nodes."""
        graph = None
        for name in reversed(names):
            graph = node(name, self.server.rest, self.server.rpc, *([graph] if graph else []), type="MODEL")
        executor = Executor(graph, protocol="tensorflow")
        self.addCleanup(executor.stop)
        return executor

    def stubs(self, address):
        channel = grpc.insecure_channel(address, options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)])
        self.addCleanup(channel.close)
        return prediction_service_pb2_grpc.PredictionServiceStub(channel), model_service_pb2_grpc.ModelServiceStub(channel)


def spec(message, name="", signature="", version=None, label=""):
    message.model_spec.name, message.model_spec.signature_name = name, signature
    if version:
        message.model_spec.version.value = version
    if label:
        message.model_spec.version_label = label
    return message


def request(name="", signature="", version=None, label="", **inputs):
    asked = spec(predict_pb2.PredictRequest(), name, signature, version, label)
    for key, value in inputs.items():
        asked.inputs[key].CopyFrom(value if isinstance(value, type(tf.make_tensor_proto(0))) else tf.make_tensor_proto(value))
    return asked


def images():
    tensor = json.loads((serving.MNIST / "requests" / "seldon-tensor.json").read_text())["data"]["tensor"]
    return np.array(tensor["values"], np.float32).reshape(tensor["shape"])


def examples():
    """An input of one example."""
    asked = classification_pb2.ClassificationRequest()
    asked.input.example_list.examples.add().features.feature["x"].float_list.value.extend([0.25, 0.5])
    return asked.input


def filtered():
    asked = request("add", "several", numbers=np.array([[2**53 + 1, 0]]), words=[b"\xff\x00"])
    asked.output_filter.append("sum")
    return asked


def multi():
    asked = inference_pb2.MultiInferenceRequest(input=examples())
    for verb in ("classify", "regress"):
        spec(asked.tasks.add(method_name=f"tensorflow/serving/{verb}"), "add", verb)
    return asked


def metadata(name, field="signature_def"):
    asked = spec(get_model_metadata_pb2.GetModelMetadataRequest(), name)
    if field:
        asked.metadata_field.append(field)
    return asked


# What a client reads that asks for version 4 of the model of versions 3 and 12.
ABSENT = "the model add has no version 4; available: 3, 12"


class Rpc(Fronted):
    # What is asked, of which method, and the code of the answer.
    CALLS = [
        ("Predict", request("mnist-model", "predict_images", images=images()), None),
        ("Predict", request("add", x=[1.0, 2, 5]), None),
        ("Predict", request("add", version=3, x=[1.0]), None),
        ("Predict", request("add", label="old", x=[1.0]), None),
        ("Predict", filtered(), None),
        ("Classify", spec(classification_pb2.ClassificationRequest(input=examples()), "add", "classify"), None),
        ("Regress", spec(regression_pb2.RegressionRequest(input=examples()), "add", "regress"), None),
        ("MultiInference", multi(), None),
        ("GetModelMetadata", metadata("add"), None),
        ("GetModelStatus", spec(get_model_status_pb2.GetModelStatusRequest(), "add"), None),
        ("GetModelStatus", spec(get_model_status_pb2.GetModelStatusRequest(), "add", version=3), None),
        ("Predict", request("add", version=4, x=[1.0]), "NOT_FOUND"),
        ("Predict", request("add", "no", x=[1.0]), "FAILED_PRECONDITION"),
        ("Predict", request("add", z=[1.0]), "INVALID_ARGUMENT"),
        ("Predict", request("nobody", x=[1.0]), "NOT_FOUND"),
        ("Classify", spec(classification_pb2.ClassificationRequest(), "add", "classify"), "INVALID_ARGUMENT"),
        ("GetModelMetadata", metadata("add", ""), "INVALID_ARGUMENT"),
    ]

    def outcome(self, stubs, method, asked):
        stub = stubs[1] if method == "GetModelStatus" else stubs[0]
        try:
            return None, getattr(stub, method)(asked, timeout=SECONDS)
        except grpc.RpcError as error:
            return error.code().name, error.details()

    def test_all_calls(self):
        executor = self.front("add")
        through, direct = self.stubs(executor.rpc), self.stubs(f"127.0.0.1:{self.server.rpc}")
        for method, asked, code in self.CALLS:
            with self.subTest(method, asked=str(asked)[:200]):
                got, want = self.outcome(through, method, asked), self.outcome(direct, method, asked)
                self.assertEqual(got[0], code, got[1])
                if code == "NOT_FOUND" and asked.model_spec.name == "add":  # The executor says which ones there are.
                    want = want[0], 'node "add": predict: ' + ABSENT
                self.assertEqual(got, want)

    def test_unnamed(self):
        """The model of a prediction that names none is the node's; a question
        has to name one."""
        stubs = prediction, _ = self.stubs(self.front("add").rpc)
        self.assertEqual(list(prediction.Predict(request(x=[1.0]), timeout=SECONDS).outputs["y"].float_val), [3.5])
        for method, asked in (("GetModelStatus", get_model_status_pb2.GetModelStatusRequest()), ("GetModelMetadata", metadata(""))):
            self.assertEqual(self.outcome(stubs, method, asked)[0], "NOT_FOUND")

    def test_unserved(self):
        _, models = self.stubs(self.front("add").rpc)
        with self.assertRaises(grpc.RpcError) as caught:
            models.HandleReloadConfigRequest(model_management_pb2.ReloadConfigRequest(), timeout=SECONDS)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNIMPLEMENTED)

    def test_chain(self):
        prediction, _ = self.stubs(self.front("loop", "again").rpc)
        got = prediction.Predict(request("loop", x=np.array([[1.0, 2.5]])), timeout=SECONDS)
        np.testing.assert_array_equal(tf.make_ndarray(got.outputs["x"]), [[9, 22.5]])
        # An answer to one of the other calls has no form as a request.
        with self.assertRaises(grpc.RpcError) as caught:
            prediction, _ = self.stubs(self.front("add", "again").rpc)
            prediction.Classify(spec(classification_pb2.ClassificationRequest(input=examples()), "add", "classify"), timeout=SECONDS)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.UNIMPLEMENTED)

    def test_large(self):
        many = np.arange(6_000_000, dtype=np.float32)  # 24 MB
        prediction, _ = self.stubs(self.front("add").rpc)
        got = prediction.Predict(request("add", version=3, x=many), timeout=SECONDS)
        np.testing.assert_array_equal(tf.make_ndarray(got.outputs["y"]), many / 2 + 2)


ROWS = {"instances": [1.0, 2.0, 5.0]}
BYTES = {"signature_name": "several", "instances": [{"numbers": [1, 2**53 + 1], "words": {"b64": "/wA="}}, {"numbers": [0, 0], "words": "<é&>"}]}
EXAMPLE = {"examples": [{"x": [0.25, 0.5]}]}


class Rest(Fronted):
    CALLS = [
        ("POST", "/v1/models/add:predict", ROWS, 200),
        ("POST", "/v1/models/add:predict", {"inputs": [1.0, 2.0]}, 200),
        ("POST", "/v1/models/add:predict", BYTES, 200),
        ("POST", "/v1/models/add/versions/3:predict", ROWS, 200),
        ("POST", "/v1/models/add/labels/old:predict", ROWS, 200),
        ("POST", "/v1/models/add:classify", {"signature_name": "classify", **EXAMPLE}, 200),
        ("POST", "/v1/models/add/versions/3:classify", {"signature_name": "classify", **EXAMPLE}, 200),
        ("POST", "/v1/models/add:regress", {"signature_name": "regress", **EXAMPLE}, 200),
        ("GET", "/v1/models/add", None, 200),
        ("GET", "/v1/models/add/versions/3", None, 200),
        ("GET", "/v1/models/add/metadata", None, 200),
        ("GET", "/v1/models/add/versions/3/metadata", None, 200),
        ("POST", "/v1/models/add:predict", {"instances": ["text"]}, 400),
        ("POST", "/v1/models/add:predict", {"instances": [1.0], "signature_name": "no"}, 400),
        ("POST", "/v1/models/add/versions/4:predict", ROWS, 404),
        ("POST", "/v1/models/add/labels/new:predict", ROWS, 400),
        ("POST", "/v1/models/add:predict", "{", 400),
        ("POST", "/v1/models/nobody:predict", ROWS, 404),
    ]

    def ask(self, address, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection(address, timeout=SECONDS)
        self.addCleanup(connection.close)
        body = body if isinstance(body, (str, type(None))) else json.dumps(body)
        connection.request(method, path, body, headers or {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())

    def test_all_calls(self):
        executor = self.front("add")
        for method, path, body, status in self.CALLS:
            with self.subTest(path, body=body):
                got, want = self.ask(executor.rest, method, path, body), self.ask(f"127.0.0.1:{self.server.rest}", method, path, body)
                if "/versions/4" in path:  # The executor says which ones there are.
                    want, got = (want[0], 'node "add": predict: ' + ABSENT), (got[0], got[1]["error"])
                self.assertEqual(got, want)
                self.assertEqual(got[0], status)

    def test_mnist(self):
        expected = json.loads((serving.MNIST / "expected.json").read_text())
        status, got = self.ask(self.front("mnist-model").rest, "POST", "/v1/models/mnist-model:predict",
                               {"signature_name": "predict_images", "instances": images().tolist()})
        self.assertEqual(status, 200)
        np.testing.assert_allclose(got["predictions"], expected["scores"], atol=1e-5)

    def test_paths_of_seldon(self):
        executor = self.front("add")
        for path in ("/v1/models/:predict", "/v1/models:predict", "/v1/models/add/:predict"):
            with self.subTest(path):
                self.assertEqual(self.ask(executor.rest, "POST", path, ROWS), (200, {"predictions": [3.5, 4.0, 5.5]}))

    def test_chain(self):
        """A client that names a node means that node; the others are asked for
        their own model. Another name is asked of each node."""
        executor = self.front("first", "second")
        self.assertEqual(self.ask(executor.rest, "POST", "/v1/models/loop:predict", {"instances": [[1, 2.5]]}), (200, {"predictions": [[9, 22.5]]}))
        executor = self.front("loop", "again")
        self.assertEqual(self.ask(executor.rest, "POST", "/v1/models/loop:predict", {"instances": [[1, 2.5]]}), (200, {"predictions": [[9, 22.5]]}))
        self.assertEqual(self.ask(executor.rest, "POST", "/v1/models/loop:predict", {"inputs": [[1, 2.5]]}), (200, {"outputs": [[9, 22.5]]}))
        executor = self.front("loop", "add")
        self.assertEqual(self.ask(executor.rest, "POST", "/v1/models/:predict", {"instances": [[1, 2]]})[0], 400)


if __name__ == "__main__":
    unittest.main()

"""What the tests of manifests/python/tensorflow_server.py share.

The server runs as a process on free ports; the models are the MNIST network
of samples/mnist and small ones made here.
"""

import contextlib
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
import tensorflow as tf
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

tf.get_logger().setLevel("ERROR")

ROOT = pathlib.Path(__file__).resolve().parents[2]
SERVER = ROOT / "manifests" / "python" / "tensorflow_server.py"
MNIST = ROOT / "samples" / "mnist"
START_SECONDS = 120

sys.path.append(str(ROOT / "tests" / "kit" / "ports"))

from ports import free_port


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

"""Tensors as TensorFlow writes them, by the wrapper with TensorFlow beside it."""

import unittest

import numpy as np
import tensorflow as tf
from google.protobuf import json_format
from seldon_core.seldon_client import SeldonClient

import wrapped
from wrapped import SECONDS, Asks, components, fields, pb, rpc

# A kind of number each, as make_tensor_proto writes it: typed lists or bytes.
ARRAYS = {
    "double": np.array([[1.0, 2.5], [-3, 4]]),
    "float": np.array([[1, 2.5]], np.float32),
    "int64": np.array([[1, 2**53 + 1]]),
    "int32": np.array([[1, -2]], np.int32),
    "one number": np.array([[7.0]]),
    "empty": np.zeros((0, 2)),
}


def setUpModule():
    wrapped.start(
        model=dict(served="components.Model"),
        scaler=dict(served="components.Scaler", kind="TRANSFORMER"),
        router=dict(served="components.Router", kind="ROUTER"),
        combiner=dict(served="components.Combiner", kind="COMBINER"),
    )


def request(array):
    return pb.SeldonMessage(data=pb.DefaultData(names=["a", "b"], tftensor=json_format.ParseDict(
        json_format.MessageToDict(tf.make_tensor_proto(array)), pb.DefaultData().tftensor)))


class Tensors(Asks):
    def node(self, name, *children, **changes):
        return {**components[name].node(*children), **changes}

    def answers(self, front, array):
        """The tensors that come back over REST and over gRPC."""
        body = json_format.MessageToDict(request(array))
        for answer in self.both(front, body):
            tensor = tf.make_tensor_proto(0)
            json_format.ParseDict(answer["data"]["tftensor"], tensor)
            yield tf.make_ndarray(tensor)

    def test_one_model(self):
        front = self.executor(self.node("model"))
        direct = rpc.ModelStub(self.channel(f"127.0.0.1:{components['model'].rpc}"))
        for name, array in ARRAYS.items():
            with self.subTest(name):
                for got in self.answers(front, array):
                    self.assertEqual(got.dtype, array.dtype)
                    np.testing.assert_array_equal(got, array * 2)
                self.assertEqual(self.predict_rpc(front, request(array)), direct.Predict(request(array), timeout=SECONDS))

    def test_graph(self):
        double = {**self.node("model"), "name": "again"}
        graph = self.node("scaler", self.node("combiner", self.node("router", self.node("model"), double), {**self.node("scaler"), "name": "plus"}))
        for got in self.answers(self.executor(graph), np.array([[0.0, 2]])):
            # (x + 1) * 2 + (x + 2)
            np.testing.assert_array_equal(got, [[4, 10]])

    def test_route(self):
        """The wrapper answers routes as it was asked: by a tftensor."""
        front = self.executor(self.node("router", self.node("model"), self.node("scaler")))
        for kind, route in ((np.int64, 1), (np.int32, 1), (np.float32, 1), (np.int64, 0), (np.int64, -1)):
            for got in self.answers(front, np.array([[route, 5]], kind)):
                with self.subTest(kind=kind, route=route):
                    np.testing.assert_array_equal(got, np.array([[route, 5]]) + 1 if route == 1 else np.array([[route, 5]]) * 2)
        self.assertIn("tftensor", self.post(f"127.0.0.1:{components['router'].rest}", "/route", json_format.MessageToDict(request(np.array([[1]])))).json()["data"])

    def test_client(self):
        front = self.executor(self.node("scaler", self.node("model")))
        for transport, address in (("rest", front.rest), ("grpc", front.rpc)):
            with self.subTest(transport):
                sc = SeldonClient(gateway="seldon", transport=transport, gateway_endpoint=address, payload_type="tftensor", client_return_type="proto")
                got = sc.predict(data=np.array([[1.0, 2]]), names=["a", "b"])
                self.assertTrue(got.success, got.msg)
                np.testing.assert_array_equal(tf.make_ndarray(got.response.data.tftensor), [[4, 6]])


if __name__ == "__main__":
    unittest.main()

"""The wrapper's clients, SeldonClient and seldon-batch-processor, against the
executor and against the gateway of radiant local."""

import base64
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

import numpy as np
from google.protobuf import any_pb2, json_format, struct_pb2
from seldon_core.seldon_client import SeldonClient

import wrapped
from running import HERE, Local
from wrapped import SECONDS, Asks, components, pb

TRANSPORTS = ("rest", "grpc")
BIN = pathlib.Path(sys.executable).parent
MICROSERVICE = BIN / "seldon-core-microservice"
NUMBERS = np.array([[1.0, 2.5]])
PAYLOADS = {
    "tensor": dict(data=NUMBERS, payload_type="tensor", names=["a", "b"]),
    "ndarray": dict(data=NUMBERS, payload_type="ndarray", names=["a", "b"]),
    "strData": dict(str_data="<text> & more"),
    "binData": dict(bin_data=bytes(range(256))),
    "jsonData": dict(json_data={"a": ["<", 1.5, None]}),
    "jsonData as a list": dict(json_data=[1, 2]),
    "raw": dict(raw_data={"strData": "raw", "meta": {"tags": {"one": 1}}}),
}


def setUpModule():
    wrapped.start(
        model=dict(served="components.Model"),
        tenfold=dict(served="components.Model", parameters=[{"name": "factor", "value": "10", "type": "INT"}]),
        router=dict(served="components.Router", kind="ROUTER"),
        faulty=dict(served="components.Faulty"),
    )


def data(answer, kind="tensor"):
    found = answer.response["data"][kind]
    return found["values"] if kind == "tensor" else found


class Direct(Asks):
    """At the executor's own ports: gateway type seldon."""

    def client(self, transport, component=None, graph=None):
        if component:
            address = f"127.0.0.1:{component.rest if transport == 'rest' else component.rpc}"
        else:
            front = self.executor(graph, env={"SELDON_ENABLE_ROUTING_INJECTION": "true"})
            address = front.rest if transport == "rest" else front.rpc
        return SeldonClient(gateway="seldon", transport=transport, gateway_endpoint=address)

    def test_payloads(self):
        model = components["model"]
        for transport in TRANSPORTS:
            through, direct = self.client(transport, graph=model.node()), self.client(transport, model)
            for name, payload in PAYLOADS.items():
                if "list" in name:
                    continue  # A class of the wrapper never sees it.
                for kind in ("dict", "proto"):
                    with self.subTest(transport=transport, payload=name, kind=kind):
                        got = through.predict(client_return_type=kind, **payload)
                        self.assertTrue(got.success, got.msg)
                        want = direct.predict(client_return_type=kind, **payload)
                        for answer in (got, want):
                            if kind == "dict" and transport == "rest":
                                answer.response["meta"]["tags"].pop("header")  # Its puid.
                            elif kind == "proto":
                                answer.response.meta.tags.pop("header", None)
                                answer.response.meta.ClearField("routing")
                            if kind == "dict":
                                answer.response["meta"].pop("routing", None)
                        self.assertEqual(got.response, want.response)

    def test_what_is_sent_arrives(self):
        for transport in TRANSPORTS:
            sc = self.client(transport, graph=components["model"].node())
            with self.subTest(transport):
                self.assertEqual(data(sc.predict(**PAYLOADS["tensor"])), [2, 5])
                self.assertEqual(data(sc.predict(**PAYLOADS["ndarray"]), "ndarray"), [[2, 5]])
                self.assertEqual(sc.predict(**PAYLOADS["strData"]).response["strData"], "<text> & more<seen>")
                got = sc.predict(**PAYLOADS["binData"]).response["binData"]
                self.assertEqual(base64.b64decode(got), bytes(range(256))[::-1])
                self.assertEqual(sc.predict(**PAYLOADS["jsonData"]).response["jsonData"], {"seen": {"a": ["<", 1.5, None]}})
                self.assertEqual(sc.predict(**PAYLOADS["raw"]).response["meta"]["tags"]["one"], 1)

    def test_custom_data(self):
        wrapped.start(raw=dict(served="components.Raw"))
        packed = any_pb2.Any()
        packed.Pack(struct_pb2.Value(number_value=7))
        got = self.client("grpc", graph=components["raw"].node()).predict(custom_data=packed, client_return_type="proto")
        self.assertTrue(got.success, got.msg)
        self.assertEqual(got.response.customData, packed)

    def test_failures(self):
        rest, rpc = (self.client(t, graph=components["faulty"].node()) for t in TRANSPORTS)
        got = rest.predict(str_data="status")
        self.assertEqual((got.success, got.msg), (False, "403:Forbidden"))
        self.assertEqual(got.response["status"]["reason"], "MINE")
        # Its other form of answer reads statuses strictly, by the proto.
        self.assertEqual(rest.predict(str_data="status", client_return_type="proto").response.status.info, "not today")
        got = rpc.predict(str_data="raise")
        self.assertFalse(got.success)
        self.assertIn("Exception calling application: it <broke> & ended", got.msg)
        # An error of the executor's own can be read as well.
        lost = components["model"].node()
        lost["endpoint"]["httpPort"] = 1
        got = self.client("rest", graph=lost).predict(str_data="x", client_return_type="proto")
        self.assertEqual((got.success, got.msg), (False, "500:Internal Server Error"))
        self.assertEqual((got.response.status.code, got.response.status.status), (500, pb.Status.FAILURE))
        self.assertIn("connection refused", got.response.status.info)

    def test_feedback(self):
        graph = components["router"].node(components["model"].node(), components["tenfold"].node())
        for transport in TRANSPORTS:
            sc = self.client(transport, graph=graph)
            for kind in ("proto", "dict"):
                with self.subTest(transport, kind=kind):
                    got = sc.predict(data=np.array([[1.0, 5]]), client_return_type="proto")
                    self.assertEqual(got.response.meta.routing["router"], 1)
                    before = [self.metric(components[n], "seldon_api_model_feedback_reward_total") for n in ("router", "model", "tenfold")]
                    told = sc.feedback(got.request, got.response, prediction_truth=got.request, reward=0.5, client_return_type=kind)
                    after = [self.metric(components[n], "seldon_api_model_feedback_reward_total") for n in ("router", "model", "tenfold")]
                    self.assertTrue(told.success, told.msg)
                    self.assertEqual(np.subtract(after, before).tolist(), [0.5, 0, 0.5])
                    answer = told.response if kind == "dict" else json_format.MessageToDict(told.response)
                    self.assertEqual(answer["jsonData"], {"features": [[1, 5]], "names": [], "reward": 0.5, "routing": 1, "truth": [[1, 5]]})


class Gateway(Asks):
    """A deployment under radiant local, as behind an ingress of a cluster."""

    @classmethod
    def setUpClass(cls):
        kinds = {"scaler": ("Scaler", "TRANSFORMER"), "router": ("Router", "ROUTER"), "model": ("Model", "MODEL"), "tenfold": ("Model", "MODEL")}
        commands = {name: f"{MICROSERVICE} components.{served} --service-type {kind}" for name, (served, kind) in kinds.items()}
        cls.local = Local("deployment.yaml", commands)
        cls.addClassCleanup(cls.local.stop, grace=30)

    def client(self, gateway, transport, **options):
        return SeldonClient(gateway=gateway, transport=transport, gateway_endpoint=self.local.address,
                            deployment_name="peers", namespace="default", **options)

    def test_predict(self):
        for gateway in ("ambassador", "istio"):
            for transport in TRANSPORTS:
                sc = self.client(gateway, transport)
                with self.subTest(gateway, transport=transport):
                    # The scaler adds 1; the first number is the route.
                    for first, want in ((-1, [0, 6]), (0, [10, 30])):
                        got = sc.predict(data=np.array([[first, 2.0]]), headers={"seldon-puid": "mine"}, meta={"mine": 1})
                        self.assertTrue(got.success, got.msg)
                        self.assertEqual(data(got), want)
                        meta = got.response["meta"]
                        last = "model" if first < 0 else "tenfold"
                        self.assertEqual(meta["requestPath"], {n: f"registry.example/{n}:0.1" for n in ("scaler", last)})
                        self.assertEqual((meta["tags"]["mine"], meta["tags"]["last"]), (1, last))
                        self.assertEqual(meta["routing"]["router"], first + 1)
                        if transport == "rest":
                            self.assertEqual(meta["tags"]["header"], "mine")

    def test_feedback(self):
        for transport in TRANSPORTS:
            with self.subTest(transport):
                sc = self.client("istio", transport, client_return_type="proto")
                got = sc.predict(data=np.array([[0, 2.0]]))
                told = sc.feedback(got.request, got.response, reward=1)
                self.assertTrue(told.success, told.msg)

    def batch(self, lines, **options):
        with tempfile.TemporaryDirectory() as folder:
            source, target = (pathlib.Path(folder, name) for name in ("in", "out"))
            source.write_text("".join(line + "\n" for line in lines))
            options = {"host": self.local.address, "deployment_name": "peers", "input_data_path": source, "output_data_path": target,
                       "batch_id": "batch-1", "log_level": "warning", **options}
            command = [BIN / "seldon-batch-processor"]
            for name, value in options.items():
                command += ["--" + name.replace("_", "-"), str(value)]
            ended = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS)
            self.assertEqual(ended.returncode, 0, ended.stderr)
            return sorted((json.loads(line) for line in target.read_text().splitlines()), key=lambda a: a["meta"]["tags"]["batch_index"])

    def check_batch(self, answers, kind, puids):
        for i, answer in enumerate(answers):
            tags = answer["meta"]["tags"]
            self.assertEqual((tags["batch_id"], tags["batch_index"]), ("batch-1", i))
            if "header" in tags:
                self.assertEqual(tags["header"], tags["batch_instance_id"].partition("-item-")[0])
            got = answer["data"][kind]
            self.assertEqual(got["values"] if kind == "tensor" else got[0], [10, 10 * (i + 1)])
        self.assertEqual(len({a["meta"]["tags"]["batch_instance_id"] for a in answers}), len(answers))

    def test_batch(self):
        lines = [f"[[0, {i}]]" for i in range(7)]
        for transport in TRANSPORTS:
            for size, kind in ((1, "ndarray"), (3, "ndarray"), (3, "tensor")):
                with self.subTest(transport, size=size, kind=kind):
                    answers = self.batch(lines, transport=transport, batch_size=size, payload_type=kind, workers=2)
                    self.assertEqual(len(answers), 7)
                    self.check_batch(answers, kind, size)

    def test_batch_of_other_data(self):
        raw = self.batch(['{"data":{"names":["a","b"],"ndarray":[[0,1]]},"meta":{"tags":{"row":1}}}'] * 2, data_type="raw", batch_size=2)
        self.assertEqual([a["meta"]["tags"]["row"] for a in raw], [1, 1])
        self.assertEqual([a["data"]["ndarray"] for a in raw], [[[10, 20]]] * 2)

    def test_batch_feedback(self):
        told = self.batch(['{"reward":1,"response":{"meta":{"routing":{"router":1}}}}'] * 2, method="feedback", data_type="raw", transport="grpc")
        self.assertEqual([t["meta"]["tags"]["batch_index"] for t in told], [0, 1])


if __name__ == "__main__":
    unittest.main()

"""What the tests with the wrapper share: its components, started once, and
ways to ask them and the executor."""

import json
import re
import unittest

import grpc
import requests
from google.protobuf import json_format
from seldon_core.proto import prediction_pb2 as pb
from seldon_core.proto import prediction_pb2_grpc as rpc

from running import Component, Executor

SECONDS = 60
BIG = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]

components = {}


def start(**wanted):
    """Starts components, by name, that run until the end of the module."""
    for name, arguments in wanted.items():
        components[name] = Component(name, **arguments)
        unittest.addModuleCleanup(components[name].stop)
    for name in wanted:
        components[name].up()


def message(fields):
    return json_format.ParseDict(fields, pb.SeldonMessage())


def fields(answer):
    return json_format.MessageToDict(answer)


class Asks(unittest.TestCase):
    """Asks executors and components."""

    maxDiff = None

    def executor(self, graph, *flags, env=None):
        executor = Executor(graph, *flags, env=env)
        self.addCleanup(executor.stop)
        return executor

    def post(self, address, path, body, status=200, **options):
        options.setdefault("headers", {}).setdefault("Seldon-Puid", "puid-1")
        if not isinstance(body, (str, bytes, type(None))):
            options["headers"]["Content-Type"] = "application/json"
            body = json.dumps(body)
        answer = requests.post(f"http://{address}{path}", data=body, timeout=SECONDS, **options)
        self.assertEqual(answer.status_code, status, answer.text)
        return answer

    def predict(self, executor, body, status=200, **options):
        return self.post(executor.rest, "/api/v1.0/predictions", body, status, **options).json()

    def channel(self, address):
        channel = grpc.insecure_channel(str(address), options=BIG)
        self.addCleanup(channel.close)
        return channel

    def seldon(self, executor):
        return rpc.SeldonStub(self.channel(executor.rpc))

    def predict_rpc(self, executor, request):
        if isinstance(request, dict):
            request = message(request)
        return self.seldon(executor).Predict(request, timeout=SECONDS)

    def both(self, executor, body):
        """The answer over REST and the answer over gRPC, both as JSON."""
        return self.predict(executor, body), fields(self.predict_rpc(executor, body))

    def fails(self, call, request):
        with self.assertRaises(grpc.RpcError) as caught:
            call(request, timeout=SECONDS)
        return caught.exception.code(), caught.exception.details()

    def metric(self, component, name):
        """What the component's processes have counted together."""
        text = requests.get(f"http://127.0.0.1:{component.metrics}/prometheus", timeout=SECONDS).text
        return sum(map(float, re.findall(rf"^{name}{{.*}} (.*)$", text, re.MULTILINE)))

"""The parts of manifests/python/modelserver that need no framework."""

import contextlib
import gzip
import http.client
import threading
import unittest
from unittest import mock

import onnx_serving  # noqa: F401, which finds modelserver
from modelserver import web
from modelserver.model import leaf_names


class LeafNames(unittest.TestCase):
    def test_names_lead_to_what_an_answer_holds(self):
        for answer, names in (
            (0, ["output-0"]),
            ((0, (1, 2)), ["output-0", "output-1", "output-2"]),
            ({"label": 0, "score": 1}, ["label", "score"]),
            # The second state is not the scores.
            ({"states": (0, 1), "scores": 2}, ["states-0", "states-1", "scores"]),
            ({"a": {"b": 0}, "c": [1]}, ["a-b", "c-0"]),
            ({"a-0": 0, "a": [1]}, ["output-0", "output-1"]),
            ([{"a": 0}], ["output-0"]),
        ):
            self.assertEqual(leaf_names(answer), names)


class Unpacking(unittest.TestCase):
    def test_a_body_may_not_be_longer_when_it_is_unpacked(self):
        server = web.Server(("127.0.0.1", 0), lambda request: web.Response(str(len(request.body)).encode()), 1)
        server.server_activate()
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        self.addCleanup(server.drain, 5)
        with mock.patch.object(web, "MAX_BODY", 1000):
            for length, status, words in ((1000, 200, b"1000"), (1001, 400, b"more than 1000 bytes when it is unpacked")):
                connection = http.client.HTTPConnection(*server.server_address, timeout=60)
                with contextlib.closing(connection):
                    connection.request("POST", "/", gzip.compress(bytes(length)), {"Content-Encoding": "gzip"})
                    response = connection.getresponse()
                    body = response.read()
                    self.assertEqual(response.status, status, body)
                    self.assertIn(words, body)


if __name__ == "__main__":
    unittest.main()

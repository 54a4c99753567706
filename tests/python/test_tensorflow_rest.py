"""The REST API of manifests/python/tensorflow_server.py, as a client sees it."""

import base64
import concurrent.futures
import gzip
import http.client
import json
import unittest

import numpy as np

from serving import MNIST, Served, exchange


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


if __name__ == "__main__":
    unittest.main()

"""Triton's clients against the executor, and Triton itself behind it."""

import json
import os
import queue
import unittest
import urllib.error
import urllib.request

import numpy as np
import tritonclient.grpc as triton_rpc
import tritonclient.http as triton_http
from tritonclient.utils import InferenceServerException

from running import Component, Executor
from triton import Triton, write

SECONDS = 60
FLOATS = np.array([[1.0, 2.5], [-3, 1e-7]], np.float32)
# An array of each type, and the model that gives back the same.
ARRAYS = {
    "BOOL": np.array([[True, False]]),
    "UINT8": np.array([[0, 255]], np.uint8),
    "INT16": np.array([[-5, 30000]], np.int16),
    "INT32": np.array([[-5, 2**31 - 1]], np.int32),
    "INT64": np.array([[2**53 + 1, -(2**63)]]),
    "FP16": np.array([[1.5, -2]], np.float16),
    "FP32": np.array([[1.1, 3.4e38]], np.float32),
    "FP64": np.array([[1.1, 1e300]]),
    "BYTES": np.array([["one", "zwölf <&>"], ["", "\u2028"]], dtype=object),
}


def same(kind):
    return "same-" + ("string" if kind == "BYTES" else kind.lower())


def setUpModule():
    global server
    server = started()
    unittest.addModuleCleanup(server.stop)


def started(tries=4):
    """Starts Triton. On a very busy machine its Python backend may end it while
    it loads models: it waits for a lock for a while only."""
    for _ in range(tries):
        try:
            return Triton()
        except AssertionError as err:
            if "lock_exception" not in str(err):
                raise
    raise unittest.SkipTest(f"Triton ended {tries} times while it loaded its models, by a lock that this machine is too busy for")


class Fronted(unittest.TestCase):
    """Tests with both clients, of the executor and of Triton itself."""

    maxDiff = None

    def front(self, *names, flags=()):
        """An executor in front of a chain of models."""
        graph = None
        for name in reversed(names):
            graph = server.node(name, *([graph] if graph else []))
        executor = Executor(graph, *flags, protocol="v2")
        self.addCleanup(executor.stop)
        return executor

    def http(self, address, **options):
        client = triton_http.InferenceServerClient(address, network_timeout=SECONDS, **options)
        self.addCleanup(client.close)
        return client

    def rpc(self, address):
        client = triton_rpc.InferenceServerClient(address)
        self.addCleanup(client.close)
        return client

    def clients(self, *names):
        """The clients over REST and gRPC, each of the executor and of Triton."""
        executor = self.front(*names)
        yield triton_http, self.http(executor.rest), self.http(f"127.0.0.1:{server.rest}")
        yield triton_rpc, self.rpc(executor.rpc), self.rpc(f"127.0.0.1:{server.rpc}")

    def ask(self, library, array, kind="FP32", binary=True):
        x = library.InferInput("x", array.shape, kind)
        x.set_data_from_numpy(array, **({"binary_data": binary} if library is triton_http else {}))
        return [x]

    def refused(self, call):
        with self.assertRaises(InferenceServerException) as caught:
            call()
        return caught.exception.status(), caught.exception.message()

    def equal(self, got, array):
        if array.dtype == object:
            got = np.array([[w.decode() if isinstance(w, bytes) else w for w in row] for row in got], dtype=object)
        self.assertEqual(got.dtype, array.dtype)
        np.testing.assert_array_equal(got, array)


class OneModel(Fronted):
    def test_server(self):
        for library, client, _ in self.clients("double"):
            with self.subTest(library.__name__):
                self.assertTrue(client.is_server_live())
                self.assertTrue(client.is_server_ready())
                told = client.get_server_metadata()
                name, extensions = (told["name"], told["extensions"]) if isinstance(told, dict) else (told.name, told.extensions)
                self.assertEqual(name, "sdep")
                self.assertIn("binary_tensor_data", extensions)

    def test_model(self):
        for library, client, direct in self.clients("double"):
            with self.subTest(library.__name__):
                self.assertTrue(client.is_model_ready("double"))
                self.assertTrue(client.is_model_ready("double", "2"))
                self.assertFalse(client.is_model_ready("double", "3"))
                self.assertEqual(client.get_model_metadata("double"), direct.get_model_metadata("double"))
                self.assertEqual(client.get_model_config("double"), direct.get_model_config("double"))
                self.assertEqual(str(client.get_inference_statistics("double")), str(direct.get_inference_statistics("double")))

    def test_forms_of_tensors(self):
        """Tensors as JSON and as bytes, both ways, over REST."""
        for kind, array in ARRAYS.items():
            client = self.http(self.front(same(kind)).rest)
            for asked in (True, False):
                for answered in (True, False):
                    if kind == "FP16" and not (asked and answered):
                        continue  # Its numbers have no form in JSON.
                    with self.subTest(kind, asked=asked, answered=answered):
                        outputs = [triton_http.InferRequestedOutput("x", binary_data=answered)]
                        got = client.infer(same(kind), self.ask(triton_http, array, kind, asked), outputs=outputs, request_id="id-1")
                        self.assertEqual(got.get_response()["id"], "id-1")
                        self.equal(got.as_numpy("x"), array)

    def test_raw_tensors(self):
        for kind, array in ARRAYS.items():
            with self.subTest(kind):
                client = self.rpc(self.front(same(kind)).rpc)
                got = client.infer(same(kind), self.ask(triton_rpc, array, kind), request_id="id-1")
                self.assertEqual(got.get_response().id, "id-1")
                self.equal(got.as_numpy("x"), array)

    def test_versions(self):
        for library, client, _ in self.clients("double"):
            for version, factor in (("1", 2), ("2", 4), ("", 4)):
                with self.subTest(library.__name__, version=version):
                    got = client.infer("double", self.ask(library, FLOATS), model_version=version)
                    np.testing.assert_array_equal(got.as_numpy("x"), FLOATS * factor)

    def test_compression(self):
        executor = self.front("double")
        client = self.http(executor.rest)
        many = np.ones((100, 100), np.float32)
        for coding in ("gzip", "deflate"):
            for sent, wanted in ((coding, None), (None, coding), (coding, coding)):
                with self.subTest(sent=sent, wanted=wanted):
                    got = client.infer("double", self.ask(triton_http, many), model_version="1",
                                       request_compression_algorithm=sent, response_compression_algorithm=wanted)
                    np.testing.assert_array_equal(got.as_numpy("x"), many * 2)
        got = self.rpc(executor.rpc).infer("double", self.ask(triton_rpc, many), model_version="1", compression_algorithm="gzip")
        np.testing.assert_array_equal(got.as_numpy("x"), many * 2)

    def test_errors(self):
        wrong = np.array([[1]])
        for library, client, direct in self.clients("sometimes"):
            for name, call in {
                "the model's own": lambda c: c.infer("sometimes", self.ask(library, -FLOATS)),
                "version": lambda c: c.infer("sometimes", self.ask(library, FLOATS), model_version="9"),
                "type": lambda c: c.infer("sometimes", self.ask(library, wrong, "INT64")),
                "shape": lambda c: c.infer("sometimes", self.ask(library, np.ones((1, 2, 3), np.float32))),
                "output": lambda c: c.infer("sometimes", self.ask(library, FLOATS), outputs=[library.InferRequestedOutput("nothing")]),
                "model": lambda c: c.infer("nobody", self.ask(library, FLOATS)),
            }.items():
                with self.subTest(library.__name__, error=name):
                    got, want = self.refused(lambda: call(client)), self.refused(lambda: call(direct))
                    if name == "version":  # The executor says which ones there are.
                        want = want[0], 'node "sometimes": predict: the model sometimes has no version 9; available: 1'
                    self.assertEqual(got, want)
            np.testing.assert_array_equal(client.infer("sometimes", self.ask(library, abs(FLOATS))).as_numpy("x"), abs(FLOATS))

    def test_at_once(self):
        executor = self.front("double")
        client = self.http(executor.rest, concurrency=8)
        waiting = [client.async_infer("double", self.ask(triton_http, FLOATS * i), model_version="1") for i in range(40)]
        for i, one in enumerate(waiting):
            np.testing.assert_array_equal(one.get_result(timeout=SECONDS).as_numpy("x"), FLOATS * i * 2)
        client, answers = self.rpc(executor.rpc), queue.Queue()
        for i in range(40):
            client.async_infer("double", self.ask(triton_rpc, FLOATS * i), model_version="1", request_id=str(i),
                               callback=lambda result, error: answers.put((result, error)))
        for _ in range(40):
            result, error = answers.get(timeout=SECONDS)
            self.assertIsNone(error)
            np.testing.assert_array_equal(result.as_numpy("x"), FLOATS * int(result.get_response().id) * 2)

    def test_large(self):
        many = np.arange(8_000_000, dtype=np.float32).reshape(1, -1)  # 32 MB
        for library, client, _ in self.clients("double"):
            with self.subTest(library.__name__):
                got = client.infer("double", self.ask(library, many), model_version="1")
                np.testing.assert_array_equal(got.as_numpy("x"), many * 2)

    def test_puid(self):
        client = self.http(self.front("double").rest)
        plain = client.infer("double", self.ask(triton_http, FLOATS), headers={"Seldon-Puid": "mine"}, query_params={"a": 1})
        np.testing.assert_array_equal(plain.as_numpy("x"), FLOATS * 4)


class Repository(Fronted):
    """What is loaded is told through the executor, where it may be."""

    def test_refused(self):
        executor = self.front("double")
        for client in (self.http(executor.rest), self.rpc(executor.rpc)):
            for call in (client.get_model_repository_index, lambda: client.load_model("double"), lambda: client.unload_model("double")):
                status, message = self.refused(call)
                self.assertIn(status, ("403", "StatusCode.PERMISSION_DENIED"))
                self.assertIn("RADIANT_REPOSITORY_API", message)

    def test_models(self):
        executor = self.front("double", "words", flags=("--repository_api", "all"))
        direct = self.http(f"127.0.0.1:{server.rest}")
        for library, client in ((triton_http, self.http(executor.rest)), (triton_rpc, self.rpc(executor.rpc))):
            name = "triple-" + library.__name__.rpartition(".")[2]
            with self.subTest(name):
                write(server.models, name, 1)
                client.load_model(name)  # It is of no node, and all nodes have one server.
                self.assertTrue(direct.is_model_ready(name, "1"))
                write(server.models, name, 2)
                client.load_model(name)
                self.assertTrue(direct.is_model_ready(name, "2"))
                index = client.get_model_repository_index()
                models = index if isinstance(index, list) else [{"name": m.name, "version": m.version, "state": m.state} for m in index.models]
                states = {(m["name"], m.get("version", "")): m.get("state", "") for m in models}
                self.assertEqual((states[name, "1"], states[name, "2"], states["double", "2"]), ("READY",) * 3)
                client.unload_model(name)
                self.assertFalse(direct.is_model_ready(name))
                status, message = self.refused(lambda: client.load_model("nobody"))
                self.assertIn("nobody", message)


class Chain(Fronted):
    def test_named(self):
        """The name of a node means that node; the others are asked by their own."""
        for library, client, _ in self.clients("double", "triple"):
            for binary in (True, False) if library is triton_http else (True,):
                with self.subTest(library.__name__, binary=binary):
                    got = client.infer("triple", self.ask(library, FLOATS, binary=binary))
                    np.testing.assert_array_equal(got.as_numpy("x"), FLOATS * 12)

    def test_unnamed(self):
        client = self.rpc(self.front("double", "same-fp32", "triple").rpc)
        got = client.infer("", self.ask(triton_rpc, FLOATS), request_id="7")
        np.testing.assert_array_equal(got.as_numpy("x"), FLOATS * 12)
        self.assertEqual(got.get_response().id, "7")

    def test_words(self):
        for library, client, _ in self.clients("words", "same-string"):
            for binary in (True, False) if library is triton_http else (True,):
                with self.subTest(library.__name__, binary=binary):
                    got = client.infer("words", self.ask(library, ARRAYS["BYTES"], "BYTES", binary)).as_numpy("x")
                    self.equal(got, np.array([["ONE", "ZWöLF <&>"], ["", "\u2028"]], dtype=object))

    def test_errors(self):
        for library, client, _ in self.clients("sometimes", "triple"):
            status, message = self.refused(lambda: client.infer("sometimes", self.ask(library, -FLOATS)))
            self.assertIn("negative <number> & no answer", message)


class Streams(Fronted):
    def stream(self, *names, calls):
        client, answers = self.rpc(self.front(*names).rpc), queue.Queue()
        client.start_stream(callback=lambda result, error: answers.put((result, error)))
        for i, (name, array, kind) in enumerate(calls):
            client.async_stream_infer(name, self.ask(triton_rpc, array, kind), request_id=str(i))
        return client, answers

    def test_many_answers(self):
        client, answers = self.stream("countdown", calls=[("countdown", np.array([[n]], np.int32), "INT32") for n in (3, 2)])
        got = {"0": [], "1": []}
        for _ in range(5):
            result, error = answers.get(timeout=SECONDS)
            self.assertIsNone(error)
            got[result.get_response().id].append(int(result.as_numpy("x")[0, 0]))
        self.assertEqual(got, {"0": [3, 2, 1], "1": [2, 1]})
        client.stop_stream()
        self.assertTrue(answers.empty())

    def test_errors(self):
        client, answers = self.stream("sometimes", calls=[("sometimes", x, "FP32") for x in (-FLOATS, abs(FLOATS))])
        got = [answers.get(timeout=SECONDS) for _ in range(2)]
        errors = [str(error) for _, error in got if error]
        self.assertEqual(len(errors), 1)
        self.assertIn("negative <number> & no answer", errors[0])

    def test_chain(self):
        client, answers = self.stream("double", "triple", calls=[("", FLOATS * i, "FP32") for i in range(3)])
        for i in range(3):
            result, error = answers.get(timeout=SECONDS)
            self.assertIsNone(error)
            np.testing.assert_array_equal(result.as_numpy("x"), FLOATS * i * 12)


class Unspelled(unittest.TestCase):
    """What JSON has no spelling for comes to Triton as binary data, and back."""

    def front(self, name, protocol):
        executor = Executor(server.node(name, speaks="v2"), protocol=protocol)
        self.addCleanup(executor.stop)
        return executor

    def post(self, executor, path, body):
        asked = urllib.request.Request(f"http://{executor.rest}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(asked, timeout=SECONDS) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as err:
            return json.load(err)

    def test_floats(self):
        for name in ("same-fp16", "same-fp32", "same-fp64"):
            with self.subTest(name):
                got = self.post(self.front(name, "seldon"), "/api/v1.0/predictions", {"data": {"ndarray": [["NaN", "-Infinity"], [1.5, "Infinity"]]}})
                self.assertEqual(got["data"]["ndarray"], [["NaN", "-Infinity"], [1.5, "Infinity"]])
                rows = [[float("nan"), float("-inf")], [-2.5, float("inf")]]
                got = self.post(self.front(name, "tensorflow"), "/v1/models/any:predict", {"instances": rows})
                np.testing.assert_array_equal(np.array(got["predictions"]), np.array(rows))

    def test_tables(self):
        executor = self.front("same-string", "seldon")
        got = self.post(executor, "/api/v1.0/predictions", {"data": {"names": ["x"], "ndarray": [["a"], ["b"]]}})
        self.assertEqual(got["data"]["ndarray"], [["a"], ["b"]])
        got = self.post(executor, "/api/v1.0/predictions", {"data": {"names": ["x", "y"], "ndarray": [["a", 1]]}})
        self.assertIn('"y": the model has no such input; it takes "x"', got["status"]["info"])
        got = self.post(executor, "/api/v1.0/predictions", {"data": {"ndarray": [["a", 1]]}})
        self.assertEqual(got["status"]["status"], "FAILURE")


class Mixed(Fronted):
    """Triton and the wrapper in one graph, under another outside protocol than
    Triton's, so that its answers and requests are translated."""

    @classmethod
    def setUpClass(cls):
        python = os.environ["RADIANT_WRAPPER"]
        cls.scaler = Component("scaler", "components.Scaler", kind="TRANSFORMER", python=python)
        cls.model = Component("model", "components.Model", python=python)
        for component in (cls.scaler, cls.model):
            cls.addClassCleanup(component.stop)
            component.up()

    def mixed(self, protocol):
        graph = self.scaler.node(server.node("triple", self.model.node(speaks="seldon"), speaks="v2"), speaks="seldon")
        executor = Executor(graph, protocol=protocol)
        self.addCleanup(executor.stop)
        return executor

    def post(self, executor, path, body):
        asked = urllib.request.Request(f"http://{executor.rest}{path}", json.dumps(body).encode(), {"Content-Type": "application/json"})
        with urllib.request.urlopen(asked, timeout=SECONDS) as answer:
            return json.load(answer)

    def test_seldon(self):
        executor = self.mixed("seldon")
        got = self.post(executor, "/api/v1.0/predictions", {"data": {"tensor": {"shape": [1, 2], "values": [1, 2]}}, "meta": {"tags": {"mine": 1}}})
        self.assertEqual(got["data"]["tensor"], {"shape": [1, 2], "values": [12, 18]})
        self.assertEqual((got["meta"]["tags"]["mine"], got["meta"]["tags"]["last"]), (1, "model"))
        self.assertEqual(set(got["meta"]["requestPath"]), {"scaler", "model"})

    def test_tensorflow(self):
        got = self.post(self.mixed("tensorflow"), "/v1/models/any:predict", {"instances": [[1, 2]]})
        self.assertEqual(got, {"predictions": [[12, 18]]})


if __name__ == "__main__":
    unittest.main()

"""The wrapper's components as nodes of graphs."""

import base64
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor

import grpc
import requests
from google.protobuf import any_pb2, empty_pb2, struct_pb2

import wrapped
from running import HERE, Executor
from wrapped import SECONDS, Asks, components, fields, message, pb, rpc



def times(factor):
    return [{"name": "factor", "value": str(factor), "type": "INT"}]


# Each kind of payload that needs no TensorFlow.
KINDS = {
    "ndarray": {"data": {"names": ["a", "b"], "ndarray": [[1, 2], [3, 4.5]]}},
    "words in an ndarray": {"data": {"ndarray": [["one", "two"]]}},
    "tensor": {"data": {"names": ["a", "b"], "tensor": {"shape": [2, 2], "values": [1, 2, 3, 4.5]}}},
    "empty tensor": {"data": {"tensor": {"shape": [0, 2], "values": []}}},
    "strData": {"strData": "<ümlaut> & \u2028 end"},
    "jsonData": {"jsonData": {"how": ["<", 1, 1.5, None, {"deep": True}]}},
    "binData": {"binData": base64.b64encode(bytes(range(256))).decode()},
    "meta": {"strData": "x", "meta": {"puid": "mine", "tags": {"one": 1, "two": [2]}, "requestPath": {"before": "image:1"},
                                      "metrics": [{"key": "k", "type": "GAUGE", "value": 2}], "routing": {"r": 1}}},
}


def setUpModule():
    wrapped.start(
        model=dict(served="components.Model"),
        tenfold=dict(served="components.Model", parameters=times(10), env={"GUNICORN_THREADS": "4", "GRPC_THREADS": "4"}),
        threefold=dict(served="components.Model", parameters=times(3)),
        router=dict(served="components.Router", kind="ROUTER"),
        inner=dict(served="components.Router", kind="ROUTER"),
        scaler=dict(served="components.Scaler", kind="TRANSFORMER"),
        negator=dict(served="components.Scaler", kind="TRANSFORMER"),
        combiner=dict(served="components.Combiner", kind="COMBINER"),
        faulty=dict(served="components.Faulty"),
        raw=dict(served="components.Raw"),
        reader=dict(served="components.Reader"),
    )


def node(name, *children, **changes):
    return {**components[name].node(*children), **changes}


def output(name, *children):
    return node(name, *children, type="OUTPUT_TRANSFORMER")


def ndarray(*rows):
    return {"data": {"ndarray": list(rows)}}


class OneModel(Asks):
    """What the executor answers is what the component answers."""

    def setUp(self):
        self.front = self.executor(node("model"))

    def test_rest(self):
        for name, body in KINDS.items():
            with self.subTest(name):
                if name == "words in an ndarray":
                    body = {"data": {"ndarray": [[1, "one"]]}}
                    direct = self.post(f"127.0.0.1:{components['model'].rest}", "/predict", body, 500)
                    passed = self.post(self.front.rest, "/api/v1.0/predictions", body, 500)
                else:
                    direct = self.post(f"127.0.0.1:{components['model'].rest}", "/predict", body)
                    passed = self.post(self.front.rest, "/api/v0.1/predictions", body)
                self.assertEqual(passed.json(), direct.json())
                self.assertEqual(passed.headers["Content-Type"], direct.headers["Content-Type"])
                self.assertNotIn(b"<", passed.content)

    def test_grpc(self):
        direct = rpc.ModelStub(self.channel(f"127.0.0.1:{components['model'].rpc}"))
        for name, body in KINDS.items():
            with self.subTest(name):
                request = message(body)
                if name == "words in an ndarray":
                    self.assertEqual(self.fails(self.seldon(self.front).Predict, request), self.fails(direct.Predict, request))
                    continue
                self.assertEqual(self.predict_rpc(self.front, request), direct.Predict(request, timeout=SECONDS))

    def test_custom_data(self):
        raw = self.executor(node("raw"))
        packed = any_pb2.Any()
        packed.Pack(struct_pb2.Value(string_value="inside"))
        answer = self.predict_rpc(raw, pb.SeldonMessage(customData=packed))
        self.assertEqual(answer.customData, packed)
        self.assertTrue(answer.meta.tags["raw"].bool_value)

    def test_multipart(self):
        parts = {"strData": (None, "plain <text>"), "meta": (None, '{"tags":{"from":"form"}}')}
        answer = self.post(self.front.rest, "/api/v1.0/predictions", None, files=parts).json()
        self.assertEqual(answer["strData"], "plain <text><seen>")
        self.assertEqual(answer["meta"]["tags"]["from"], "form")
        content = bytes(range(256)) * 40
        answer = self.post(self.front.rest, "/api/v1.0/predictions", None, files={"binData": ("x.bin", content)}).json()
        self.assertEqual(base64.b64decode(answer["binData"]), content[::-1])
        answer = self.post(self.front.rest, "/api/v1.0/predictions", None, files={"strData": ("x.txt", "from a file")}).json()
        self.assertEqual(answer["strData"], "from a file<seen>")
        answer = self.post(self.front.rest, "/api/v1.0/predictions", None, files={"data": (None, '{"ndarray":[[1]]}')}).json()
        self.assertEqual(answer["data"]["ndarray"], [[2]])

    def test_form(self):
        answer = requests.post(f"http://{self.front.rest}/api/v1.0/predictions", data={"json": '{"strData":"in a form"}'}, timeout=SECONDS)
        self.assertEqual(answer.json()["strData"], "in a form<seen>")

    def test_large(self):
        content = bytes(range(256)) * 4 * 30_000  # 30.7 MB, 41 MB in base64
        answer = self.predict(self.front, {"binData": base64.b64encode(content).decode()})
        self.assertEqual(base64.b64decode(answer["binData"]), content[::-1])
        # The wrapper takes 4 MB over gRPC, unless an annotation says more.
        code, details = self.fails(self.seldon(self.front).Predict, pb.SeldonMessage(binData=content))
        self.assertEqual(code, grpc.StatusCode.RESOURCE_EXHAUSTED, details)
        self.assertIn("larger than max", details)
        self.assertEqual(self.predict_rpc(self.front, pb.SeldonMessage(binData=b"ab")).binData, b"ba")


class Tables(Asks):
    """A table of another protocol comes to a component as docs/translation.md
    says: as it would if it were sent so to the component itself."""

    COLUMNS = {"jsonData": {"age": [20, 60], "city": ["rome", "oslo"]}}
    ROWS = {"data": {"names": ["age", "city"], "ndarray": [[20, "rome"], [60, "oslo"]]}}
    HOLES = {"data": {"names": ["age", "city"], "ndarray": [[20, "rome"], [None, "oslo"]]}}
    # A tensor of FP64.
    DECIMAL_HOLES = {"data": {"names": ["age", "city"], "ndarray": [[20.0, "rome"], [None, "oslo"]]}}
    NO_TEXT = {"data": {"names": ["age", "city"], "ndarray": [[20, "rome"], [60, None]]}}

    def read(self, body):
        return self.post(f"127.0.0.1:{components['reader'].rest}", "/predict", body).json()["strData"]

    def front(self, protocol):
        executor = Executor(components["reader"].node(speaks="seldon"), protocol=protocol)
        self.addCleanup(executor.stop)
        return executor

    def test_tensorflow(self):
        executor = self.front("tensorflow")
        for name, body, want in (
            ("rows", {"instances": [{"age": 20, "city": "rome"}, {"age": 60, "city": "oslo"}]}, self.COLUMNS),
            ("columns", {"inputs": self.COLUMNS["jsonData"]}, self.COLUMNS),
            ("missing number", {"instances": [{"age": 20, "city": "rome"}, {"age": None, "city": "oslo"}]}, self.HOLES),
            ("missing text", {"inputs": {"age": [20, 60], "city": ["rome", None]}}, self.NO_TEXT),
        ):
            with self.subTest(name):
                got = self.post(executor.rest, "/v1/models/reader:predict", body).json()
                self.assertEqual(next(iter(got.values())), [self.read(want)])

    def test_v2(self):
        executor = self.front("v2")
        for name, kind, ages, cities, want in (
            ("rows", "INT64", [20, 60], ["rome", "oslo"], self.ROWS),
            ("missing number", "FP64", [20, None], ["rome", "oslo"], self.DECIMAL_HOLES),
            ("missing text", "INT64", [20, 60], ["rome", None], self.NO_TEXT),
        ):
            with self.subTest(name):
                body = {"parameters": {"content_type": "pd"}, "inputs": [
                    {"name": "age", "datatype": kind, "shape": [2, 1], "data": ages},
                    {"name": "city", "datatype": "BYTES", "shape": [2, 1], "data": cities}]}
                got = self.post(executor.rest, "/v2/models/reader/infer", body).json()
                self.assertEqual(got["outputs"][0]["data"], [self.read(want)])

    def test_seldon(self):
        executor = self.executor(node("reader"))
        records = {"jsonData": {"rows": [{"age": 20, "city": None}, {"age": None}]}}
        for body in (self.COLUMNS, self.ROWS, self.HOLES, self.NO_TEXT, records):
            self.assertEqual(self.predict(executor, body)["strData"], self.read(body))


class Annotated(Asks):
    def test_large_grpc(self):
        wrapped.start(annotated=dict(served="components.Model", entry=[sys.executable, HERE / "annotated.py"]))
        front = self.executor(node("annotated"))
        content = bytes(range(256)) * 4 * 30_000
        self.assertEqual(self.predict_rpc(front, pb.SeldonMessage(binData=content)).binData, content[::-1])


class Graphs(Asks):
    def check(self, graph, request, want, path, tags=None):
        """Both transports answer with the numbers want, after going through
        the components path."""
        front = self.executor(graph)
        for kind in ({"ndarray": request}, {"tensor": {"shape": [len(request), len(request[0])], "values": sum(request, [])}}):
            for answer in self.both(front, {"data": kind, "meta": {"puid": "p", "tags": {"client": 1}}}):
                with self.subTest(answer=answer):
                    data = answer["data"]
                    got = data["ndarray"] if "ndarray" in kind else data["tensor"]["values"]
                    self.assertEqual(got, want if "ndarray" in kind else sum(want, []))
                    meta = answer["meta"]
                    self.assertEqual(meta["requestPath"], {name: components[name].image for name in path})
                    self.assertEqual(meta["tags"]["last"], path[-1])
                    self.assertEqual(meta["tags"]["client"], 1)
                    for name in path:
                        self.assertTrue(meta["tags"][name])
                    counted = {m["key"] for m in meta["metrics"] if m["key"].startswith("calls")}
                    self.assertEqual(counted, {f"calls_{name}" for name in path})
                    self.assertEqual(meta["puid"], "p")

    def test_transformer(self):
        self.check(node("scaler", node("model")), [[1, 2]], [[4, 6]], ["scaler", "model"])

    def test_output_transformer(self):
        self.check(output("negator", node("model")), [[1, 2]], [[-2, -4]], ["model", "negator"])

    def test_chain_of_models(self):
        self.check(node("model", node("tenfold")), [[1, 2]], [[20, 40]], ["model", "tenfold"])

    def test_router(self):
        graph = node("router", node("model"), node("tenfold"))
        self.check(graph, [[0, 2]], [[0, 4]], ["model"])
        self.check(graph, [[1, 2]], [[10, 20]], ["tenfold"])

    def test_all_and_none(self):
        front = self.executor(node("router", node("model"), node("tenfold")))
        for answer in self.both(front, ndarray([-1, 2])):
            self.assertEqual(answer["data"]["ndarray"], [[-2, 4]])
        for answer in self.both(front, ndarray([-2, 2])):
            self.assertEqual(answer, ndarray([-2, 2]))

    def test_combiner(self):
        self.check(node("combiner", node("model"), node("tenfold")), [[1, 2]], [[12, 24]], ["model", "tenfold", "combiner"])

    def test_combined_router(self):
        self.check(node("combiner", node("router", node("model"), node("tenfold")), node("negator")),
                   [[1, 2]], [[12, 23]], ["tenfold", "negator", "combiner"])

    def test_all_kinds(self):
        inner = node("inner", {**node("model"), "name": "twin"}, node("threefold"))
        graph = node("scaler", output("negator", node("router", node("model"), node("combiner", node("tenfold"), inner))))
        # 0 + 1 routes to the combiner, and there to the inner router's child 1.
        self.check(graph, [[0, 2]], [[-13, -39]], ["scaler", "tenfold", "threefold", "combiner", "negator"])

    def test_other_data(self):
        front = self.executor(node("scaler", output("negator", node("combiner", node("model"), node("tenfold")))))
        for answer in self.both(front, {"strData": "x"}):
            self.assertEqual(answer["jsonData"], {"seen": {"parts": ["x<seen><seen>"] * 2}})
        chain = self.executor(node("scaler", node("model")))
        for answer in self.both(chain, {"binData": "AAEC"}):
            self.assertEqual(answer["binData"], "AAEC")
        for answer in self.both(chain, {"jsonData": {"a": [1, "<"]}}):
            self.assertEqual(answer["jsonData"], {"seen": {"seen": {"a": [1, "<"]}}})


class Headers(Asks):
    def test_puid(self):
        front = self.executor(node("scaler", node("model")))
        answer = self.post(front.rest, "/api/v1.0/predictions", ndarray([1, 2]))
        self.assertEqual(answer.headers["Seldon-Puid"], "puid-1")
        self.assertEqual(answer.json()["meta"]["tags"]["header"], "puid-1")
        made = requests.post(f"http://{front.rest}/api/v1.0/predictions", json=ndarray([1]), timeout=SECONDS)
        self.assertEqual(made.json()["meta"]["tags"]["header"], made.headers["Seldon-Puid"])
        self.assertEqual(len(made.headers["Seldon-Puid"]), 36)
        _, call = self.seldon(front).Predict.with_call(message(ndarray([1])), metadata=[("seldon-puid", "puid-2")], timeout=SECONDS)
        self.assertIn(("seldon-puid", "puid-2"), call.initial_metadata())
        _, call = self.seldon(front).Predict.with_call(message(ndarray([1])), timeout=SECONDS)
        self.assertEqual(len(dict(call.initial_metadata())["seldon-puid"]), 36)

    def test_cors(self):
        """The wrapper sends CORS headers of its own; the executor's count."""
        front = self.executor(node("model"), env={"CORS_ALLOWED_ORIGINS": "https://a.example"})
        asked = requests.options(f"http://{front.rest}/api/v1.0/predictions", headers={"Origin": "https://a.example"}, timeout=SECONDS)
        self.assertEqual((asked.status_code, asked.content), (200, b""))
        self.assertEqual(asked.headers["Access-Control-Allow-Methods"], "OPTIONS,POST")
        answer = self.post(front.rest, "/api/v1.0/predictions", ndarray([1]), headers={"Origin": "https://b.example"})
        self.assertEqual(answer.headers["Access-Control-Allow-Origin"], "https://a.example")

    def test_compression(self):
        front = self.executor(node("model"))
        for coding in ("gzip", "identity", ""):
            answer = self.post(front.rest, "/api/v1.0/predictions", ndarray([1]), headers={"Accept-Encoding": coding})
            self.assertEqual(answer.json()["data"]["ndarray"], [[2]])
        answer = self.seldon(front).Predict(message(ndarray([1])), compression=grpc.Compression.Gzip, timeout=SECONDS)
        self.assertEqual(fields(answer)["data"]["ndarray"], [[2]])


class Errors(Asks):
    """Every error of a component comes through as it is, from any place."""

    CASES = {
        "raise": (500, "MICROSERVICE_INTERNAL_ERROR", "it <broke> & ended"),
        "custom": (409, "MINE <&>", "refused by the user's handler"),
        "status": (403, "MINE", "not today"),
        "type": (400, "MICROSERVICE_BAD_DATA", "{"),
    }

    def graphs(self):
        yield "model", node("faulty")
        yield "first", node("faulty", node("model"), type="TRANSFORMER")
        yield "last", node("faulty", node("raw"), type="OUTPUT_TRANSFORMER")
        yield "in a branch", node("combiner", node("model"), node("faulty"))
        yield "routed", node("faulty", node("model"), type="ROUTER")

    def test_rest(self):
        for place, graph in self.graphs():
            if place == "last":
                graph["children"] = []
            front = self.executor(graph)
            for how, (status, reason, info) in self.CASES.items():
                with self.subTest(place, how=how):
                    answer = self.post(front.rest, "/api/v1.0/predictions", {"strData": how}, status)
                    said = answer.json()["status"]
                    self.assertEqual(said["reason"], reason)
                    self.assertIn(info, said["info"])
                    self.assertEqual(said["status"], 1)
                    self.assertEqual(answer.headers["Content-Type"], "application/json")
                    self.assertNotIn(b"<", answer.content)

    def test_aggregate(self):
        front = self.executor(node("faulty", node("raw"), {**node("raw"), "name": "twin"}, type="COMBINER"))
        self.assertEqual(self.predict(front, {"jsonData": {"code": 200}}, 500)["status"]["info"], "cannot aggregate 2")

    def test_grpc(self):
        for place, graph in self.graphs():
            if place == "last":
                graph["children"] = []
            front = self.executor(graph)
            code, details = self.fails(self.seldon(front).Predict, message({"strData": "raise"}))
            with self.subTest(place):
                self.assertEqual(code, grpc.StatusCode.UNKNOWN)
                self.assertEqual(details, "Exception calling application: it <broke> & ended")

    def test_bad_json(self):
        front = self.executor(node("model"))
        for body in ('{"data":', "[1,2]", '"text"', '{"nothing":1}', "{}"):
            with self.subTest(body):
                headers = {"Content-Type": "application/json"}
                direct = requests.post(f"http://127.0.0.1:{components['model'].rest}/predict", data=body, headers=headers, timeout=SECONDS)
                passed = self.post(front.rest, "/api/v1.0/predictions", body, direct.status_code, headers=headers)
                self.assertEqual(passed.json(), direct.json())
                self.assertEqual(passed.status_code, 400)
        self.assertEqual(self.predict(front, "", 400)["status"]["reason"], "MICROSERVICE_BAD_DATA")

    def test_status_of_its_own(self):
        front = self.executor(node("raw"))
        for code in (200, 400, 418, 503):
            answer = self.predict(front, {"jsonData": {"code": code}, "meta": {"tags": {"kept": 1}}}, code)
            self.assertEqual(answer["status"], {"code": code, "info": "as asked"})
            self.assertEqual(answer["meta"]["tags"], {"kept": 1})

    def test_routes(self):
        front = self.executor(node("router", node("model"), node("tenfold")))
        for route in (2, -3, 7):
            answer = self.predict(front, ndarray([route, 1]), 500)
            self.assertIn(f"route {route} is out of range", answer["status"]["info"])
            code, details = self.fails(self.seldon(front).Predict, message(ndarray([route, 1])))
            self.assertEqual(code, grpc.StatusCode.INTERNAL)
            self.assertIn(f"route {route} is out of range", details)
        self.assertEqual(self.predict(front, ndarray([0.5, 1]), 400)["status"]["info"], "Routing response must be int but got 0.5")
        self.assertEqual(self.predict(front, ndarray([1, 1]))["data"]["ndarray"], [[10, 10]])

    def test_runtime_meta(self):
        for answer in self.both(self.executor(node("faulty")), {"strData": "runtime"}):
            self.assertEqual(answer["meta"]["tags"], {"runtime": 1})
            self.assertEqual(answer["meta"]["metrics"][0]["key"], "runtime")


class Feedback(Asks):
    REWARDS, COUNT = "seldon_api_model_feedback_reward_total", "seldon_api_model_feedback_total"

    def rewards(self):
        return {name: (self.metric(c, self.COUNT), self.metric(c, self.REWARDS)) for name, c in components.items()}

    def sent(self, front, transport, feedback):
        """Sends feedback, and returns the answer and who was rewarded."""
        before = self.rewards()
        if transport == "REST":
            answer = self.post(front.rest, "/api/v1.0/feedback", feedback).json()
        else:
            answer = fields(self.seldon(front).SendFeedback(wrapped.json_format.ParseDict(feedback, pb.Feedback()), timeout=SECONDS))
        after = self.rewards()
        return answer, {n: after[n][1] - before[n][1] for n in after if after[n][0] != before[n][0]}

    def test_along_the_trail(self):
        graph = node("scaler", node("router", node("model"), node("inner", node("tenfold"), node("threefold"))))
        front = self.executor(graph, env={"SELDON_ENABLE_ROUTING_INJECTION": "true"})
        # The scaler adds 1, and the routers take the first number.
        for first, routing, rewarded in ((-1, {"router": 0}, {"router", "model"}), (0, {"router": 1, "inner": 1}, {"router", "inner", "threefold"})):
            request = ndarray([first, 5])
            for transport, response in zip(("REST", "gRPC"), self.both(front, request)):
                with self.subTest(transport, first=first):
                    taken = {name: route for name, route in response["meta"]["routing"].items() if route >= 0}
                    self.assertEqual(taken, routing)
                    feedback = {"request": request, "response": response, "reward": 0.5, "truth": ndarray([9])}
                    answer, got = self.sent(front, transport, feedback)
                    self.assertEqual(got, {name: 0.5 for name in rewarded})
                    # A transformer takes none, so REST gives the feedback back.
                    self.assertEqual(answer, feedback if transport == "REST" else {})

    def test_without_routing(self):
        front = self.executor(node("router", node("model"), node("tenfold")))
        for transport in ("REST", "gRPC"):
            with self.subTest(transport):
                feedback = {"request": {"data": {"names": ["a"], "ndarray": [[1]]}}, "reward": 2, "truth": ndarray([3])}
                answer, got = self.sent(front, transport, feedback)
                self.assertEqual(got, {"router": 2, "model": 2, "tenfold": 2})
                self.assertEqual(answer["jsonData"], {"features": [[1]], "names": ["a"], "reward": 2, "truth": [[3]], "routing": None})

    def test_given_routing(self):
        front = self.executor(node("router", node("model"), node("tenfold")))
        for transport in ("REST", "gRPC"):
            with self.subTest(transport):
                answer, got = self.sent(front, transport, {"response": {"meta": {"routing": {"router": 1}}}, "reward": -1})
                self.assertEqual(got, {"router": -1, "tenfold": -1})
                self.assertEqual(answer["jsonData"]["routing"], 1)

    def test_failing(self):
        front = self.executor(node("router", node("model"), node("faulty")))
        body = {"reward": 1, "response": {"meta": {"routing": {"router": 1}}}}
        answer = self.post(front.rest, "/api/v1.0/feedback", body, 500).json()
        self.assertEqual(answer["status"]["info"], "no feedback, please")
        code, details = self.fails(self.seldon(front).SendFeedback, wrapped.json_format.ParseDict(body, pb.Feedback()))
        self.assertEqual((code, details), (grpc.StatusCode.UNKNOWN, "Exception calling application: no feedback, please"))

    def test_unknown_field(self):
        """The wrapper reads feedback strictly."""
        front = self.executor(node("model"))
        answer = self.post(front.rest, "/api/v1.0/feedback", {"reward": 1, "extra": 1}, 400).json()
        self.assertEqual(answer["status"]["reason"], "MICROSERVICE_BAD_DATA")


class Questions(Asks):
    def setUp(self):
        self.front = self.executor(node("scaler", node("router", node("model"), node("tenfold"))))

    def get(self, path, status=200):
        answer = requests.get(f"http://{self.front.rest}{path}", timeout=SECONDS)
        self.assertEqual(answer.status_code, status, answer.text)
        return answer

    def test_node(self):
        for name in ("model", "router", "scaler"):
            direct = requests.get(f"http://127.0.0.1:{components[name].rest}/metadata", timeout=SECONDS)
            self.assertEqual(self.get(f"/api/v1.0/metadata/{name}").json(), direct.json())
            told = self.seldon(self.front).ModelMetadata(pb.SeldonModelMetadataRequest(name=name), timeout=SECONDS)
            self.assertEqual((told.name, list(told.versions), dict(told.custom)), (f"{name}-model", ["1", "2"], {"author": "tests"}))
            self.assertEqual(fields(told.inputs[0]), direct.json()["inputs"][0])

    def test_graph(self):
        over_rest = self.get("/api/v1.0/metadata").json()
        self.assertEqual(over_rest["name"], "main")
        self.assertEqual({n: m["name"] for n, m in over_rest["models"].items()}, {n: f"{n}-model" for n in ("scaler", "router", "model", "tenfold")})
        over_rpc = fields(self.seldon(self.front).GraphMetadata(empty_pb2.Empty(), timeout=SECONDS))
        self.assertEqual(over_rpc["models"], over_rest["models"])
        self.assertEqual(over_rpc["inputs"], over_rest["graphinputs"])
        self.assertEqual(over_rpc["outputs"], over_rest["graphoutputs"])
        self.assertEqual(over_rest["graphinputs"][0]["schema"]["names"], ["a", "b"])

    def test_status(self):
        self.assertEqual(self.get("/api/v1.0/status/model").json()["strData"], "healthy")
        self.get("/api/v1.0/status/nobody", 404)
        faulty = self.executor(node("faulty"))
        self.assertEqual(requests.get(f"http://{faulty.rest}/api/v1.0/status/faulty", timeout=SECONDS).json()["status"]["info"], "unwell")

    def test_ready(self):
        self.assertEqual(self.get("/ready").content, b"")
        full = self.executor(node("scaler", node("model")), "--full_health_checks=true")
        self.assertEqual(requests.get(f"http://{full.rest}/ready", timeout=SECONDS).status_code, 200)
        unwell = self.executor(node("scaler", node("faulty")), "--full_health_checks=true")
        self.assertEqual(requests.get(f"http://{unwell.rest}/ready", timeout=SECONDS).status_code, 503)


class Many(Asks):
    def test_connections(self):
        """The wrapper's ordinary server closes each connection after one
        answer, the one with threads closes idle ones: no request fails."""
        front = self.executor(node("combiner", node("model"), node("tenfold")))
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda i: self.predict(front, ndarray([i, 1]))["data"]["ndarray"], range(200)))
        self.assertEqual(answers, [[[12 * i, 12]] for i in range(200)])


if __name__ == "__main__":
    unittest.main()

"""What manifests/python/onnx_server.py answers is what onnxruntime says itself."""

import json
import unittest

import grpc
import numpy as np

from onnx_serving import MODELS, Asks, message, onnx, session


class Digits(Asks):
    """A classifier of skl2onnx, in the oldest and the newest form."""

    folder = MODELS / "digits-opset18"

    @classmethod
    def setUpClass(cls):
        cls.server = onnx(cls.folder).wait_until_ready()
        cls.addClassCleanup(cls.server.stop)
        cls.session = session(cls.folder)

    def want(self, arrays):
        labels, scores = self.session.run(["output_label", "output_probability"], arrays)
        return {"output_label": labels, "output_probability": np.array([list(row.values()) for row in scores], np.float32)}

    def test_rows_by_all_ways(self):
        for rows in (1, 64):
            arrays = {"pixels": np.random.default_rng(rows).random((rows, 64), np.float32)}
            want = self.want(arrays)
            self.assertEqual(want["output_probability"].shape, (rows, 10))
            self.assertSame(self.typed(self.json(arrays)), want)
            self.assertSame(self.raw(arrays), want)
            self.assertSame(self.rpc(arrays, as_raw=False), want)
            self.assertSame(self.rpc(arrays, as_raw=True), want)

    def test_no_rows(self):
        got = self.typed(self.json({"pixels": np.zeros((0, 64), np.float32)}))
        self.assertEqual(got["output_label"].shape, (0,))

    def test_other_types_that_say_the_same(self):
        wholes = {"pixels": np.arange(64, dtype=np.int64).reshape(1, 64) % 2}
        want = self.want({"pixels": wholes["pixels"].astype(np.float32)})
        self.assertSame(self.typed(self.json(wholes)), want)
        self.assertSame(self.typed(self.json({"pixels": wholes["pixels"].astype(np.float64)})), want)
        self.assertSame(self.rpc({"pixels": wholes["pixels"].astype(np.float64)}, as_raw=True), want)

    def test_outputs_that_are_asked_for(self):
        arrays = {"pixels": np.full((2, 64), 0.5, np.float32)}
        status, answer = self.json(arrays, outputs=[{"name": "output_label"}], id="mine")
        self.assertEqual((status, answer["id"], answer["model_name"], answer["model_version"]), (200, "mine", "m", "1"))
        self.assertEqual([o["name"] for o in answer["outputs"]], ["output_label"])
        status, answer = self.json(arrays, outputs=[{"name": "labels"}])
        self.assertEqual((status, answer["error"]), (400, "there is no output 'labels'; the model gives output_label, output_probability"))

    def test_labels_of_columns(self):
        _, answer = self.json({"pixels": np.zeros((1, 64), np.float32)})
        self.assertEqual(json.loads(answer["outputs"][1]["parameters"]["labels"]), list(range(10)))

    def test_wrong_requests_name_what_is_wrong(self):
        row = [0.5] * 64

        def inputs(**changed):
            return json.dumps({"inputs": [{"name": "pixels", "datatype": "FP32", "shape": [1, 64], "data": row} | changed]})

        for body, words in (
            ("{", "not JSON"),
            ("[]", "not a JSON object"),
            ('{"inputs": []}', "'inputs' must be a list"),
            (inputs(name="pixel"), "there is no input 'pixel'; missing: pixels; the model takes pixels"),
            (inputs(shape=[2, 32]), "input 'pixels' has the shape [2, 32], and the model takes [-1, 64]"),
            (inputs(shape=[1, 65]), "64 elements do not make the shape [1, 65]"),
            (inputs(shape=[-1, 64]), "shape must be a list of whole numbers"),
            (inputs(datatype="FLOAT"), "there is no datatype 'FLOAT'"),
            (inputs(datatype=["FP32"]), "there is no datatype ['FP32']"),
            (inputs(shape=[1] * 100, data=[0.5]), "input 'pixels': maximum supported dimension"),
            (inputs(shape=[0, 2**63], data=[]), "input 'pixels': Maximum allowed dimension exceeded"),
            (inputs(shape=[0, 2**62, 2**62], data=[]), "input 'pixels': array is too big"),
            (inputs(data=["a"] * 64), "there is text among the data"),
            (inputs(data=row[1:] + ["1"]), "there is text among the data"),
            (inputs(data=[row, [1.0]]), "not of one length"),
            (inputs(data=[1e300] + row[1:], datatype="FP64"), "1e+300 cannot be said in FP32"),
            (inputs(data=[16777217] + [0] * 63, datatype="INT64"), "16777217 cannot be said in FP32"),
            (inputs(data=["a"] * 64, datatype="BYTES"), "the model takes FP32, not BYTES"),
            (inputs(parameters={"binary_data_size": 9}), "binary_data_size is 9, and 0 bytes are left"),
            (json.dumps({"inputs": json.loads(inputs())["inputs"] * 2}), "input 'pixels' is there twice"),
        ):
            status, answer = self.post(body)
            self.assertEqual(status, 400, f"{body[:80]}: {answer}")
            self.assertIn(words, answer["error"])

    def test_numbers_and_texts_that_python_does_not_take(self):
        body = json.dumps({"id": "7\ud800", "inputs": [{"name": "pixels", "datatype": "FP32", "shape": [1, 64], "data": [0.5] * 64}]})
        status, answer = self.post(body)
        self.assertEqual((status, answer.get("id")), (200, "7?"), answer)
        self.assertEqual(self.post(body, "/v2/models/m/versions/" + "9" * 5000 + "/infer")[0], 404)
        self.assertEqual(self.post(body, headers={"Inference-Header-Content-Length": "9" * 5000})[0], 400)

    def test_missing_values(self):
        _, answer = self.post(json.dumps({"inputs": [{"name": "pixels", "datatype": "FP32", "shape": [1, 64], "data": [None] * 64}]}))
        # A logistic regression of nothing is nothing: JSON has null for it.
        self.assertEqual(answer["outputs"][1]["data"], [None] * 10)

    def test_metadata_and_health(self):
        for path in ("/v2/health/live", "/v2/health/ready", "/v2/models/m/ready", "/v2/models/m/versions/1/ready"):
            self.assertEqual(self.server.request("GET", path)[0], 200, path)
        for path in ("/v2/models/n/ready", "/v2/models/m/versions/2/ready", "/v2/models/m/versions/x", "/v3"):
            self.assertEqual(self.server.request("GET", path)[0], 404, path)
        self.assertEqual(self.server.request("GET", "/v2/models/m/infer")[0], 405)
        self.assertIn(b"binary_tensor_data", self.server.request("GET", "/v2")[2])
        described = json.loads(self.server.request("GET", "/v2/models/m")[2])
        self.assertEqual(described["versions"], ["1"])
        self.assertEqual(described["inputs"], [{"name": "pixels", "datatype": "FP32", "shape": [-1, 64]}])
        over_grpc = self.call("ModelMetadata", message("ModelMetadataRequest")(name="m"))
        self.assertEqual([(o.name, o.datatype, list(o.shape)) for o in over_grpc.outputs], [("output_label", "INT64", [-1]), ("output_probability", "FP32", [-1, 10])])
        # Before any request was answered.
        self.assertEqual(json.loads(described["outputs"][1]["parameters"]["labels"]), list(range(10)))
        self.assertTrue(self.call("ModelReady", message("ModelReadyRequest")(name="m")).ready)
        self.assertFalse(self.call("ModelReady", message("ModelReadyRequest")(name="n")).ready)
        self.assertTrue(self.call("ServerLive", message("ServerLiveRequest")()).live)

    def test_codes_over_grpc(self):
        request = message("ModelInferRequest")(model_name="m")
        for change, code in (
            (lambda: (request.inputs.add(name="pixels", datatype="FP32", shape=[0, 2**62, 2**62]), request.raw_input_contents.append(b"")), grpc.StatusCode.INVALID_ARGUMENT),
            (lambda: (request.ClearField("inputs"), request.ClearField("raw_input_contents"), setattr(request, "model_version", "9" * 5000)), grpc.StatusCode.NOT_FOUND),
            (lambda: request.ClearField("model_version"), grpc.StatusCode.INVALID_ARGUMENT),
            (lambda: setattr(request, "model_name", "n"), grpc.StatusCode.NOT_FOUND),
            (lambda: (setattr(request, "model_name", "m"), request.inputs.add(name="pixels", datatype="FP32", shape=[1, 64])), grpc.StatusCode.INVALID_ARGUMENT),
        ):
            change()
            with self.assertRaises(grpc.RpcError) as caught:
                self.call("ModelInfer", request)
            self.assertEqual(caught.exception.code(), code, caught.exception.details())

    def test_metrics_count_answers(self):
        self.post("{")
        self.rpc({"pixels": np.zeros((1, 64), np.float32)}, as_raw=True)
        text = self.server.request("GET", "/metrics")[2].decode()
        for labels in ('code="INVALID_ARGUMENT",model="m",transport="rest"', 'code="OK",model="m",transport="grpc"'):
            self.assertRegex(text, rf"model_infer_request_seconds_count\{{{labels}\}} [1-9]")


class OldDigits(Digits):
    folder = MODELS / "digits-opset9"


class Kinds(Asks):
    """Each kind of tensor arrives and comes back as it is."""

    @classmethod
    def setUpClass(cls):
        cls.server = onnx(MODELS / "kinds").wait_until_ready()
        cls.addClassCleanup(cls.server.stop)
        cls.arrays = {
            "words": np.array(["größe", "b\n"], object), "flags": np.array([True, False]), "bytes": np.array([0, 255], np.uint8),
            "shorts": np.array([-32768, 32767], np.int16), "wholes": np.array([-(2**63), 2**63 - 1]),
            "halves": np.array([0.1, -65504], np.float16), "floats": np.array([0.1, np.nan], np.float32),
            "doubles": np.array([[0.1, -0.0], [np.inf, 5e-324]]),
        }
        cls.want = {n + "_out": a for n, a in cls.arrays.items()} | {"words_out": np.array(["größegröße", "b\nb\n"], object)}

    def test_json(self):
        inputs = []
        for name, array in self.arrays.items():
            data = [None if isinstance(v, float) and v != v else v for v in array.ravel().tolist()]
            inputs.append({"name": name, "datatype": message_datatype(array), "shape": list(array.shape), "data": data})
        # Inputs go by their names, in whatever order they come.
        self.assertSame(self.typed(self.post(json.dumps({"inputs": inputs[::-1]}))), self.want)

    def test_bytes_and_grpc(self):
        self.assertSame(self.raw(self.arrays), self.want)
        self.assertSame(self.rpc(self.arrays, as_raw=True), self.want)

    def test_a_column_may_be_of_one_or_of_two_dimensions(self):
        turned = {n: a.reshape(-1, 1) if a.ndim == 1 else a for n, a in self.arrays.items()}
        self.assertSame(self.raw(turned), self.want)

    def test_what_a_type_cannot_say(self):
        for name, data, words in (
            ("wholes", [1.5, 2], "1.5 cannot be said in INT64"),
            ("wholes", [None, 2], "element 0 is null, which INT64 cannot say"),
            ("wholes", [2**63, 2], "cannot be said in INT64"),
            ("bytes", [-1, 2], "-1 cannot be said in UINT8"),
            ("flags", [2, 0], "2 cannot be said in BOOL"),
            ("words", [None, "a"], "element 0 is null, and the data are BYTES"),
            ("words", [1, "a"], "element 0 is no text, and the data are BYTES"),
        ):
            inputs = [{"name": name, "datatype": message_datatype(self.arrays[name]), "shape": [2], "data": data}]
            status, answer = self.post(json.dumps({"inputs": inputs}))
            self.assertEqual(status, 400, answer)
            self.assertIn(f"input '{name}': ", answer["error"])
            self.assertIn(words, answer["error"])

    def test_text_that_is_no_text(self):
        head = json.dumps({"inputs": [{"name": "words", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": 5}}]}).encode()
        status, answer = self.post(head + b"\1\0\0\0\xff", headers={"Inference-Header-Content-Length": str(len(head))})
        self.assertEqual((status, answer["error"]), (400, "input 'words': a text is not UTF-8"))


def message_datatype(array):
    from modelserver import tensors

    return tensors.datatype(array)


class Fixed(Asks):
    """A model for two rows and no other number of them."""

    def test_it_says_so(self):
        Fixed.server = onnx(MODELS / "fixed").wait_until_ready()
        self.addCleanup(self.server.stop)
        rows = np.array([[1, 1, 1], [0, 3, -1]], np.float32)
        want = {"y": np.array([[1, 0.5, np.inf], [0, 1.5, -np.inf]], np.float32)}
        self.assertSame(self.typed(self.json({"x": rows})), want)
        self.assertSame(self.rpc({"x": rows}, as_raw=False), want)
        status, answer = self.json({"x": rows[:1]})
        self.assertEqual((status, answer["error"]), (400, "input 'x' has the shape [1, 3], and the model takes [2, 3]"))


class Unsaid(Asks):
    """A model that does not say how many columns it takes."""

    def test_what_it_does_not_take_is_refused(self):
        Unsaid.server = onnx(MODELS / "unsaid").wait_until_ready()
        self.addCleanup(self.server.stop)
        rows = np.array([[1, 0, 0, 0], [0, 0, 0, 2]], np.float32)
        self.assertSame(self.typed(self.json({"x": rows})), {"y": np.array([[0, 1], [12, 14]], np.float32)})
        status, answer = self.json({"x": rows[:, :3]})
        self.assertEqual(status, 400, answer)
        self.assertIn("MatMul dimension mismatch", answer["error"])
        with self.assertRaises(grpc.RpcError) as caught:
            self.rpc({"x": rows[:, :3]}, as_raw=True)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)


class Doubles(Asks):
    """ZipMap of doubles, as skl2onnx writes it, with which onnxruntime loads no model."""

    def test_they_are_columns(self):
        Doubles.server = onnx(MODELS / "maps-doubles").wait_until_ready()
        self.addCleanup(self.server.stop)
        rows = np.array([[1, 2, 1 / 3]])
        self.assertSame(self.typed(self.json({"x": rows})), {"scores": rows})
        described = json.loads(self.server.request("GET", "/v2/models/m")[2])
        self.assertEqual(described["outputs"], [{"name": "scores", "datatype": "FP64", "shape": [-1, 3], "parameters": {"labels": "[1,2,3]"}}])


class Sized(Asks):
    """A model whose answer is as long as the request says."""

    def test_too_little_memory_is_no_fault_of_the_request(self):
        Sized.server = onnx(MODELS / "sized").wait_until_ready()
        self.addCleanup(self.server.stop)
        self.assertSame(self.typed(self.json({"shape": np.array([3])})), {"y": np.zeros(3, np.float32)})
        # More bytes than there are addresses.
        large = {"shape": np.array([2**50])}
        status, answer = self.json(large)
        self.assertEqual(status, 500, answer)
        self.assertIn("onnxruntime has too little memory for this request: ", answer["error"])
        with self.assertRaises(grpc.RpcError) as caught:
            self.rpc(large, as_raw=True)
        self.assertEqual(caught.exception.code(), grpc.StatusCode.INTERNAL, caught.exception.details())
        self.assertEqual(self.json({"shape": np.array([-3])})[0], 400)
        self.assertEqual(self.json({"shape": np.array([1])})[0], 200)


class Maps(Asks):
    """What ZipMap makes of scores is columns in the order of the labels, however the
    model has it."""

    def test_they_are_columns(self):
        rows = np.array([[1, 2, 4], [0, -1, np.nan]], np.float32)
        for name, labels, scores in (
            ("maps-texts", ["cat", "dog", "owl"], rows),
            ("maps-turned", [0, 1, 2], rows[:, [1, 2, 0]]),
            ("maps-weighed", [3, 5, 7], rows * np.array([1, 2, 0.5], np.float32)),
        ):
            with self.subTest(name):
                server = type(self).server = onnx(MODELS / name).wait_until_ready()
                try:
                    (said,) = session(MODELS / name).run(None, {"x": rows})
                    self.assertEqual(list(said[0]), labels)
                    np.testing.assert_array_equal([list(row.values()) for row in said], scores)
                    answer = self.json({"x": rows})
                    self.assertSame(self.typed(answer), {"scores": scores})
                    self.assertSame(self.rpc({"x": rows}, as_raw=True), {"scores": scores})
                    self.assertEqual(json.loads(answer[1]["outputs"][0]["parameters"]["labels"]), labels)
                finally:
                    server.stop()


if __name__ == "__main__":
    unittest.main()

"""What torch.onnx and tf2onnx write is served as the framework itself answers."""

import json
import unittest

import numpy as np

from onnx_serving import MODELS, Asks, onnx

EXPORTS = MODELS / "exports"


class Exports(Asks):
    def test_answers_are_those_of_the_framework(self):
        # Where the shape of a batch is not said, it varies: 1 row is no example of 64.
        for name in (
            "torch-opset18", "torch-opset23", "torchscript-opset9", "torchscript-opset17", "tf2onnx-opset9", "tf2onnx-opset18",
        ):
            server = type(self).server = onnx(EXPORTS / name).wait_until_ready()
            try:
                with self.subTest(name):
                    self.check(json.loads((EXPORTS / name / "answers.json").read_text()))
            finally:
                server.stop()

    def check(self, said):
        pixels = np.array(said["pixels"], np.float32).reshape(-1, *said["shape"])
        scores = np.array(said["scores"], np.float32)
        described = json.loads(self.server.request("GET", "/v2/models/m")[2])
        self.assertEqual(described["inputs"], [{"name": "pixels", "datatype": "FP32", "shape": [-1, *said["shape"]]}])
        self.assertEqual(described["outputs"], [{"name": "scores", "datatype": "FP32", "shape": [-1, 10]}])
        for rows in (1, len(pixels)):
            given = {"pixels": pixels[:rows]}
            for answer in (self.typed(self.json(given)), self.raw(given), self.rpc(given, as_raw=False), self.rpc(given, as_raw=True)):
                self.assertEqual(list(answer), ["scores"])
                np.testing.assert_allclose(answer["scores"], scores[:rows], rtol=1e-5, atol=1e-6)
                np.testing.assert_array_equal(answer["scores"].argmax(1), scores[:rows].argmax(1))


if __name__ == "__main__":
    unittest.main()

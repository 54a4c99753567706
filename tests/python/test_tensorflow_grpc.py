"""The gRPC services of manifests/python/tensorflow_server.py, as a client sees them."""

import json
import unittest

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.example import example_pb2
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    inference_pb2,
    predict_pb2,
    regression_pb2,
)

from serving import MNIST, Served


class Grpc(Served):
    def request(self, model, signature="", version=None, **inputs):
        request = predict_pb2.PredictRequest()
        request.model_spec.name = model
        request.model_spec.signature_name = signature
        if version:
            request.model_spec.version.value = version
        for name, value in inputs.items():
            request.inputs[name].CopyFrom(value)
        return request

    def test_mnist_answers_as_keras_does(self):
        expected = json.loads((MNIST / "expected.json").read_text())
        tensor = json.loads((MNIST / "requests" / "seldon-tensor.json").read_text())["data"]["tensor"]
        images = np.array(tensor["values"], np.float32).reshape(tensor["shape"])
        packed = tf.make_tensor_proto(images)
        self.assertTrue(packed.tensor_content)
        listed = type(packed)(dtype=packed.dtype, tensor_shape=packed.tensor_shape, float_val=images.ravel())
        for proto in (packed, listed):
            answer = self.prediction.Predict(self.request("mnist-model", "predict_images", images=proto))
            scores = answer.outputs["scores"]
            self.assertEqual(len(scores.float_val), 100)
            np.testing.assert_allclose(tf.make_ndarray(scores), expected["scores"], atol=1e-6)
            spec = answer.model_spec
            self.assertEqual((spec.name, spec.signature_name, spec.version.value), ("mnist-model", "predict_images", 1))

    def test_types_filters_and_versions(self):
        numbers = tf.make_tensor_proto([[2**53 + 1, 0]], tf.int64)
        words = tf.make_tensor_proto([b"\xff\x00"])
        request = self.request("add", "several", numbers=numbers, words=words)
        answer = self.prediction.Predict(request)
        self.assertEqual(sorted(answer.outputs), ["raw_bytes", "shout", "sum"])
        self.assertEqual(list(answer.outputs["sum"].int64_val), [2**53 + 1])
        self.assertEqual(list(answer.outputs["raw_bytes"].string_val), [b"\xff\x00"])
        request.output_filter.append("sum")
        self.assertEqual(list(self.prediction.Predict(request).outputs), ["sum"])
        request.output_filter.append("no")
        self.assertCode(grpc.StatusCode.INVALID_ARGUMENT, "not found in signature: no", self.prediction.Predict, request)
        request.output_filter[:] = ["sum", "sum"]
        self.assertCode(grpc.StatusCode.INVALID_ARGUMENT, "duplicate", self.prediction.Predict, request)
        zero = tf.make_tensor_proto([0.0])
        for version, want in ((None, 3.0), (3, 2.0)):
            answer = self.prediction.Predict(self.request("add", version=version, x=zero))
            self.assertEqual(list(answer.outputs["y"].float_val), [want])
        labelled = self.request("add", x=zero)
        labelled.model_spec.version_label = "old"
        self.assertEqual(list(self.prediction.Predict(labelled).outputs["y"].float_val), [2.0])

    def test_bad_requests(self):
        invalid, missing = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND
        one = tf.make_tensor_proto([1.0])
        short = type(one)(dtype=1, tensor_content=b"123")
        short.tensor_shape.dim.add(size=4)
        for code, words, request in (
            (invalid, "no name", self.request("")),
            (missing, "Latest(other)", self.request("other", x=one)),
            (missing, "Specific(add, 4)", self.request("add", version=4, x=one)),
            (grpc.StatusCode.FAILED_PRECONDITION, 'Serving signature key "no" not found.', self.request("add", "no", x=one)),
            (invalid, "Missing but required: {x}", self.request("add")),
            (invalid, "Sent extra: {z}", self.request("add", x=one, z=one)),
            (invalid, "expects float32, got float64", self.request("add", x=tf.make_tensor_proto([1.0], tf.float64))),
            (invalid, "shape (1, 1)", self.request("add", x=tf.make_tensor_proto([[1.0]]))),
            (invalid, "not a tensor", self.request("add", x=short)),
            (invalid, "not a tensor", self.request("add", x=type(one)(dtype=0))),
        ):
            with self.subTest(words=words):
                self.assertCode(code, words, self.prediction.Predict, request)

    def test_status_and_metadata(self):
        request = get_model_status_pb2.GetModelStatusRequest()
        self.assertCode(grpc.StatusCode.INVALID_ARGUMENT, "Missing ModelSpec", self.models.GetModelStatus, request)
        request.model_spec.name = "add"
        lines = self.models.GetModelStatus(request).model_version_status
        self.assertEqual([(l.version, l.state) for l in lines], [(12, 30), (3, 30)])
        request.model_spec.name = "other"
        self.assertCode(grpc.StatusCode.NOT_FOUND, "other", self.models.GetModelStatus, request)
        request = get_model_metadata_pb2.GetModelMetadataRequest()
        request.model_spec.name = "mnist-model"
        self.assertCode(grpc.StatusCode.INVALID_ARGUMENT, "metadata_field", self.prediction.GetModelMetadata, request)
        request.metadata_field.append("signature_def")
        answer = self.prediction.GetModelMetadata(request)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        self.assertTrue(answer.metadata["signature_def"].Unpack(signatures))
        self.assertEqual(signatures.signature_def["predict_images"].outputs["scores"].dtype, 1)

    def test_classify_regress_and_both(self):
        example = example_pb2.Example()
        example.features.feature["x"].float_list.value.extend([0.25, 0.5])
        request = classification_pb2.ClassificationRequest()
        request.model_spec.name, request.model_spec.signature_name = "add", "classify"
        self.assertCode(grpc.StatusCode.INVALID_ARGUMENT, "empty", self.prediction.Classify, request)
        request.input.example_list.examples.append(example)
        classes = self.prediction.Classify(request).result.classifications[0].classes
        self.assertEqual([(c.label, c.score) for c in classes], [("first", 0.25), ("second", 0.5)])
        request = regression_pb2.RegressionRequest(input=request.input)
        request.model_spec.name, request.model_spec.signature_name = "add", "regress"
        self.assertEqual(self.prediction.Regress(request).result.regressions[0].value, 0.75)
        both = inference_pb2.MultiInferenceRequest(input=request.input)
        for name in ("classify", "regress"):
            task = both.tasks.add(method_name=f"tensorflow/serving/{name}")
            task.model_spec.name, task.model_spec.signature_name = "add", name
        results = self.prediction.MultiInference(both).results
        self.assertEqual(results[0].classification_result.classifications[0].classes[1].score, 0.5)
        self.assertEqual(results[1].regression_result.regressions[0].value, 0.75)


if __name__ == "__main__":
    unittest.main()

"""Writes the versions of this sample's model: rents of flats by their size.

    pip install --no-deps -r ../../manifests/python/tensorflow.txt
    python make_model.py

Versions 3 and 7 take the size; 7 in another type, and its answer has another name.
Version 10 takes the number of rooms, too, and nobody has checked it yet.
"""

import pathlib
import shutil

import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

MODEL = pathlib.Path(__file__).parent / "model"


class Rents(tf.Module):
    """Rents by a linear function of the inputs, in the type that they have."""

    def __init__(self, weights, bias, dtype, takes, gives):
        super().__init__()
        self.weights = tf.Variable([[w] for w in weights], dtype=dtype, name="weights")
        self.bias = tf.Variable(bias, dtype=dtype, name="bias")
        spec = tf.TensorSpec([None, len(weights)], dtype, name=takes)
        self.answer = tf.function(
            lambda x: {gives: tf.matmul(x, self.weights) + self.bias}
        ).get_concrete_function(spec)


def save(version, module):
    folder = MODEL / str(version)
    shutil.rmtree(folder, ignore_errors=True)
    tf.saved_model.save(module, str(folder), signatures=module.answer)
    return folder


def warm_up(folder, name, rows):
    """Writes requests that TensorFlow Serving sends to a version before clients do."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "rents"
    request.inputs[name].CopyFrom(rows)
    log = prediction_log_pb2.PredictionLog(
        predict_log=prediction_log_pb2.PredictLog(request=request)
    )
    (folder / "assets.extra").mkdir()
    with tf.io.TFRecordWriter(str(folder / "assets.extra" / "tf_serving_warmup_requests")) as out:
        out.write(log.SerializeToString())


save(3, Rents([10], 100, tf.float32, "size", "rent"))
seven = save(7, Rents([11], 80, tf.float64, "size", "euros"))
warm_up(seven, "size", tf.make_tensor_proto([[50.0]], tf.float64))
save(10, Rents([9, 40], 120, tf.float32, "size_and_rooms", "rent"))

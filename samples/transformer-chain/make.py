"""Writes the request and the answer of this sample from those of mnist.

    pip install --no-deps -r ../../manifests/python/tensorflow.txt
    python make.py

The request holds the ten digits of mnist as whole grey values from 0 to 255;
the answer is what its model says of them in this process.
"""

import json
import pathlib

import numpy as np
import tensorflow as tf

from component import NAMES

HERE = pathlib.Path(__file__).resolve().parent
MNIST = HERE.parent / "mnist"


def write(name, value):
    (HERE / name).write_text(json.dumps(value, separators=(",", ":")) + "\n")


def main():
    digits = json.loads((MNIST / "requests" / "seldon-ndarray.json").read_text())
    pixels = np.rint(np.array(digits["data"]["ndarray"]) * 255)
    model = tf.saved_model.load(str(MNIST / "model" / "1")).signatures["predict_images"]
    scores = model(images=tf.constant(pixels / 255, tf.float32))["scores"].numpy()
    rows = [[NAMES[row.argmax()], float(str(row.max()))] for row in scores]
    write("request.json", {"data": {"ndarray": pixels.astype(int).tolist()}})
    write("response.json", {"data": {"names": ["digit", "chance"], "ndarray": rows}})


if __name__ == "__main__":
    main()

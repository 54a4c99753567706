"""Writes what torch.onnx and tf2onnx make of a small network for digits, 8x8, and beside
each file what the framework itself answers.

    pip install --no-deps -r ../../../manifests/python/mlserver-sklearn.txt -r ../../../manifests/python/onnx.txt \\
        -r ../../../manifests/python/torch.txt -r ../../../manifests/python/tensorflow.txt -r exports.txt
    python exports.py
"""

import json
import pathlib
import shutil

import numpy as np
import onnx
import tensorflow as tf
import tf2onnx
import torch
from sklearn.datasets import load_digits

HERE = pathlib.Path(__file__).resolve().parent / "exports"
ROWS = 64


class Network(torch.nn.Module):
    """Features that slide over the picture, and the scores of ten digits."""

    def __init__(self):
        super().__init__()
        self.features = torch.nn.Conv2d(1, 4, 3, padding=1)
        self.scores = torch.nn.Linear(64, 10)

    def forward(self, pixels):
        found = torch.nn.functional.max_pool2d(torch.relu(self.features(pixels)), 2)
        return torch.softmax(self.scores(found.flatten(1)), 1)


def trained(pixels, digits):
    torch.manual_seed(0)
    network = Network()
    optimizer = torch.optim.Adam(network.parameters(), 0.01)
    for _ in range(300):
        optimizer.zero_grad()
        torch.nn.functional.nll_loss(torch.log(network(pixels) + 1e-9), digits).backward()
        optimizer.step()
    return network.eval()


def of_tensorflow(network):
    """The same network as TensorFlow has it: channels come last."""
    weights = {name: value.detach().numpy() for name, value in network.named_parameters()}
    kernel = tf.Variable(weights["features.weight"].transpose(2, 3, 1, 0))
    # Its rows in the order in which channels that are last become flat.
    flat = tf.Variable(weights["scores.weight"].reshape(10, 4, 4, 4).transpose(2, 3, 1, 0).reshape(64, 10))
    biases = tf.Variable(weights["features.bias"]), tf.Variable(weights["scores.bias"])

    @tf.function(input_signature=[tf.TensorSpec([None, 8, 8, 1], tf.float32, name="pixels")])
    def scores(pixels):
        found = tf.nn.relu(tf.nn.conv2d(pixels, kernel, 1, "SAME") + biases[0])
        found = tf.reshape(tf.nn.max_pool2d(found, 2, 2, "VALID"), [-1, 64])
        return {"scores": tf.nn.softmax(found @ flat + biases[1])}

    return scores


def save(name, opset, pixels, scores):
    folder = HERE / name
    model = onnx.load(folder / "model.onnx")
    onnx.checker.check_model(model)
    said = {o.domain: o.version for o in model.opset_import}
    assert said[""] == opset, f"{name}: {said}"
    answers = {"shape": pixels.shape[1:], "pixels": pixels.reshape(ROWS, -1).astype(int).tolist(), "scores": [[float(str(v)) for v in row] for row in scores]}
    (folder / "answers.json").write_text(json.dumps(answers, separators=(",", ":")) + "\n")


def run():
    shutil.rmtree(HERE, ignore_errors=True)
    images, digits = load_digits(return_X_y=True)
    pixels = images.reshape(-1, 1, 8, 8).astype(np.float32)
    network = trained(torch.from_numpy(pixels), torch.from_numpy(digits))
    example = torch.from_numpy(pixels[:2])
    with torch.inference_mode():
        scores = network(torch.from_numpy(pixels[:ROWS])).numpy()
    print("right of the rows:", (scores.argmax(1) == digits[:ROWS]).mean())
    for opset in (18, 23):
        (HERE / f"torch-opset{opset}").mkdir(parents=True)
        torch.onnx.export(
            network, (example,), HERE / f"torch-opset{opset}" / "model.onnx", input_names=["pixels"], output_names=["scores"],
            opset_version=opset, dynamic_shapes={"pixels": {0: torch.export.Dim("rows")}}, external_data=False,
        )
        save(f"torch-opset{opset}", opset, pixels[:ROWS], scores)
    for opset in (9, 17):
        (HERE / f"torchscript-opset{opset}").mkdir(parents=True)
        torch.onnx.export(
            network, (example,), HERE / f"torchscript-opset{opset}" / "model.onnx", input_names=["pixels"], output_names=["scores"],
            opset_version=opset, dynamic_axes={"pixels": {0: "rows"}, "scores": {0: "rows"}}, dynamo=False,
        )
        save(f"torchscript-opset{opset}", opset, pixels[:ROWS], scores)
    last = pixels[:ROWS].transpose(0, 2, 3, 1)
    function = of_tensorflow(network)
    scores = function(last)["scores"].numpy()
    for opset in (9, 18):
        (HERE / f"tf2onnx-opset{opset}").mkdir(parents=True)
        tf2onnx.convert.from_function(function, function.input_signature, opset, output_path=str(HERE / f"tf2onnx-opset{opset}" / "model.onnx"))
        save(f"tf2onnx-opset{opset}", opset, last, scores)


if __name__ == "__main__":
    run()

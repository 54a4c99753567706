"""Writes the ONNX models of this folder, as exporters of several ages write them.

    pip install --no-deps -r ../../../manifests/python/mlserver-sklearn.txt \\
        -r ../../../manifests/python/onnx.txt -r ../../../samples/tumours-onnx/requirements.txt
    python make.py
"""

import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

HERE = pathlib.Path(__file__).resolve().parent


def save(name, model):
    onnx.checker.check_model(model)
    (HERE / name).mkdir(exist_ok=True)
    onnx.save(model, HERE / name / "model.onnx")


def digits(opset):
    """A classifier of digits, 8x8: one input of 64 columns, ZipMap behind it."""
    data, target = load_digits(return_X_y=True)
    model = LogisticRegression(max_iter=300).fit(data / 16, target)
    return to_onnx(model, initial_types=[("pixels", FloatTensorType([None, 64]))], target_opset=opset)


def kinds():
    """Each kind of tensor in, and out again; words twice."""
    types = {
        "words": TensorProto.STRING, "flags": TensorProto.BOOL, "bytes": TensorProto.UINT8, "shorts": TensorProto.INT16,
        "wholes": TensorProto.INT64, "halves": TensorProto.FLOAT16, "floats": TensorProto.FLOAT, "doubles": TensorProto.DOUBLE,
    }
    nodes = [helper.make_node("StringConcat", ["words", "words"], ["words_out"])]
    nodes += [helper.make_node("Identity", [n], [n + "_out"]) for n in types if n != "words"]
    graph = helper.make_graph(
        nodes, "kinds",
        [helper.make_tensor_value_info(n, t, ["n"] if n != "doubles" else ["n", 2]) for n, t in types.items()],
        [helper.make_tensor_value_info(n + "_out", t, ["n"] if n != "doubles" else ["n", 2]) for n, t in types.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)], ir_version=10)


def fixed():
    """A model for two rows and no other number of them."""
    graph = helper.make_graph(
        [helper.make_node("Div", ["x", "by"], ["y"])], "fixed",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 3])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 3])],
        [helper.make_tensor("by", TensorProto.FLOAT, [3], np.array([1, 2, 0], np.float32))],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def unsaid():
    """A model that does not say how many columns it takes, which are four."""
    graph = helper.make_graph(
        [helper.make_node("MatMul", ["x", "by"], ["y"])], "unsaid",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", "columns"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", 2])],
        [helper.make_tensor("by", TensorProto.FLOAT, [4, 2], np.arange(8, dtype=np.float32))],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


if __name__ == "__main__":
    save("digits-opset9", digits({"": 9, "ai.onnx.ml": 1}))
    save("digits-opset18", digits({"": 18, "ai.onnx.ml": 3}))
    save("kinds", kinds())
    save("fixed", fixed())
    save("unsaid", unsaid())

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


def save(name, model, **how):
    onnx.checker.check_model(model)
    (HERE / name).mkdir(exist_ok=True)
    onnx.save(model, HERE / name / "model.onnx", **how)


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


def sized():
    """A model whose answer is as long as the request says."""
    graph = helper.make_graph(
        [helper.make_node("ConstantOfShape", ["shape"], ["y"])], "sized",
        [helper.make_tensor_value_info("shape", TensorProto.INT64, ["dims"])], [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n"])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def maps(kind=TensorProto.FLOAT, **labels):
    """ZipMap alone, in a model that has no other operators. Of doubles, which skl2onnx
    writes, onnxruntime does not take it."""
    graph = helper.make_graph(
        [helper.make_node("ZipMap", ["x"], ["scores"], domain="ai.onnx.ml", **labels)], "maps",
        [helper.make_tensor_value_info("x", kind, ["rows", 3])], [_scores(*labels)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("ai.onnx.ml", 1)], ir_version=6)


def weighed():
    """ZipMap behind what reads numbers of another file."""
    nodes = [helper.make_node("Mul", ["x", "by"], ["y"]), helper.make_node("ZipMap", ["y"], ["scores"], domain="ai.onnx.ml", classlabels_int64s=[3, 5, 7])]
    graph = helper.make_graph(
        nodes, "weighed", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", 3])], [_scores("classlabels_int64s")],
        [helper.make_tensor("by", TensorProto.FLOAT, [3], np.array([1, 2, 0.5], np.float32).tobytes(), raw=True)],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17), helper.make_opsetid("ai.onnx.ml", 1)], ir_version=8)


def _scores(labels):
    key = TensorProto.STRING if labels == "classlabels_strings" else TensorProto.INT64
    value = helper.make_tensor_type_proto(TensorProto.FLOAT, [])
    return helper.make_value_info("scores", helper.make_sequence_type_proto(helper.make_map_type_proto(key, value)))


if __name__ == "__main__":
    save("digits-opset9", digits({"": 9, "ai.onnx.ml": 1}))
    save("digits-opset18", digits({"": 18, "ai.onnx.ml": 3}))
    save("kinds", kinds())
    save("fixed", fixed())
    save("unsaid", unsaid())
    save("sized", sized())
    save("maps-texts", maps(classlabels_strings=["cat", "dog", "owl"]))
    save("maps-doubles", maps(TensorProto.DOUBLE, classlabels_int64s=[1, 2, 3]))
    save("maps-turned", maps(classlabels_int64s=[2, 0, 1]))
    save("maps-weighed", weighed(), save_as_external_data=True, location="weights.bin", size_threshold=0)

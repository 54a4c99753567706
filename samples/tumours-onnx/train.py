"""Trains the model of this sample, converts it and writes all of its files.

    pip install --no-deps -r ../../manifests/python/mlserver-sklearn.txt \\
        -r ../../manifests/python/onnx.txt -r requirements.txt
    python train.py

The data (breast cancer, 569 tumours by 30 measures) comes with scikit-learn. A
pipeline of scikit-learn is trained on columns by name, so that skl2onnx gives
the model an input for each. The answers are what onnxruntime says in this
process.
"""

import json
import pathlib

import numpy as np
import onnxruntime
import pandas
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_breast_cancer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HERE = pathlib.Path(__file__).resolve().parent
COLUMNS = ["mean radius", "mean texture", "mean smoothness", "mean concavity", "worst area", "worst symmetry"]


def write(name, value):
    (HERE / name).write_text(json.dumps(value, separators=(",", ":")) + "\n")


def main():
    tumours = load_breast_cancer(as_frame=True)
    data = tumours.data[COLUMNS]
    data.columns = names = [c.replace(" ", "_") for c in COLUMNS]
    kinds = np.array(tumours.target_names)[tumours.target]
    train_x, held_x, train_y, held_y = train_test_split(data, kinds, test_size=169, stratify=kinds, random_state=20)
    columns = ColumnTransformer([("scaled", make_pipeline(SimpleImputer(), StandardScaler()), names)])
    model = make_pipeline(columns, LogisticRegression()).fit(train_x, train_y)
    right = int((model.predict(held_x) == held_y).sum())
    write("accuracy.json", {"trained_on": len(train_x), "held_out": len(held_x), "right": right,
                            "accuracy": right / len(held_x)})
    print(f"{right} of {len(held_x)} held-out tumours right")

    converted = to_onnx(model, initial_types=[(n, FloatTensorType([None, 1])) for n in names],
                        options={"zipmap": True}, target_opset=18)
    (HERE / "model").mkdir(exist_ok=True)
    (HERE / "model" / "model.onnx").write_bytes(converted.SerializeToString())

    session = onnxruntime.InferenceSession(HERE / "model" / "model.onnx", providers=["CPUExecutionProvider"])
    # Of each kind one, and one of which two measures are missing.
    rows = held_x.iloc[[list(held_y).index(kind) for kind in ("benign", "malignant")] * 2].to_numpy(np.float32, copy=True)
    rows[2:, 1:3] = np.nan
    labels, scores = session.run(None, {n: rows[:, [i]] for i, n in enumerate(names)})
    scores = np.array([list(row.values()) for row in scores], np.float32)
    frame = pandas.DataFrame(rows, columns=names)
    assert list(labels) == list(model.predict(frame))
    assert np.abs(scores - model.predict_proba(frame)).max() < 1e-5
    write_cases(names, rows, labels.tolist(), short(scores))


def short(array):
    """Nested lists of the shortest decimals that read back as these float32."""
    return np.vectorize(lambda v: float(str(np.float32(v))), otypes=[object])(array).tolist()


def write_cases(names, rows, labels, scores):
    shown = [[None if np.isnan(v) else v for v in row] for row in short(rows)]
    both = {"output_label": labels, "output_probability": scores}
    write("request.json", {"data": {"names": names, "ndarray": shown}})
    write("response.json", {"data": {"ndarray": scores}})
    turned = [row[::-1] for row in shown]
    write("request-turned.json", {"data": {"names": names[::-1], "ndarray": turned}})
    write("request-tensorflow.json", {"instances": [dict(zip(names, row)) for row in shown]})
    write("response-tensorflow.json", {"predictions": [dict(zip(both, row)) for row in zip(*both.values())]})
    write("request-v2.json", {"inputs": [
        {"name": n, "datatype": "FP64", "shape": [len(shown), 1], "data": [row[i] for row in shown]}
        for i, n in enumerate(names)
    ]})
    write("response-v2.json", {"outputs": [
        {"name": "output_label", "datatype": "BYTES", "shape": [len(labels)], "data": labels},
        {"name": "output_probability", "datatype": "FP32", "shape": [len(labels), 2], "data": sum(scores, []),
         "parameters": {"labels": '["benign","malignant"]'}},
    ]})


if __name__ == "__main__":
    main()

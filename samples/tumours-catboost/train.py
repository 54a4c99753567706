"""Trains the boosted trees of this sample and writes all of its files.

    pip install --no-deps -r ../../manifests/python/mlserver-sklearn.txt \\
        -r ../../manifests/python/mlserver-catboost.txt
    python train.py

The data (breast cancer, 569 tumours by 30 measures) comes with scikit-learn.
The answers are what the model says in this process.
"""

import base64
import json
import pathlib

import numpy as np
from catboost import CatBoostClassifier
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

HERE = pathlib.Path(__file__).resolve().parent


def write(name, value):
    (HERE / name).write_text(json.dumps(value, separators=(",", ":")) + "\n")


def main():
    data, kinds = load_breast_cancer(return_X_y=True)
    train_x, held_x, train_y, held_y = train_test_split(data, kinds, test_size=169, stratify=kinds, random_state=20)
    model = CatBoostClassifier(iterations=30, depth=3, random_seed=20, thread_count=1, verbose=0, allow_writing_files=False)
    model.fit(train_x, np.array(["malignant", "benign"])[train_y])
    right = int((model.predict(held_x) == np.array(["malignant", "benign"])[held_y]).sum())
    write("accuracy.json", {"trained_on": len(train_x), "held_out": len(held_x), "right": right,
                            "accuracy": right / len(held_x)})
    print(f"{right} of {len(held_x)} held-out tumours right")
    (HERE / "model").mkdir(exist_ok=True)
    model.save_model(str(HERE / "model" / "model.cbm"))

    # One of each kind, and both again with measures missing.
    rows = held_x[[list(held_y).index(kind) for kind in (0, 1)] * 2].copy()
    rows[2:, 5:9] = np.nan
    answers = model.predict(rows).tolist()
    # MLServer answers a column.
    column = [[a] for a in answers]
    shown = [[None if np.isnan(v) else v for v in row] for row in rows.tolist()]
    write("request.json", {"data": {"ndarray": rows[:2].tolist()}})
    write("response.json", {"data": {"ndarray": column[:2]}})
    write("request-tensorflow.json", {"instances": rows[:2].tolist()})
    write("response-tensorflow.json", {"predictions": column[:2]})
    write("request-v2.grpc.json", {"modelName": "tumours", "inputs": [{
        "name": "tumours", "datatype": "FP64", "shape": ["2", "30"], "contents": {"fp64Contents": rows[:2].ravel().tolist()}}]})
    write("response-v2.grpc.json", {"outputs": [{
        "name": "predict", "datatype": "BYTES", "shape": ["2", "1"],
        "contents": {"bytesContents": [base64.b64encode(a.encode()).decode() for a in answers[:2]]}}]})
    write("request-missing.json", {"data": {"ndarray": [["NaN" if v is None else v for v in row] for row in shown]}})
    write("response-missing.json", {"data": {"ndarray": column}})


if __name__ == "__main__":
    main()

"""Trains the flower classifier of this sample and writes all of its files.

    pip install --no-deps -r ../../manifests/python/mlserver-mlflow.txt
    python train.py

The data (iris, 150 flowers) comes with scikit-learn. The answers are what the
fitted model says in this process.
"""

import json
import pathlib
import shutil

import mlflow.sklearn
from mlflow.models import infer_signature
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

HERE = pathlib.Path(__file__).resolve().parent


def write(name, value):
    (HERE / name).write_text(json.dumps(value, separators=(",", ":")) + "\n")


def main():
    iris = load_iris()
    train_x, held_x, train_y, held_y = train_test_split(
        iris.data, iris.target, test_size=50, stratify=iris.target, random_state=20
    )
    model = LogisticRegression(max_iter=500).fit(train_x, train_y)
    right = int((model.predict(held_x) == held_y).sum())
    write("accuracy.json", {"trained_on": len(train_x), "held_out": len(held_x), "right": right,
                            "accuracy": right / len(held_x)})
    print(f"{right} of {len(held_x)} held-out flowers right")
    shutil.rmtree(HERE / "model", ignore_errors=True)
    mlflow.sklearn.save_model(
        model, str(HERE / "model"), serialization_format="skops",
        signature=infer_signature(train_x, model.predict(train_x)),
    )

    # One flower of each kind, in the kinds' order.
    rows = held_x[[list(held_y).index(kind) for kind in range(3)]]
    kinds = model.predict(rows).tolist()
    tensor = {"name": "input-0", "datatype": "FP64", "shape": [3, 4], "data": rows.ravel().tolist()}
    write("request.json", {"data": {"ndarray": rows.tolist()}})
    write("response.json", {"data": {"ndarray": [[kind] for kind in kinds]}})
    write("request-v2.json", {"inputs": [tensor]})
    write("response-v2.json", {"outputs": [{"datatype": "INT64", "shape": [3, 1], "data": kinds}]})


if __name__ == "__main__":
    main()

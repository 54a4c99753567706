"""Trains the flower classifier of this sample and writes all of its files.

    pip install --no-deps -r ../../manifests/python/mlserver-sklearn.txt
    python train.py

The data (iris, 150 flowers) comes with scikit-learn. The answers are what the
fitted model says in this process.
"""

import json
import pathlib

import joblib
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HERE = pathlib.Path(__file__).resolve().parent


def write(name, value):
    (HERE / name).write_text(json.dumps(value, separators=(",", ":")) + "\n")


def main():
    iris = load_iris()
    train_x, held_x, train_y, held_y = train_test_split(
        iris.data, iris.target, test_size=50, stratify=iris.target, random_state=20
    )
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(train_x, train_y)
    right = int((model.predict(held_x) == held_y).sum())
    write("accuracy.json", {"trained_on": len(train_x), "held_out": len(held_x), "right": right,
                            "accuracy": right / len(held_x)})
    print(f"{right} of {len(held_x)} held-out flowers right")
    (HERE / "model").mkdir(exist_ok=True)
    joblib.dump(model, HERE / "model" / "model.joblib")

    # One flower of each kind, in the kinds' order.
    rows = held_x[[list(held_y).index(kind) for kind in range(3)]]
    chances, kinds = model.predict_proba(rows).tolist(), model.predict(rows).tolist()
    flat = rows.ravel().tolist()
    write("request.json", {"data": {"names": iris.feature_names, "ndarray": rows.tolist()}})
    write("response.json", {"data": {"ndarray": chances}})
    write("response-classes.json", {"data": {"ndarray": [[kind] for kind in kinds]}})
    write("request-tensor.json", {"data": {"tensor": {"shape": [3, 4], "values": flat}}})
    write("response-tensor.json",
          {"data": {"tensor": {"shape": [3, 3], "values": sum(chances, [])}}})
    tensor = {"name": "flowers", "datatype": "FP64", "shape": [3, 4]}
    write("request-v2.json", {"inputs": [{**tensor, "data": flat}]})
    write("response-v2.json", {"outputs": [
        {"name": "predict", "datatype": "INT64", "shape": [3, 1], "data": kinds}]})
    write("request-v2-proba.json",
          {"inputs": [{**tensor, "data": flat}], "outputs": [{"name": "predict_proba"}]})
    write("response-v2-proba.json", {"outputs": [
        {"name": "predict_proba", "datatype": "FP64", "shape": [3, 3], "data": sum(chances, [])}]})
    grpc = {**tensor, "shape": ["3", "4"], "contents": {"fp64Contents": flat}}
    write("request-v2.grpc.json", {"modelName": "classifier", "inputs": [grpc]})
    write("response-v2.grpc.json", {"outputs": [
        {"name": "predict", "datatype": "INT64", "shape": ["3", "1"],
         "contents": {"int64Contents": [str(kind) for kind in kinds]}}]})


if __name__ == "__main__":
    main()

"""Trains the two flower classifiers of this sample and writes its files.

    pip install --no-deps -r ../../manifests/python/mlserver-sklearn.txt
    python train.py

The samples combiner and shadow use the same two models; this script writes
their requests and answers too.
"""

import json
import pathlib

import joblib
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HERE = pathlib.Path(__file__).resolve().parent
MODELS = {
    "logistic": make_pipeline(StandardScaler(), LogisticRegression()),
    "bayes": GaussianNB(),
}


def write(name, value):
    (HERE / name).write_text(json.dumps(value, separators=(",", ":")) + "\n")


def main():
    iris = load_iris()
    train_x, held_x, train_y, held_y = train_test_split(
        iris.data, iris.target, test_size=50, stratify=iris.target, random_state=20
    )
    # The held-out flowers on which the two models differ most tell them apart.
    chances, accuracy = {}, {}
    for name, model in MODELS.items():
        model.fit(train_x, train_y)
        chances[name] = model.predict_proba(held_x)
        right = int((model.predict(held_x) == held_y).sum())
        accuracy[name] = {"trained_on": len(train_x), "held_out": len(held_x), "right": right,
                          "accuracy": right / len(held_x)}
        folder = HERE / "models" / name
        folder.mkdir(parents=True, exist_ok=True)
        joblib.dump(model, folder / "model.joblib")
    write("accuracy.json", accuracy)
    difference = abs(chances["logistic"] - chances["bayes"]).max(1)
    rows = difference.argsort()[::-1][:2]

    request = {"data": {"ndarray": held_x[rows].tolist()}}
    answer = {name: {"data": {"ndarray": c[rows].tolist()}} for name, c in chances.items()}
    mean = sum(c[rows] for c in chances.values()) / len(chances)
    for folder in (".", "../combiner", "../shadow"):
        write(f"{folder}/request.json", request)
    for name in MODELS:
        write(f"response-{name}.json", answer[name])
    write("../combiner/response.json", {"data": {"ndarray": mean.tolist()}})
    write("../shadow/response.json", answer["logistic"])
    flat = held_x[rows].ravel().tolist()
    write("../combiner/request-tensor.json",
          {"data": {"tensor": {"shape": [2, 4], "values": flat}}})
    write("../combiner/response-tensor.json",
          {"data": {"tensor": {"shape": [2, 3], "values": mean.ravel().tolist()}}})


if __name__ == "__main__":
    main()

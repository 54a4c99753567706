"""Trains the tumour classifier of this sample and writes its files.

    pip install --no-deps -r ../../manifests/python/mlserver-sklearn.txt
    python train.py

The data (breast cancer Wisconsin, 569 tumours) comes with scikit-learn. The
other model is that of iris-sklearn, whose request and answer are copied.
"""

import json
import pathlib
import shutil

import joblib
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HERE = pathlib.Path(__file__).resolve().parent


def write(name, value):
    (HERE / name).write_text(json.dumps(value, separators=(",", ":")) + "\n")


def main():
    data = load_breast_cancer()
    train_x, held_x, train_y, held_y = train_test_split(
        data.data, data.target, test_size=169, stratify=data.target, random_state=20
    )
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(train_x, train_y)
    right = int((model.predict(held_x) == held_y).sum())
    write("accuracy.json", {"trained_on": len(train_x), "held_out": len(held_x), "right": right,
                            "accuracy": right / len(held_x)})
    print(f"{right} of {len(held_x)} held-out tumours right")
    (HERE / "model").mkdir(exist_ok=True)
    joblib.dump(model, HERE / "model" / "model.joblib")

    rows = held_x[[list(held_y).index(kind) for kind in range(2)]]
    write("request-tumours.json", {"data": {"ndarray": rows.tolist()}})
    write("response-tumours.json", {"data": {"ndarray": model.predict_proba(rows).tolist()}})
    for kind in ("request", "response"):
        shutil.copyfile(HERE.parent / "iris-sklearn" / f"{kind}.json", HERE / f"{kind}.json")


if __name__ == "__main__":
    main()

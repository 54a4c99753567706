"""Trains the boosted trees of this sample and writes all of its files.

    pip install --no-deps -r ../../manifests/python/mlserver-xgboost.txt
    python train.py

The data (iris, 150 flowers) comes with scikit-learn. The model is saved as a
plain Booster, whose prediction is a probability per class; the answers are
what it says in this process.
"""

import json
import pathlib

import numpy as np
import xgboost
from sklearn.datasets import load_iris
from sklearn.model_selection import train_test_split

HERE = pathlib.Path(__file__).resolve().parent


def write(name, value):
    (HERE / name).write_text(json.dumps(value, separators=(",", ":")) + "\n")


def short(array):
    """Nested lists of the shortest decimals that read back as these float32."""
    return np.vectorize(lambda v: float(str(np.float32(v))), otypes=[object])(array).tolist()


def main():
    iris = load_iris()
    train_x, held_x, train_y, held_y = train_test_split(
        iris.data, iris.target, test_size=50, stratify=iris.target, random_state=20
    )
    settings = {"objective": "multi:softprob", "num_class": 3, "max_depth": 2, "eta": 0.3,
                "seed": 20, "nthread": 1}
    model = xgboost.train(settings, xgboost.DMatrix(train_x, train_y), num_boost_round=12)
    right = int((model.predict(xgboost.DMatrix(held_x)).argmax(1) == held_y).sum())
    write("accuracy.json", {"trained_on": len(train_x), "held_out": len(held_x), "right": right,
                            "accuracy": right / len(held_x)})
    print(f"{right} of {len(held_x)} held-out flowers right")
    (HERE / "model").mkdir(exist_ok=True)
    model.save_model(HERE / "model" / "model.json")

    # One flower of each kind, in the kinds' order.
    rows = held_x[[list(held_y).index(kind) for kind in range(3)]]
    chances = short(model.predict(xgboost.DMatrix(rows)))
    flat = rows.ravel().tolist()
    write("request.json", {"data": {"ndarray": rows.tolist()}})
    write("response.json", {"data": {"ndarray": chances}})
    write("request-tensor.json", {"data": {"tensor": {"shape": [3, 4], "values": flat}}})
    write("response-tensor.json",
          {"data": {"tensor": {"shape": [3, 3], "values": sum(chances, [])}}})


if __name__ == "__main__":
    main()

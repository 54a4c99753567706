"""Makes the files of this sample, and prints how well the detector does.

    pip install --no-deps -r ../../manifests/python/mlserver-sklearn.txt
    python make.py

The forest is grown on the 400 tumours that the model of samples/router was trained
on. Asked for are the other 169, as they are, and with each feature moved up or
down by three standard deviations.
"""

import json
import pathlib

import numpy as np
from export import forest
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import IsolationForest
from sklearn.model_selection import train_test_split

HERE = pathlib.Path(__file__).resolve().parent


def write(name, value):
    (HERE / name).write_text(json.dumps(value, separators=(",", ":")) + "\n")


def main():
    data = load_breast_cancer()
    known, held = train_test_split(data.data, test_size=169, stratify=data.target, random_state=20)
    model = IsolationForest(n_estimators=50, max_samples=128, contamination=0.02, random_state=1).fit(known)
    (HERE / "forest").mkdir(exist_ok=True)
    write("forest/forest.json", forest(model))
    rng = np.random.default_rng(1)
    strange = held + known.std(axis=0) * rng.choice([-3, 3], held.shape)
    score, threshold = lambda rows: -model.score_samples(rows), -model.offset_
    flagged = {name: int((score(rows) > threshold).sum()) for name, rows in {"tumours": held, "strange": strange}.items()}
    write("accuracy.json", {"threshold": threshold, "tumours": len(held), "tumours_flagged": flagged["tumours"],
                            "strange": len(strange), "strange_flagged": flagged["strange"]})
    print((HERE / "accuracy.json").read_text())
    for name, row in {"tumour": held[0], "strange": strange[0]}.items():
        row = [round(float(v), 6) for v in row]
        write(f"request-{name}.json", {"data": {"ndarray": [row]}})
        value = float(score(np.array([row]))[0])
        write(f"tags-{name}.json", {"meta": {"tags": {"outlier": bool(value > threshold), "outlier_score": value}}})


if __name__ == "__main__":
    main()

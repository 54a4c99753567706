"""Prints forests of scikit-learn, as samples/forest/export.py writes them, and its own scores of rows, as JSON."""

import json
import pathlib
import sys

import numpy as np

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "samples" / "forest"))
from export import forest
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.ensemble import IsolationForest

CASES = {
    "cancer": (load_breast_cancer, {}),
    "digits": (load_digits, {"contamination": 0.05, "n_estimators": 30}),
    "wine of some features": (load_wine, {"max_features": 0.4, "max_samples": 32, "n_estimators": 30}),
    "wine drawn again": (load_wine, {"bootstrap": True, "max_samples": 64, "n_estimators": 30}),
    "one row": (load_wine, {"max_samples": 1, "n_estimators": 5}),
}


def edges(model, rows, rng):
    """Rows that lie on a cut, and as little beside it as can be, before they are rounded to float32."""
    out = []
    for estimator, features in zip(model.estimators_, model.estimators_features_):
        tree = estimator.tree_
        for node in rng.choice(tree.node_count, 3):
            if tree.feature[node] < 0:
                continue
            for value in (tree.threshold[node], np.nextafter(tree.threshold[node], np.inf), np.float64(np.float32(tree.threshold[node])),
                          (np.float64(np.float32(tree.threshold[node])) + np.float64(np.nextafter(np.float32(tree.threshold[node]), np.float32(np.inf)))) / 2):
                row = rows[rng.integers(len(rows))].copy()
                row[features[tree.feature[node]]] = value
                out.append(row)
    return np.array(out).reshape(-1, rows.shape[1])


def case(load, options):
    rows, rng = load().data.astype(float), np.random.default_rng(5)
    model = IsolationForest(random_state=5, **options).fit(rows)
    rows = np.concatenate([rows[:300], edges(model, rows, rng), rng.normal(0, 1000, (50, rows.shape[1]))])
    return {"forest": forest(model), "rows": rows.tolist(), "scores": (-model.score_samples(rows)).tolist(),
            "outliers": (model.predict(rows) < 0).tolist()}


json.dump({name: case(*c) for name, c in CASES.items()}, sys.stdout)

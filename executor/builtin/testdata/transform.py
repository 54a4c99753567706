"""Prints what NumPy, SciPy and scikit-learn make of real data by the steps of transformers, as JSON."""

import json
import sys

import numpy as np
import scipy.special
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.preprocessing import Binarizer, MinMaxScaler, OneHotEncoder, StandardScaler


def words(values):
    return ",".join(repr(float(v)) for v in values)


def cases(rows):
    standard, minmax = StandardScaler().fit(rows), MinMaxScaler().fit(rows)
    few = rows[:, :3].round()
    values = np.unique(few[:, 1])[:-1]  # The greatest is not known.
    encoder = OneHotEncoder(categories=[values], handle_unknown="ignore", sparse_output=False)
    hot = encoder.fit(values.reshape(-1, 1)).transform(few[:, [1]])
    scaled = standard.transform(rows)
    n, m = rows.shape
    chain = MinMaxScaler((0, 1)).fit(rows[:, [2, 0]]).transform(rows[:, [2, 0]]).clip(0.2, 0.8)
    return [
        ("select 2 0", rows, rows[:, [2, 0]]),
        ("reorder 2 0", rows[:, :4], rows[:, [2, 0, 1, 3]]),
        ("cast FP32", rows, rows.astype(np.float32)),
        (f"reshape {m} -1", rows, rows.reshape(m, n)),
        ("reshape -1 1 3", few, few.reshape(-1, 1, 3)),
        (f"standardize {words(standard.mean_)} {words(standard.scale_)}", rows, scaled),
        ("standardize 127.5 127.5", rows, (rows - 127.5) / 127.5),
        (f"minmax {words(minmax.data_min_)} {words(minmax.data_max_)}", rows, minmax.transform(rows)),
        ("clip 0.5 12.25", rows, rows.clip(0.5, 12.25)),
        ("onehot 1 " + " ".join(f"{v:g}" for v in values), few, np.hstack([few[:, :1], hot, few[:, 2:]])),
        ("softmax", scaled, scipy.special.softmax(scaled, axis=-1)),
        ("argmax", scaled, scaled.argmax(axis=-1)),
        ("threshold 0.5", scaled, Binarizer(threshold=0.5).transform(scaled)),
        (f"select 2 0; minmax {words(rows.min(axis=0)[[2, 0]])} {words(rows.max(axis=0)[[2, 0]])}; clip 0.2 0.8; softmax", rows, scipy.special.softmax(chain, axis=-1)),
    ]


SETS = {"cancer": load_breast_cancer, "digits": load_digits, "wine": load_wine}
out = {}
for name, load in SETS.items():
    rows = load().data.astype(float)
    rows = rows[:, rows.std(axis=0) > 0][:200]
    rows = rows[:, (rows.std(axis=0) > 0)]
    out[name] = [{"steps": s, "rows": r.tolist(), "want": w.tolist()} for s, r, w in cases(rows)]
json.dump(out, sys.stdout)

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
    a, b, c = rows[:, 0], rows[:, 1], rows[:, 2]
    with np.errstate(all="ignore"):
        formulas = [
            ("a + b * c - a / 2", a + b * c - a / 2),
            ("-a ** 2 / 3", -(a**2) / 3),
            ("sqrt(abs(a - b)) + log(a + 1) * log10(b + 1) - log2(c + 1) + exp(-a)", np.sqrt(np.abs(a - b)) + np.log(a + 1) * np.log10(b + 1) - np.log2(c + 1) + np.exp(-a)),
            ("sin(a) * cos(b) + tanh(c) - tan(a)", np.sin(a) * np.cos(b) + np.tanh(c) - np.tan(a)),
            ("floor(a) + ceil(b / 3) + round(c / 2) + mod(a, 3) + mod(-b, 2.5)", np.floor(a) + np.ceil(b / 3) + np.round(c / 2) + np.mod(a, 3) + np.mod(-b, 2.5)),
            ("min(a, b, c) + max(a, c)", np.minimum(np.minimum(a, b), c) + np.maximum(a, c)),
            ("a > b && c < 20 || a == b ? a : c", np.where((a > b) & (c < 20) | (a == b), a, c)),
            ("int(a * 100) * 2", (a * 100).astype(np.int64) * 2),
            ("float(int(a)) / 7", a.astype(np.int64) / 7),
            ("isnan((a - a) / (b - b)) ? 1 : 2", np.where(np.isnan((a - a) / (b - b)), 1, 2)),
            ("a >= 2.5 && not (b in [3, 4.5])", (a >= 2.5) & ~np.isin(b, [3, 4.5])),
        ]
    return [
        *[(f"rename 0=a 1=b 2=c; compute new = {f}; select new", rows, np.asarray(w, float).reshape(-1, 1)) for f, w in formulas],
        ("map x > 0.5 ? log(x) : x ** 3 - 1", rows, np.where(rows > 0.5, np.log(np.where(rows > 0.5, rows, 1)), rows**3 - 1)),
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

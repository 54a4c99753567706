"""Prints what NumPy and SciPy say of how windows of real data differ from a reference, as JSON."""

import json
import sys
import warnings

import numpy as np
import scipy.stats
from sklearn.datasets import load_breast_cancer, load_digits, load_wine

SETS = {"cancer": load_breast_cancer, "digits": load_digits, "wine": load_wine}
WINDOW = 120


def parts(reference):
    """The tenths of docs/nodes.md: cuts after values; a cut is a value and whether it is in the part."""
    steps, cuts = np.quantile(reference, np.arange(201) / 200), []
    for k in range(20, 200, 20):
        value = steps[k]
        if value in (steps[k - 20], steps[k + 20]):
            lower = steps[steps < value]
            cuts.append(lower[-1] if len(lower) else np.nextafter(value, -np.inf))
        cuts.append(value)
    return np.unique(cuts)


def counts(values, cuts):
    return np.bincount(np.searchsorted(cuts, values, side="left"), minlength=len(cuts) + 1)


def psi(old, now):
    there = (old + now) > 0
    p, q = np.maximum(now, 0.5)[there] / now.sum(), np.maximum(old, 0.5)[there] / old.sum()
    return float(((p - q) * np.log(p / q)).sum())


def truths(name):
    rows = SETS[name]().data.astype(float)
    rng = np.random.default_rng(3)
    rng.shuffle(rows)
    reference, held = rows[::2], rows[1::2]
    window = held[rng.integers(0, len(held), WINDOW)]
    moved = np.arange(rows.shape[1]) % 3 == 0
    window = window + np.where(moved, reference.std(axis=0) * rng.uniform(0, 1.5, rows.shape[1]), 0)
    out = {"reference": reference.tolist(), "window": window.tolist(), "ks": [], "ksChance": [], "psi": [], "chi2": [], "chi2Chance": []}
    for old, now in zip(reference.T, window.T):
        ks = scipy.stats.ks_2samp(old, now, method="asymp")
        cuts = parts(old)
        table = np.array([counts(old, cuts), counts(now, cuts)])
        full = table[:, table.sum(axis=0) > 0]
        chi = scipy.stats.chi2_contingency(full, correction=False)
        out["ks"].append(float(ks.statistic))
        out["ksChance"].append(float(ks.pvalue))
        out["psi"].append(psi(*table))
        out["chi2"].append(float(chi.statistic))
        out["chi2Chance"].append(float(chi.pvalue))
    return out


warnings.simplefilter("ignore")
json.dump({name: truths(name) for name in SETS}, sys.stdout)

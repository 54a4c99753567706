"""Prints what NumPy makes of the answers of three models on real data, as JSON."""

import json
import sys

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

SETS = {"cancer": load_breast_cancer, "digits": load_digits, "wine": load_wine}
WEIGHTS = [3, 1, 1.5]


def truths(load):
    data = load()
    train, rows = data.data[::2], data.data[1::2]
    models = [
        ("forest", RandomForestClassifier(10, max_depth=3, random_state=1)),
        ("bayes", GaussianNB(var_smoothing=0.1)),
        ("logistic", make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))),
    ]
    even = VotingClassifier(models).fit(train, data.target[::2])
    weighted = VotingClassifier(models, weights=WEIGHTS).fit(train, data.target[::2])
    chances = np.stack([m.predict_proba(rows) for m in even.estimators_])
    votes = np.eye(chances.shape[2])[chances.argmax(axis=2)]
    return {
        "chances": chances.tolist(),
        "labels": np.stack([m.predict(rows) for m in even.estimators_]).tolist(),
        "want": {
            "WEIGHTED_COMBINER": np.average(chances, axis=0, weights=WEIGHTS).tolist(),
            "MAX_COMBINER": chances.max(axis=0).tolist(),
            "MEDIAN_COMBINER": np.median(chances, axis=0).tolist(),
            "VOTE_COMBINER": np.average(votes, axis=0, weights=WEIGHTS).tolist(),
            "STACK_COMBINER": np.stack(chances, axis=1).tolist(),
            "CONCATENATE_COMBINER": np.concatenate(chances, axis=1).tolist(),
        },
        "votes": even.predict(rows).tolist(),
        "weighted": weighted.predict(rows).tolist(),
    }


json.dump({name: truths(load) for name, load in SETS.items()}, sys.stdout)

"""Writes an isolation forest of scikit-learn as ISOLATION_FOREST_DETECTOR reads it (docs/nodes.md).

    python export.py model.joblib forest.json

The model is an IsolationForest that was fitted, kept by joblib or pickle. Load
only files that you trust: either may run anything.
"""

import json
import sys

import numpy as np


def forest(model):
    """The forest of a fitted IsolationForest, as the file has it."""
    trees = []
    for estimator, features in zip(model.estimators_, model.estimators_features_):
        tree = estimator.tree_
        trees.append({
            "left": tree.children_left.tolist(),
            "right": tree.children_right.tolist(),
            # A tree that sees some features only counts these from 0.
            "feature": np.where(tree.feature < 0, -1, np.asarray(features)[tree.feature]).tolist(),
            "value": tree.threshold.tolist(),
            "rows": tree.n_node_samples.tolist(),
        })
    return {
        "format": "radiant-forest", "version": 1,
        "features": int(model.n_features_in_), "samples": int(model.max_samples_),
        # scikit-learn's scores have the other sign.
        "threshold": -float(model.offset_),
        "trees": trees,
    }


def main():
    import joblib

    model = joblib.load(sys.argv[1])
    with open(sys.argv[2], "w") as f:
        json.dump(forest(model), f, separators=(",", ":"))
        f.write("\n")


if __name__ == "__main__":
    main()

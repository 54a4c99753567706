"""Makes the files of this sample: what tumours look like, and rows to ask for.

    pip install --no-deps -r ../../manifests/python/mlserver-sklearn.txt
    python make.py radiant

The model is that of samples/router, and so are the 400 rows that it was trained
on: the reference is made of these, and of what the model answers to them. Asked
for are the other 169 rows, as they are, and with one feature moved by its
standard deviation.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import joblib
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

HERE = pathlib.Path(__file__).resolve().parent
MOVED = "mean texture"


def reference(radiant, name, columns, rows):
    """Runs `radiant reference` on a CSV file of the rows."""
    with tempfile.NamedTemporaryFile("w", suffix=".csv") as f:
        np.savetxt(f, rows, delimiter=",", fmt="%.17g", header=",".join(columns), comments="")
        f.flush()
        subprocess.run([radiant, "reference", "-f", f.name, "-o", HERE / "reference" / name], check=True)


def write(name, value):
    (HERE / name).write_text(json.dumps(value, separators=(",", ":")) + "\n")


def main():
    radiant, data = sys.argv[1], load_breast_cancer()
    known, held = train_test_split(data.data, test_size=169, stratify=data.target, random_state=20)
    model = joblib.load(HERE.parent / "router" / "model" / "model.joblib")
    (HERE / "reference").mkdir(exist_ok=True)
    reference(radiant, "reference.json", data.feature_names, known)
    reference(radiant, "answers.json", data.target_names, model.predict_proba(known))
    moved = held.copy()
    feature = list(data.feature_names).index(MOVED)
    moved[:, feature] += known[:, feature].std()
    write("request.json", {"data": {"ndarray": held.round(6).tolist()}})
    write("request-moved.json", {"data": {"ndarray": moved.round(6).tolist()}})


if __name__ == "__main__":
    main()

"""Trains the flower classifier of this sample, builds the Bento and writes all other files.

    pip install --no-deps -r ../../manifests/python/bento.txt -r ../../scripts/uv.txt
    python train.py

The data (iris, 150 flowers) comes with scikit-learn. The answers are what the methods of
the service say in this process.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import joblib
import pandas as pd
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HERE = pathlib.Path(__file__).resolve().parent
# What is served of a Bento; the rest is for its container image.
SERVED = ["bento.yaml", "apis/schema.json", "env/python/requirements.txt", "src"]


def write(name, value):
    (HERE / name).write_text(json.dumps(value, separators=(",", ":")) + "\n")


def build(model):
    """Builds the Bento in a store of its own, and copies it from there."""
    with tempfile.TemporaryDirectory() as work:
        project, store = pathlib.Path(work, "project"), pathlib.Path(work, "store")
        project.mkdir()
        for name in ("service.py", "bentofile.yaml"):
            shutil.copy(HERE / name, project)
        joblib.dump(model, project / "model.joblib")
        subprocess.run(
            [sys.executable, "-m", "bentoml", "build", "--version", "1"],
            check=True, cwd=project,
            env={**os.environ, "BENTOML_HOME": str(store), "BENTOML_DO_NOT_TRACK": "True"},
        )
        built, to = store / "bentos" / "irises" / "1", HERE / "model"
        shutil.rmtree(to, ignore_errors=True)
        for name in SERVED:
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if (built / name).is_dir() else shutil.copy)(built / name, to / name)


def main():
    iris = load_iris()
    train_x, held_x, train_y, held_y = train_test_split(
        iris.data, iris.target, test_size=50, stratify=iris.target, random_state=20
    )
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(train_x, train_y)
    right = int((model.predict(held_x) == held_y).sum())
    write("accuracy.json", {"trained_on": len(train_x), "held_out": len(held_x), "right": right,
                            "accuracy": right / len(held_x)})
    print(f"{right} of {len(held_x)} held-out flowers right")
    build(model)
    sys.path.insert(0, str(HERE / "model" / "src"))
    from service import MEASURES, Irises

    write_cases(Irises.inner(), held_x[[list(held_y).index(kind) for kind in range(3)]], MEASURES)


def write_cases(service, rows, measures):
    chances = service.classify(rows)
    bayes = joblib.load(HERE / ".." / "ab-test" / "models" / "bayes" / "model.joblib").predict_proba(rows)
    write("request.json", {"data": {"ndarray": rows.tolist()}})
    write("response.json", {"data": {"ndarray": ((chances + bayes) / 2).tolist()}})

    table = service.kinds(pd.DataFrame(rows, columns=measures), digits=4)
    flowers = [dict(zip(measures, row)) for row in rows.tolist()]
    # The columns come in another order.
    write("iris-bento-tables-request.json", {"jsonData": {
        "flowers": [dict(reversed(flower.items())) for flower in flowers], "digits": 4}})
    write("response-tables.json", {"data": {"names": list(table.columns), "ndarray": table.to_numpy().tolist()}})

    line = " ".join(map(str, rows[1]))
    write("iris-bento-text-request.json", {"inputs": [{"name": "text", "datatype": "BYTES", "shape": [1], "data": [line]}]})
    write("response-text.json", {"outputs": [
        {"name": "output-0", "datatype": "BYTES", "shape": [1], "data": [service.read(line)]}]})

    write("request-number.json", {"instances": [2.5]})
    write("response-number.json", {"predictions": [service.grown(2.5)]})
    write("request-numbers.json", {"inputs": {"length": 2.5, "width": 0.75}})
    write("response-numbers.json", {"outputs": [service.grown(2.5, 0.75)]})


if __name__ == "__main__":
    main()

"""Prints what a model of scikit-learn, XGBoost, LightGBM or CatBoost takes, as JSON.

Usage: describe_model.py FOLDER

FOLDER is what its server loads. The models of these libraries know their
inputs, and MLServer does not ask them. The form of the answer is that of
RADIANT_EXAMPLES of the executor; nothing is printed where nothing is known.
This program loads the model by the library that the server loads it with, in
the environment of that server, so that what a pickle may do it does there
anyway.
"""

import json
import os
import sys
from pathlib import Path

# A file that takes long to read is not worth an example.
LARGEST = 512 << 20


def scalar(value):
    """A value of NumPy as one of JSON."""
    return value.item() if hasattr(value, "item") else value


def steps(model):
    """The steps of a pipeline, and of those in it; a model is one step."""
    inner = getattr(model, "steps", None)
    if inner is None:
        return [model]
    return [s for _, step in inner for s in steps(step)]


def categories(model, names):
    """The first category of each column that an encoder of the model knows."""
    found = {}
    for step in steps(model):
        for _, part, columns in getattr(step, "transformers_", []):
            if isinstance(columns, str):
                columns = [columns]
            for encoder in steps(part):
                known = getattr(encoder, "categories_", None)
                if known is None or not hasattr(columns, "__len__") or len(known) != len(columns):
                    continue
                for column, values in zip(columns, known):
                    name = column if isinstance(column, str) else names[column] if names else column
                    found[name] = scalar(values[0])
        known = getattr(step, "categories_", None)
        if step is steps(model)[0] and known is not None:
            for i, values in enumerate(known):
                found[names[i] if names else i] = scalar(values[0])
    return found


def sklearn_inputs(model):
    first = steps(model)[0]
    if hasattr(first, "build_analyzer"):  # It takes texts, such as a TfidfVectorizer.
        return {"datatype": "BYTES", "shape": [-1], "row": ["text"]}
    count = getattr(model, "n_features_in_", None)
    if count is None:
        return None
    names = [str(n) for n in getattr(model, "feature_names_in_", [])]
    known = categories(model, names)
    row = [known.get(names[i] if names else i, 0.5) for i in range(count)]
    text = any(isinstance(cell, str) for cell in row)
    described = {"datatype": "BYTES" if text else "FP64", "shape": [-1, count], "row": row}
    if names:
        described["columns"] = names
        described["frame"] = text or not predicts(model, row)
    return described


def predicts(model, row):
    """Whether the model takes a row without the names of its columns."""
    import numpy

    try:
        model.predict(numpy.array([row]))
    except Exception:
        return False
    return True


def describe_sklearn(file):
    import joblib

    return sklearn_inputs(joblib.load(file))


def describe_xgboost(file):
    import xgboost

    booster = xgboost.Booster(model_file=str(file))
    count = booster.num_features()
    if not count:
        return None
    described = {"datatype": "FP64", "shape": [-1, count], "row": [0.5] * count}
    if booster.feature_names:
        described["columns"] = list(booster.feature_names)
    return described


def describe_lightgbm(file):
    import lightgbm

    booster = lightgbm.Booster(model_file=str(file))
    count = booster.num_feature()
    described = {"datatype": "FP64", "shape": [-1, count], "row": [0.5] * count}
    names = booster.feature_name()
    if names != [f"Column_{i}" for i in range(count)]:
        described["columns"] = names
    return described


def describe_catboost(file):
    import catboost

    model = catboost.CatBoost().load_model(str(file))
    names = model.feature_names_
    # Rows are arrays of one type, so that there are no categories among them.
    if not names or len(model.get_cat_feature_indices()) > 0:
        return None
    described = {"datatype": "FP64", "shape": [-1, len(names)], "row": [0.5] * len(names)}
    if names != [str(i) for i in range(len(names))]:
        described["columns"] = names
    return described


def describe_bst(file):
    with file.open("rb") as opened:
        return describe_lightgbm(file) if opened.read(5) == b"tree\n" else describe_xgboost(file)


# The files that the servers look for, in their order.
FILES = {
    "model.joblib": describe_sklearn,
    "model.pickle": describe_sklearn,
    "model.pkl": describe_sklearn,
    "model.bst": describe_bst,
    "model.cbm": describe_catboost,
    "model.json": describe_xgboost,
    "model.ubj": describe_xgboost,
}


def file_of(folder):
    """The model's file: that which model-settings.json names, or one of FILES."""
    settings = folder / "model-settings.json"
    if settings.is_file():
        uri = json.loads(settings.read_text()).get("parameters", {}).get("uri", "")
        if uri:
            named = folder / uri
            for name, describe in FILES.items():
                if named.suffix == Path(name).suffix and named.is_file():
                    return named, describe
    for name, describe in FILES.items():
        if (folder / name).is_file():
            return folder / name, describe
    return None, None


def main():
    file, describe = file_of(Path(sys.argv[1]))
    if file is None or file.stat().st_size > LARGEST:
        return
    described = describe(file)
    if described is not None:
        print(json.dumps({"inputs": [described]}))


if __name__ == "__main__":
    # What libraries say while they load is not part of the answer.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    main()

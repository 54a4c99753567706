#!/usr/bin/env bash
# MLServer's runtime for CatBoost takes every model for a classifier.
#
# Versions: mlserver 1.7.1, mlserver-catboost 1.7.1, catboost 1.2.10, Python 3.11 or 3.12.
# What one would expect: a CatBoostRegressor, saved as CatBoost documents it,
# is loaded and its predictions equal the library's own.
# What is seen: the model loads without a word. Its class in the server is
# CatBoostClassifier, and each prediction raises an IndexError.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for python in python3.11 python3.12; do command -v "$python" >/dev/null && break; done
"$python" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check mlserver==1.7.1 mlserver-catboost==1.7.1 catboost==1.2.10 'setuptools<81'
cd "$work"
cat > seen.py <<'PY'
import asyncio

import catboost
import numpy as np
from mlserver.codecs import NumpyCodec
from mlserver.settings import ModelParameters, ModelSettings
from mlserver.types import InferenceRequest
from mlserver_catboost import CatboostModel

x = np.arange(40, dtype=np.float64).reshape(20, 2)
model = catboost.CatBoostRegressor(iterations=5, verbose=False, allow_writing_files=False).fit(x, x.sum(axis=1))
model.save_model("model.cbm")


async def ask():
    served = CatboostModel(ModelSettings(name="m", implementation=CatboostModel, parameters=ModelParameters(uri="model.cbm")))
    await served.load()
    print("loaded as", type(served._model).__name__)
    try:
        answer = await served.predict(InferenceRequest(inputs=[NumpyCodec.encode_input("x", x[:2])]))
        print("answered", answer.outputs[0].data.root, "and the library", model.predict(x[:2]).tolist())
    except Exception as e:
        print("raised", type(e).__name__)


asyncio.run(ask())
PY
seen=$("$work/venv/bin/python" seen.py 2>"$work/errors" | grep -E '^(loaded|answered|raised)') || { cat "$work/errors"; exit 1; }
expected='loaded as CatBoostClassifier
raised IndexError'
echo "$seen"
[[ $seen == "$expected" ]] || { echo "this has changed; it was:"; echo "$expected"; exit 1; }

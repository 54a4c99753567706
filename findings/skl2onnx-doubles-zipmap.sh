#!/usr/bin/env bash
# skl2onnx writes a classifier of doubles that ONNX Runtime refuses to load.
#
# Versions: skl2onnx 1.20.0, onnx 1.23.2, onnxruntime 1.32.0, scikit-learn 1.9.1.
# What one would expect: convert_sklearn of a LogisticRegression with an input
# of DoubleTensorType, by its defaults, makes a model that loads, as it does
# with FloatTensorType.
# What is seen: converting succeeds, the model passes onnx's own checker, and
# loading raises: ZipMap, the last node, is fed doubles, and its definition
# takes floats alone.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for python in python3.11 python3.12; do command -v "$python" >/dev/null && break; done
"$python" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check skl2onnx==1.20.0 onnxruntime==1.32.0 onnx==1.23.2 scikit-learn==1.9.1
cd "$work"
cat > seen.py <<'PY'
import onnx
import onnxruntime
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

x, y = load_iris(return_X_y=True)
model = LogisticRegression(max_iter=1000).fit(x, y)
for kind in FloatTensorType, DoubleTensorType:
    made = convert_sklearn(model, initial_types=[("x", kind([None, 4]))])
    onnx.checker.check_model(made)
    try:
        onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
        print(kind.__name__, "loads")
    except Exception as e:
        print(kind.__name__, "is refused by", type(e).__name__, "at ZipMap" if "ZipMap" in str(e) else str(e))
PY
seen=$("$work/venv/bin/python" seen.py 2>"$work/errors") || { cat "$work/errors"; exit 1; }
expected='FloatTensorType loads
DoubleTensorType is refused by InvalidGraph at ZipMap'
echo "$seen"
[[ $seen == "$expected" ]] || { echo "this has changed; it was:"; echo "$expected"; exit 1; }

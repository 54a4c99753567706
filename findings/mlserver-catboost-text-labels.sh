#!/usr/bin/env bash
# MLServer answers text labels of CatBoost over gRPC to requests in raw contents alone.
#
# Versions: mlserver 1.7.1, mlserver-catboost 1.7.1, catboost 1.2.10, Python 3.11 or 3.12.
# What one would expect: a CatBoostClassifier that was trained with labels like
# "yes" and "no" answers the same over both transports of the protocol v2, however
# a request carries its numbers.
# What is seen: over REST, and over gRPC to a request with raw_input_contents, the
# labels come. A request over gRPC with fp64_contents fails with INTERNAL: the
# labels are Python's str, and bytes_contents takes bytes.
set -euo pipefail
work=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
for python in python3.11 python3.12; do command -v "$python" >/dev/null && break; done
"$python" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check mlserver==1.7.1 mlserver-catboost==1.7.1 catboost==1.2.10 'setuptools<81'
mkdir "$work/model"
cd "$work/model"
cat > "$work/train.py" <<'PY'
import json
import socket

import catboost
import numpy as np

x = np.arange(40, dtype=np.float64).reshape(20, 2)
labels = np.where(x[:, 0] < 20, "no", "yes")
catboost.CatBoostClassifier(iterations=5, verbose=False, allow_writing_files=False).fit(x, labels).save_model("model.cbm")
taken = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
http, grpc, metrics = (one.getsockname()[1] for one in taken)
with open("settings.json", "w") as f:
    json.dump({"host": "127.0.0.1", "http_port": http, "grpc_port": grpc, "metrics_port": metrics, "parallel_workers": 0}, f)
with open("model-settings.json", "w") as f:
    json.dump({"name": "m", "implementation": "mlserver_catboost.CatboostModel", "parameters": {"uri": "./model.cbm"}}, f)
PY
"$work/venv/bin/python" "$work/train.py"
"$work/venv/bin/mlserver" start . >"$work/log" 2>&1 &
server=$!
cat > "$work/ask.py" <<'PY'
import json
import struct
import sys
import time
import urllib.request

import grpc
from mlserver.grpc import dataplane_pb2, dataplane_pb2_grpc

with open("settings.json") as f:
    settings = json.load(f)
base = f"http://127.0.0.1:{settings['http_port']}/v2"
for _ in range(600):
    try:
        urllib.request.urlopen(base + "/models/m/ready")
        break
    except OSError:
        time.sleep(0.1)
else:
    sys.exit("the server did not get ready")
rows = {"inputs": [{"name": "x", "shape": [2, 2], "datatype": "FP64", "data": [0.0, 1.0, 38.0, 39.0]}]}
request = urllib.request.Request(base + "/models/m/infer", json.dumps(rows).encode(), {"Content-Type": "application/json"})
output = json.load(urllib.request.urlopen(request))["outputs"][0]
print("REST:", output["datatype"], output["data"])
message = dataplane_pb2.ModelInferRequest(model_name="m")
tensor = message.inputs.add(name="x", datatype="FP64", shape=[2, 2])
tensor.contents.fp64_contents.extend(rows["inputs"][0]["data"])
stub = dataplane_pb2_grpc.GRPCInferenceServiceStub(grpc.insecure_channel(f"127.0.0.1:{settings['grpc_port']}"))
try:
    print("gRPC:", list(stub.ModelInfer(message, timeout=30).outputs[0].contents.bytes_contents))
except grpc.RpcError as e:
    print("gRPC:", e.code().name, e.details())
tensor.ClearField("contents")
message.raw_input_contents.append(struct.pack("<4d", *rows["inputs"][0]["data"]))
print("gRPC, raw:", b"".join(stub.ModelInfer(message, timeout=30).raw_output_contents))
PY
seen=$("$work/venv/bin/python" "$work/ask.py" 2>"$work/errors") || { cat "$work/errors" "$work/log"; exit 1; }
expected=$(cat <<'TEXT'
REST: BYTES ['no', 'yes']
gRPC: INTERNAL expected bytes, str found
gRPC, raw: b'\x02\x00\x00\x00no\x03\x00\x00\x00yes'
TEXT
)
echo "$seen"
[[ $seen == "$expected" ]] || { echo "this has changed; it was:"; echo "$expected"; exit 1; }

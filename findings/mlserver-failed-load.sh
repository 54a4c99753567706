#!/usr/bin/env bash
# While MLServer cannot load a new version of a model, requests for the model fail, and its
# index calls that version ready.
#
# Versions: mlserver 1.7.1, mlserver-sklearn 1.7.1, Python 3.11 or 3.12.
# What one would expect: a version that does not load changes nothing for requests that
# name none, and the index says that it is not ready.
# What is seen: the new version is the one that such requests go to from when it begins to
# load until it was cleared away; some get 400, "is not ready yet". Those that name the
# version that serves do not. The index says READY of a version that was never loaded,
# since it asks whether the newest that is loaded is ready.
set -euo pipefail
work=$(mktemp -d)
server=
trap '[[ -z $server ]] || kill "$server"; rm -rf "$work"' EXIT
for python in python3.11 python3.12; do command -v "$python" >/dev/null && break; done
"$python" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check mlserver==1.7.1 mlserver-sklearn==1.7.1 'setuptools<81'
cd "$work"
mkdir -p models/1 broken
cat > seen.py <<'PY'
import collections, json, os, sys, threading, time, urllib.error, urllib.request

import joblib
from sklearn.linear_model import LinearRegression

url, seen, stop = "http://127.0.0.1:" + sys.argv[2], collections.Counter(), threading.Event()


def settings(folder, version):
    with open(folder + "/model-settings.json", "w") as out:
        json.dump({"name": "m", "implementation": "mlserver_sklearn.SKLearnModel", "parameters": {"uri": "./model.joblib", "version": version}}, out)


def call(path, body):
    try:
        with urllib.request.urlopen(urllib.request.Request(url + path, json.dumps(body).encode(), {"Content-Type": "application/json"})) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as err:
        return err.code, err.read()


def ask(path):
    while not stop.is_set():
        seen[path, call(path, {"inputs": [{"name": "x", "shape": [1, 1], "datatype": "FP64", "data": [1]}]})[0]] += 1


if sys.argv[1] == "make":
    joblib.dump(LinearRegression().fit([[0.0], [1]], [0.0, 1]), "models/1/model.joblib")
    settings("models/1", "1")
    with open("broken/model.joblib", "w") as out:
        out.write("this is no model")
    settings("broken", "2")
    sys.exit()
for _ in range(300):
    try:
        if call("/v2/models/m/infer", {"inputs": [{"name": "x", "shape": [1, 1], "datatype": "FP64", "data": [1]}]})[0] == 200:
            break
    except OSError:
        time.sleep(0.2)
os.rename("broken", "models/2")
print("index of what was never loaded:", *(m["state"] for m in json.loads(call("/v2/repository/index", {})[1]) if m["version"] == "2"))
askers = [threading.Thread(target=ask, args=(path,)) for path in ["/v2/models/m/infer", "/v2/models/m/versions/1/infer"] * 4]
for asker in askers:
    asker.start()
for _ in range(200):
    call("/v2/repository/models/m/load", {})
stop.set()
for asker in askers:
    asker.join()
for name, path in ("no version", "/v2/models/m/infer"), ("version 1", "/v2/models/m/versions/1/infer"):
    statuses = sorted(status for asked, status in seen if asked == path)
    print("asked for", name + ":", *statuses)
    print([seen[path, status] for status in statuses], file=sys.stderr)
PY
"$work/venv/bin/python" seen.py make 0
port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
export MLSERVER_HOST=127.0.0.1 MLSERVER_HTTP_PORT=$port MLSERVER_GRPC_PORT=$((port + 1)) MLSERVER_METRICS_PORT=$((port + 2)) MLSERVER_PARALLEL_WORKERS=0
"$work/venv/bin/mlserver" start models > server.log 2>&1 &
server=$!
seen=$("$work/venv/bin/python" seen.py ask "$port" 2> errors) || { cat errors; tail -5 server.log; exit 1; }
expected='index of what was never loaded: READY
asked for no version: 200 400
asked for version 1: 200'
echo "$seen"
[[ $seen == "$expected" ]] || { echo "this has changed; it was:"; echo "$expected"; exit 1; }

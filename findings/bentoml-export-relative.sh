#!/usr/bin/env bash
# bentoml export takes a relative folder for one below /.
#
# Versions: bentoml 1.4.39, Python 3.11 or 3.12.
# What one would expect: bentoml export NAME:latest FOLDER/ writes into a folder of
# the current one.
# What is seen: it writes to /FOLDER/, or fails where that is not. An absolute path
# goes where it says.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for python in python3.11 python3.12; do command -v "$python" >/dev/null && break; done
"$python" -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check bentoml==1.4.39
export BENTOML_HOME=$work/home BENTOML_DO_NOT_TRACK=True
mkdir -p "$work/service/out"
cd "$work/service"
cat > service.py <<'PY'
import bentoml


@bentoml.service
class Echo:
    @bentoml.api
    def say(self, text: str) -> str:
        return text
PY
printf 'service: "service:Echo"\nname: echo\npython: {lock_packages: false}\n' > bentofile.yaml
"$work/venv/bin/bentoml" build . >/dev/null
echo "a relative folder:"
"$work/venv/bin/bentoml" export echo:latest "radiant-no-such-folder/" 2>&1 | tail -1 || true
echo "an absolute one:"
"$work/venv/bin/bentoml" export echo:latest "$PWD/out/"
ls out

#!/usr/bin/env bash
# venv.sh NAME LIST... prints the Python of the virtual environment NAME in the
# cache folder, after installing the packages of the lists (requirement files,
# complete and exact) unless just these are installed.
set -euo pipefail

name=$1
shift
"$(dirname "${BASH_SOURCE[0]}")/need.sh" python
for interpreter in python3.11 python3.12 python3; do
  if "$interpreter" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; then
    break
  fi
done

dir=${XDG_CACHE_HOME:-$HOME/.cache}/radiant/$name
mark=$dir/installed-$(cat "$@" | sha256sum | cut -c1-16)
mkdir -p "$(dirname "$dir")"
exec 9>"$dir.lock" # A second run waits for the first.
flock 9
if [[ ! -e $mark ]] || ! "$dir/bin/python" -c '' 2>/dev/null; then
  lists=()
  for list in "$@"; do lists+=(-r "$list"); done
  {
    "$interpreter" -m venv --clear "$dir"
    "$dir/bin/python" -m pip install --no-deps --only-binary :all: --no-input --disable-pip-version-check \
      --progress-bar off --quiet "${lists[@]}"
  } >&2
  touch "$mark"
fi
echo "$dir/bin/python"

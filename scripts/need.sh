#!/usr/bin/env bash
# need.sh TOOL... makes sure that each tool is there: says what is missing, and
# installs it where that is one apt-get away. Of the tools that go to the cache
# folder it prints the path.
set -euo pipefail

apt_install() {
  if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
    echo "installing $*" >&2
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"; } >&2
    return
  fi
  return 1
}

usable_python() {
  local python
  for python in python3.11 python3.12 python3; do
    if command -v "$python" >/dev/null &&
      "$python" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; then
      interpreter=$python
      return 0
    fi
  done
  return 1
}

# has_libpython is true if that Python is there as a shared library too.
has_libpython() {
  "$interpreter" - <<'PYTHON'
import os, sys, sysconfig
place, name = sysconfig.get_config_var("LIBDIR") or "/usr/lib", "libpython{}.{}.so.1.0".format(*sys.version_info)
sys.exit(not any(os.path.exists(f"{p}/{name}") for p in (place, f"{place}/{sysconfig.get_config_var('MULTIARCH')}")))
PYTHON
}

bin=${XDG_CACHE_HOME:-$HOME/.cache}/radiant/bin

# go_tool NAME VERSION PACKAGE builds a program outside of this module, once.
# It lies in the cache folder with its version in its name.
go_tool() {
  local at=$bin/$1-$2 dir
  if [[ ! -x $at ]]; then
    mkdir -p "$bin"
    exec 9>"$at.lock" # A second run waits for the first.
    flock 9
  fi
  if [[ ! -x $at ]]; then
    echo "building $1 $2, once" >&2
    dir=$(mktemp -d "$bin/building-XXXXXX")
    (cd "$dir" && GOBIN=$dir GOFLAGS=-mod=mod go install "$3@$2") >&2 && mv "$dir/$1" "$at"
    rm -rf "$dir"
  fi
  [[ -x $at ]] && echo "$at"
}

# npm_tool NAME VERSION installs a program of npm, once, in the cache folder.
npm_tool() {
  local at=${bin%/bin}/npm/$1-$2
  if [[ ! -e $at/installed ]]; then
    mkdir -p "$at"
    exec 9>"$at.lock"
    flock 9
  fi
  if [[ ! -e $at/installed ]]; then
    echo "installing $1 $2, once" >&2
    npm install --prefix "$at" --no-audit --no-fund --ignore-scripts --loglevel=error "$1@$2" >&2 && touch "$at/installed"
  fi
  [[ -e $at/installed ]] && echo "$at/node_modules/.bin/$3"
}

for tool in "$@"; do
  case $tool in
    go)
      command -v go >/dev/null || { echo 'Go is missing: install the version that go.mod names, or newer' >&2; exit 1; }
      ;;
    python)
      usable_python || apt_install python3 python3-venv || true
      usable_python || { echo 'Python 3.11 or 3.12 with venv is missing: the model servers need it' >&2; exit 1; }
      ;;
    libpython)
      usable_python && { has_libpython || apt_install "lib$("$interpreter" -c 'import sys; print("python{}.{}".format(*sys.version_info))')"; } ||
        echo 'The shared library of Python is missing: tests with Triton are left out' >&2
      ;;
    gcc)
      command -v gcc >/dev/null || apt_install gcc libc6-dev ||
        { echo 'gcc is missing: the race detector needs it' >&2; exit 1; }
      ;;
    certificates)
      [ -e /etc/ssl/certs/ca-certificates.crt ] || apt_install ca-certificates ||
        { echo 'the certificates of authorities are missing (package ca-certificates): images hold them' >&2; exit 1; }
      ;;
    kubernetes)
      "$(dirname "${BASH_SOURCE[0]}")/../tests/tools/cluster/binaries/build.sh" etcd kube-apiserver kube-controller-manager >/dev/null
      ;;
    nginx)
      command -v nginx >/dev/null || apt_install nginx-light ||
        { echo 'nginx is missing: the benchmark compares with it' >&2; exit 1; }
      ;;
    versitygw)
      go_tool versitygw v1.8.0 github.com/versity/versitygw/cmd/versitygw ||
        { echo 'versitygw cannot be built: tests of s3:// need it' >&2; exit 1; }
      ;;
    fake-gcs-server)
      go_tool fake-gcs-server v1.56.1 github.com/fsouza/fake-gcs-server ||
        { echo 'fake-gcs-server cannot be built: tests of gs:// need it' >&2; exit 1; }
      ;;
    azurite)
      command -v npm >/dev/null || apt_install nodejs npm || true
      npm_tool azurite 3.37.0 azurite-blob ||
        { echo 'Azurite cannot be installed, npm is needed: tests of azblob:// need it' >&2; exit 1; }
      ;;
    rclone)
      command -v rclone >/dev/null || apt_install rclone ||
        { echo 'rclone is missing: the benchmark of storage compares with it' >&2; exit 1; }
      ;;
    chromium)
      command -v chromium chromium-browser google-chrome >/dev/null || apt_install chromium ||
        echo 'no Chromium, and no way to install it here: the tests of the OpenAPI page will be skipped' >&2
      ;;
    *)
      echo "need.sh: unknown tool $tool" >&2
      exit 1
      ;;
  esac
done

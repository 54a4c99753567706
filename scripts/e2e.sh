#!/usr/bin/env bash
# Runs the cases that need a Kubernetes cluster.
set -euo pipefail
cd "$(dirname "$0")/.."
if [[ ! -d tests/e2e ]]; then
  echo 'e2e: nothing was run: this version has no cluster cases yet'
  exit 0
fi
if [[ $(uname) != Linux || $(id -u) != 0 ]]; then
  echo 'e2e: skipped: a single-node cluster needs Linux and root'
  exit 0
fi

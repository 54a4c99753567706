#!/usr/bin/env bash
# Runs each fuzz target for a while: fuzz.sh [TIME [PATTERN]], such as
# fuzz.sh 10m Request. What is found stays under the package's testdata/fuzz,
# where go test runs it again.
set -euo pipefail
cd "$(dirname "$0")/.."
time="${1:-10m}" pattern="${2:-.}"
grep -rl --include='*_test.go' '^func Fuzz' . | xargs -n1 dirname | sort -u | while read -r package; do
  grep -h '^func Fuzz' "$package"/*_test.go | sed 's/^func \(Fuzz[A-Za-z0-9]*\).*/\1/' | { grep -E "$pattern" || true; } | while read -r target; do
    echo "== $package $target"
    out="$(mktemp)"
    # Go may end a target that found nothing with "context deadline exceeded".
    go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" -parallel "${FUZZ_PARALLEL:-1}" "$package" </dev/null 2>&1 | tee "$out" ||
      ! grep -q 'Failing input written\|panic:' "$out"
    rm -f "$out"
  done
done

#!/usr/bin/env bash
# tool.sh NAME prints the path of a tool, in the version that is pinned here.
# It is built from source once and stays in the cache folder; runs at the same
# time wait for each other.
set -euo pipefail

case $1 in
  helm) package=helm.sh/helm/v3/cmd/helm version=v3.22.0 ;;
  kustomize) package=sigs.k8s.io/kustomize/kustomize/v5 version=v5.8.2 ;;
  *)
    echo "tool.sh: unknown tool $1" >&2
    exit 1
    ;;
esac

cache=${XDG_CACHE_HOME:-$HOME/.cache}/radiant/bin
path=$cache/$1-$version
if [[ ! -x $path ]]; then
  mkdir -p "$cache"
  exec 9>"$path.lock"
  flock 9
  if [[ ! -x $path ]]; then
    echo "building $1 $version; this happens once and may take minutes" >&2
    fresh=$(mktemp -d "$cache/fresh.XXXXXX")
    trap 'rm -rf "$fresh"' EXIT
    (cd "$fresh" && CGO_ENABLED=0 GOFLAGS= GOBIN="$fresh" go install -trimpath -ldflags '-s -w' "$package@$version") >&2
    mv "$fresh/$(ls "$fresh")" "$path"
  fi
fi
echo "$path"

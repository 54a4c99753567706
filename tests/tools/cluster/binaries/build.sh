#!/usr/bin/env bash
# build.sh NAME... builds programs of Kubernetes from source, as binaries.txt
# lists them, and prints the path of each. They stay in the cache folder, by
# version: what is there already is not built again. Runs at the same time wait
# for each other.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/radiant/kubernetes
mkdir -p "$cache"

# row NAME sets folder, package, version and path.
row() {
  local module
  read -r _ folder module package < <(awk -v name="$1" '$1 == name' "$here/binaries.txt") ||
    { echo "build.sh: binaries.txt has no $1" >&2; exit 1; }
  version=$(awk -v module="$module" '{ sub(/^require /, ""); sub(/^[ \t]+/, "") } $1 == module && $2 ~ /^v/ { print $2; exit }' "$here/$folder/go.mod")
  path=$cache/$folder-$version/$1
}

# flags FOLDER VERSION prints what the linker is told: Kubernetes' programs tell
# clients the version that they were built with.
flags() {
  echo -n '-s -w'
  if [[ $1 == kubernetes ]]; then
    local at=k8s.io/component-base/version numbers=${2#v}
    local major=${numbers%%.*} rest=${numbers#*.}
    echo -n " -X $at.gitVersion=$2 -X $at.gitMajor=$major -X $at.gitMinor=${rest%%.*}"
  fi
}

# lacking NAME... sets missing to the names of programs that are not there.
lacking() {
  missing=()
  for name in "$@"; do
    row "$name"
    [[ -x $path ]] || missing+=("$name")
  done
}

lacking "$@"
if ((${#missing[@]})); then
  exec 9>"$cache/lock"
  flock 9
  lacking "$@"
  fresh=$(mktemp -d "$cache/fresh.XXXXXX")
  trap 'rm -rf "$fresh"' EXIT
  for name in "${missing[@]}"; do
    row "$name"
    echo "building $name $version; this happens once and may take minutes" >&2
    (cd "$here/$folder" && CGO_ENABLED=0 GOWORK=off GOFLAGS=-mod=readonly \
      go build -trimpath -ldflags "$(flags "$folder" "$version")" -o "$fresh/$name" "$package") >&2
    mkdir -p "$(dirname "$path")"
    mv "$fresh/$name" "$path"
  done
fi
for name in "$@"; do
  row "$name"
  echo "$path"
done

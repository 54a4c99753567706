#!/usr/bin/env bash
# need.sh NAME... makes sure that each tool of tools.txt is there and prints its
# path, one a line; the line is empty for one that is missing and may be.
# @TARGET stands for all tools of a target. What is built or installed goes to
# the cache folder, once: folder tools/TOOL-VERSION, whole when it holds the file
# .whole. Runs at the same time wait for each other, folder by folder.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
table=$root/scripts/tools.txt
modules=$root/tests/tools/cluster/binaries
cache=${XDG_CACHE_HOME:-$HOME/.cache}/radiant/tools

fail() {
  echo "need.sh: $*" >&2
  exit 1
}

rows() { grep -v -e '^#' -e '^$' "$table"; }

# names prints the names that an argument stands for.
names() {
  case $1 in
    @*) rows | awk -v target="${1#@}" '("," $7 ",") ~ ("," target ",") { print $1 }' ;;
    *) echo "$1" ;;
  esac
}

# row NAME sets the columns of a tool.
row() {
  read -r name kind version package program missing _ purpose < <(rows | awk -v name="$1" '$1 == name') ||
    fail "tools.txt has no $1"
}

# place sets the folder of a tool in the cache and the path of its program.
place() {
  case $kind in
    go) dir=$cache/$name-$version path=$dir/$name ;;
    module) dir=$cache/$version-$(module_version) path=$dir/$name ;;
    npm) dir=$cache/$name-$version path=$dir/node_modules/.bin/$program ;;
    venv) dir=$cache/$name-$(lists | sha256sum | cut -c1-16) path=$dir/bin/$program ;;
    *) fail "tools.txt: $kind is no kind of tool" ;;
  esac
}

# module_version prints the version that a go.mod pins of the module which the
# package lies in: of those that its path begins with, the longest.
module_version() {
  awk -v package="$package" '
    { sub(/^require /, ""); sub(/^[ \t]+/, "") }
    $2 ~ /^v/ && index(package "/", $1 "/") == 1 && length($1) > length(module) { module = $1; version = $2 }
    END { print version }' "$modules/$version/go.mod"
}

# lists prints the requirement files of an environment, one after the other.
lists() {
  local list
  [[ $version != - ]] || return 0
  for list in ${version//,/ }; do cat "$root/$list"; done
}

# whole is true if the tool is there. An environment is of no use without the
# interpreter that it was made with.
whole() { [[ -e $dir/.whole && -x $path ]] && { [[ $kind != venv ]] || "$dir/bin/python" -c '' 2>/dev/null; }; }

# locked FILE COMMAND... runs a command that nobody else runs meanwhile.
locked() (
  mkdir -p "$cache"
  exec 9>"$1"
  flock 9
  shift
  "$@" 9>&-
)

# make_folder makes the tool's folder, unless another run has made it. What an
# interrupted run left goes away; a whole folder whose table got another row stays
# in use meanwhile.
make_folder() {
  if whole; then return; fi
  echo "making ${dir##*/}; this happens once and may take minutes" >&2
  [[ -e $dir/.whole ]] || rm -rf "$dir"
  mkdir -p "$dir"
  "make_$kind" >&2
  touch "$dir/.whole"
}

# Programs are built alike, so that they share what Go has compiled.
go_static() { CGO_ENABLED=0 GOWORK=off GOFLAGS=-trimpath go "$@"; }

make_go() {
  "$0" go >/dev/null
  cd "$dir"
  GOBIN=$dir go_static install -ldflags '-s -w' "$package@$version"
}

make_module() {
  local folder=$version built=() each one made
  "$0" go >/dev/null
  each=$(rows | awk -v folder="$folder" '$2 == "module" && $3 == folder { print $1 " " $4 " " $5 }')
  while read -r _ one _; do built+=("$one"); done <<<"$each"
  cd "$modules/$folder"
  go_static build -mod=readonly -ldflags "$(link_flags "$folder")" -o "$dir/" "${built[@]}"
  while read -r one _ made; do
    [[ $one == "$made" ]] || mv "$dir/$made" "$dir/$one"
  done <<<"$each"
}

# link_flags FOLDER prints what the linker is told: Kubernetes' programs tell
# clients the version that they were built with.
link_flags() {
  echo -n '-s -w'
  if [[ $1 == kubernetes ]]; then
    local at=k8s.io/component-base/version pinned=${dir##*-v}
    local major=${pinned%%.*} rest=${pinned#*.}
    echo -n " -X $at.gitVersion=v$pinned -X $at.gitMajor=$major -X $at.gitMinor=${rest%%.*}"
  fi
}

make_npm() {
  "$0" npm >/dev/null
  npm install --prefix "$dir" --no-audit --no-fund --ignore-scripts --loglevel=error "$package@$version"
}

# make_venv installs lists that are complete and exact, so nothing is resolved,
# and that name the digests of their packages.
make_venv() {
  local python arguments=() list
  python=$("$0" python)
  "$python" -m venv --clear "$dir"
  [[ $version != - ]] || return 0
  for list in ${version//,/ }; do arguments+=(-r "$root/$list"); done
  "$dir/bin/python" -m pip install --no-deps --require-hashes --only-binary :all: --no-input --disable-pip-version-check \
    --progress-bar off --quiet "${arguments[@]}"
  drop_unneeded
}

# drop_unneeded removes what no server reads of packages, as radiant local does.
drop_unneeded() {
  local line
  while read -r line; do
    [[ -z $line || $line == '#'* ]] || rm -rf "${dir:?}"/lib/python3*/site-packages/"$line"
  done <"$root/manifests/python/unneeded.txt"
}

# on_machine prints the path of what the machine has.
on_machine() {
  local one at
  if [[ $name == libpython ]]; then
    find_libpython
    return
  fi
  for one in ${program//|/ }; do
    case $one in
      /*) at=$one ;;
      *) at=$(command -v "$one") || continue ;;
    esac
    if [[ -e $at ]] && { [[ $name != python ]] || fits "$at"; }; then
      echo "$at"
      return
    fi
  done
  return 1
}

# fits is true for a Python that the packages have wheels for, and that can make
# virtual environments.
fits() { "$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' 2>/dev/null; }

find_libpython() {
  "$("$0" python)" - <<'PYTHON'
import os, sys, sysconfig
place, name = sysconfig.get_config_var("LIBDIR") or "/usr/lib", "libpython{}.{}.so.1.0".format(*sys.version_info)
for folder in (place, f"{place}/{sysconfig.get_config_var('MULTIARCH')}"):
    if os.path.exists(f"{folder}/{name}"):
        print(f"{folder}/{name}")
        sys.exit()
sys.exit(1)
PYTHON
}

# install_packages installs what is missing, unless another run has.
install_packages() {
  on_machine >/dev/null && return
  local wanted=${package//,/ }
  if [[ $wanted == *'{python}'* ]]; then
    wanted=${wanted//'{python}'/$("$("$0" python)" -c 'import sys; print("{}.{}".format(*sys.version_info))')}
  fi
  echo "installing $wanted" >&2
  # shellcheck disable=SC2086 # Several packages are several words.
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $wanted; } >&2
}

need_of_machine() {
  if ! path=$(on_machine) && [[ $package != - && $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
    locked "$cache/apt.lock" install_packages || true
    path=$(on_machine) || true
  fi
  if [[ -z $path ]]; then
    echo "$name is missing: $purpose" >&2
    [[ $missing == skip ]] || exit 1
  fi
}

for argument in "$@"; do
  asked=$(names "$argument")
  [[ -n $asked ]] || fail "tools.txt has no tool for $argument"
  for tool in $asked; do
    row "$tool"
    if [[ $kind == apt ]]; then
      need_of_machine
    else
      place
      whole || locked "$dir.lock" make_folder
    fi
    echo "$path"
  done
done

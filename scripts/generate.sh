#!/usr/bin/env bash
# Writes the Go code of every .proto file under apis/ beside it, the deep copies
# of the API's types, their CustomResourceDefinition, and what installs the
# operator from one file. The tools are pinned and kept in a cache, so a second
# run needs no network.
set -euo pipefail
cd "$(dirname "$0")/.."

protoc_version=1.85.1        # PyPI grpcio-tools; carries protoc 35.1
protoc_gen_go=v1.36.12       # google.golang.org/protobuf, as in go.mod
protoc_gen_go_grpc=v1.6.1

cache="${XDG_CACHE_HOME:-$HOME/.cache}/radiant/generate"
venv="$cache/grpcio-tools-$protoc_version"
bin="$cache/bin-$protoc_gen_go-$protoc_gen_go_grpc"

if [ ! -e "$venv/ready" ]; then
  rm -rf "$venv"
  python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --disable-pip-version-check "grpcio-tools==$protoc_version"
  touch "$venv/ready"
fi
[ -x "$bin/protoc-gen-go" ] ||
  GOBIN="$bin" go install "google.golang.org/protobuf/cmd/protoc-gen-go@$protoc_gen_go"
[ -x "$bin/protoc-gen-go-grpc" ] ||
  GOBIN="$bin" go install "google.golang.org/grpc/cmd/protoc-gen-go-grpc@$protoc_gen_go_grpc"

module="$(go list -m)"
mapfile -t protos < <(cd apis && find . -name '*.proto' | sed 's|^\./||' | sort)
PATH="$bin:$PATH" "$venv/bin/python" -m grpc_tools.protoc --proto_path=apis \
  --go_out=. --go_opt="module=$module" \
  --go-grpc_out=. --go-grpc_opt="module=$module" \
  "${protos[@]}"

go generate ./apis/v1
definition=manifests/crd/seldondeployments.yaml
go run ./manifests/crd/generate >"$definition.new"
mv "$definition.new" "$definition"

scripts/install.sh

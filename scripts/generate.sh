#!/usr/bin/env bash
# Writes the Go code of every .proto file under apis/ beside it, the deep copies
# of the API's types, their CustomResourceDefinition, and what installs the
# operator from one file.
set -euo pipefail
cd "$(dirname "$0")/.."

protoc=$(scripts/need.sh protoc)
messages=$(dirname "$(scripts/need.sh protoc-gen-go)") services=$(dirname "$(scripts/need.sh protoc-gen-go-grpc)")

module="$(go list -m)"
mapfile -t protos < <(cd apis && find . -name '*.proto' | sed 's|^\./||' | sort)
PATH="$messages:$services:$PATH" "$protoc" -m grpc_tools.protoc --proto_path=apis \
  --go_out=. --go_opt="module=$module" \
  --go-grpc_out=. --go-grpc_opt="module=$module" \
  "${protos[@]}"

go generate ./apis/v1 ./apis/kubeflow
definition=manifests/crd/seldondeployments.yaml
go run ./manifests/crd/generate >"$definition.new"
mv "$definition.new" "$definition"

go run ./manifests/generate manifests

scripts/install.sh

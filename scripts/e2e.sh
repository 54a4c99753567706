#!/usr/bin/env bash
# Runs the cases that need a cluster: on a single-node Kubernetes of this machine
# (tests/tools/cluster), which is there for the run alone, or on the one that KUBECONFIG
# names. docs/cluster.md says what such a one needs. Arguments go to go test.
set -euo pipefail
cd "$(dirname "$0")/.."
if [[ -z ${KUBECONFIG:-} ]]; then
  [[ $(uname) == Linux ]] || { echo 'e2e: skipped: a node needs Linux'; exit 0; }
  [[ $(id -u) == 0 ]] || { echo 'e2e: skipped: a node needs root'; exit 0; }
fi
architecture=$(go env GOARCH)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
scripts/need.sh @e2e >/dev/null
# As make build builds, so that what programs are made of is compiled once.
export CGO_ENABLED=0 GOFLAGS=-trimpath

if [[ -z ${KUBECONFIG:-} ]]; then
  (cd tests/tools/cluster && go build -o "$work/cluster" .)
  export RADIANT_CLUSTER_SOURCE=$PWD/tests/tools/cluster
  trap '"$work/cluster" down || true; rm -rf "$work"' EXIT
  "$work/cluster" up > "$work/environment"
  # shellcheck source=/dev/null
  . "$work/environment"
  "$work/cluster" images
  go build -o "$work/" ./operator ./images
  "$work/images" -platforms "linux/$architecture" -o "$work/layouts" >/dev/null
  version=$("$work/operator" --version | awk '{print $2}')
  for image in operator executor storage-initializer; do
    "$work/cluster" import "docker.io/radiant/$image:$version" "$work/layouts/$image"
  done
fi

kubectl apply --server-side -f manifests/install.yaml -f manifests/training/role.yaml
# How this cluster wants it: its gateway, its model store, and little for each
# executor, so that three pods fit on one small node.
kubectl --namespace seldon-system set env deployment/seldon-controller-manager \
  GATEWAY_API_ENABLED=true GATEWAY_API_GATEWAY="${RADIANT_E2E_GATEWAY:-radiant-system/radiant}" \
  GATEWAY_API_GRPC_GATEWAY="${RADIANT_E2E_GRPC_GATEWAY:-radiant-system/radiant-grpc}" \
  GATEWAY_API_MIRROR=TraefikService KEDA_ENABLED=true RADIANT_TRAINING=true \
  PREDICTIVE_UNIT_DEFAULT_ENV_SECRET_REF_NAME=stores \
  EXECUTOR_DEFAULT_CPU_REQUEST=50m EXECUTOR_DEFAULT_MEMORY_REQUEST=64Mi
kubectl --namespace seldon-system rollout status deployment/seldon-controller-manager --timeout=180s
mkdir -p bin
go test -count=1 -tags e2e -timeout 40m -parallel 4 -artifacts -outputdir "$PWD/bin" "$@" ./tests/e2e

#!/usr/bin/env bash
# Writes manifests/install.yaml from the kustomize base, and the files of the
# Helm chart that are copies.
set -euo pipefail
cd "$(dirname "$0")/../manifests"

{
  # shellcheck disable=SC2016 # The quotes are Markdown's.
  echo '# Made by `make generate` from the kustomize base in manifests/. DO NOT EDIT.'
  "$(../scripts/need.sh kustomize)" build .
} >install.yaml.part
mv install.yaml.part install.yaml

chart=helm/radiant-operator/files
mkdir -p "$chart/dashboards"
cp operator/role.yaml operator/role_home.yaml "$chart"
cp webhook/role.yaml "$chart/webhook_role.yaml"
cp training/role.yaml "$chart/training_role.yaml"
cp activator/role.yaml "$chart/activator_role.yaml"
cp crd/seldondeployments.yaml "$chart/crd.yaml"
cp monitoring/rules.yaml "$chart"
cp monitoring/dashboards/*.json "$chart/dashboards"

// Package crd holds the CustomResourceDefinition of SeldonDeployments, as
// Kubernetes takes it. Its text is made from the types in apis/v1 by
// `make generate`.
package crd

import _ "embed"

//go:embed seldondeployments.yaml
var text string

// Name is that of the definition.
const Name = "seldondeployments.machinelearning.seldon.io"

// YAML is the definition as one document.
func YAML() []byte { return []byte(text) }

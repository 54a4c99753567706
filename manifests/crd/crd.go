// Package crd holds CustomResourceDefinitions, as Kubernetes takes them: that of
// SeldonDeployments, made from the types in apis/v1 by `make generate`, and those
// of training jobs.
package crd

import (
	_ "embed"
	"fmt"
	"strings"
)

//go:embed seldondeployments.yaml
var text string

// Name is that of the definition.
const Name = "seldondeployments.machinelearning.seldon.io"

// YAML is the definition as one document.
func YAML() []byte { return []byte(text) }

//go:embed training.yaml
var training string

// Training is the definition of a kind of training jobs as one document, by the
// definition's name, such as tfjobs.kubeflow.org.
func Training(name string) ([]byte, error) {
	for _, document := range strings.Split(training, "\n---\n") {
		if strings.Contains(document, "\n  name: "+name+"\n") {
			return []byte(document), nil
		}
	}
	return nil, fmt.Errorf("there is no definition %s", name)
}

const (
	// LabelManager marks the definitions that Radiant has installed, by the value
	// [Manager]. One without it is somebody else's, and is left as it is.
	LabelManager = "app.kubernetes.io/managed-by"
	// Manager is Radiant, in that label.
	Manager = "radiant"
)

// IsRadiants reports whether a definition that a cluster has is Radiant's.
func IsRadiants(definition interface{ GetLabels() map[string]string }) bool {
	return definition.GetLabels()[LabelManager] == Manager
}

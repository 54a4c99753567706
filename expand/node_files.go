package expand

import (
	"cmp"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/prime-radiant/radiant/graph"
)

const (
	envNodeFiles    = "RADIANT_NODE_FILES"
	nodeFilesVolume = "executor-node-files"
)

// readsFiles reports whether the executor reads what the node's modelUri names.
func (p *predictor) readsFiles(n *graph.Node) bool {
	return n.ModelURI != "" && graph.BuiltinOf(n.Implementation).ReadsFiles()
}

// fetchNodeFiles adds an init container for each built-in node with a modelUri.
// The executor sees all their files in one volume, a folder for each node.
func (p *predictor) fetchNodeFiles(pod *corev1.PodSpec, executor *corev1.Container) error {
	var errs []error
	p.spec.Graph.Walk(func(_ string, n *graph.Node) {
		if !p.readsFiles(n) {
			return
		}
		executor.Env = addEnv(executor.Env, envNodeFiles, modelDir)
		err := p.fetch(pod, executor, download{
			uri:     n.ModelURI,
			name:    n.Name,
			image:   n.StorageInitializerImage,
			secret:  n.EnvSecretRefName,
			account: cmp.Or(n.ServiceAccountName, pod.ServiceAccountName, defaultAccount),
			volume:  nodeFilesVolume, within: n.Name,
		})
		if err != nil {
			errs = append(errs, fmt.Errorf("node %q: %w", n.Name, err))
		}
	})
	return errors.Join(errs...)
}

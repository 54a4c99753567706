package local

import (
	"fmt"
	"path"
	"slices"

	corev1 "k8s.io/api/core/v1"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/local/runtime"
	"github.com/prime-radiant/radiant/manifests"
	"github.com/prime-radiant/radiant/storage"
)

// fetches reports whether the container is the stand-in that fetches uri.
func (c *containerLayout) fetches(uri string) bool {
	return c.choice.Mode == runtime.AsProgram && c.choice.Fetches() &&
		len(c.spec.Args) == 2 && c.spec.Args[0] == uri
}

// modelProblems are those of the models of a predictor that are known before
// anything is fetched. What the user fetches by other means is not looked at.
func (g *generation) modelProblems(predictor int, servers map[string]manifests.Server, from runtime.Shell) v1.Problems {
	var problems v1.Problems
	g.predictor.Graph.Walk(func(at string, n *graph.Node) {
		if n.ModelURI == "" {
			return
		}
		for _, layout := range g.layouts {
			if !slices.ContainsFunc(layout.inits, func(c containerLayout) bool { return c.fetches(n.ModelURI) }) {
				continue
			}
			names, known, err := storage.Look(n.ModelURI, storage.Options{Lookup: from.Value})
			if err == nil && known && g.runsStock(layout, n) {
				err = servers[n.Implementation].CheckFiles(names)
			}
			if err != nil {
				problems = append(problems, v1.Problem{
					Severity: v1.SeverityError, Path: fmt.Sprintf("spec.predictors[%d].%s.modelUri", predictor, at), Message: err.Error(),
				})
			}
			return
		}
	})
	return problems
}

// runsStock reports whether the node's server starts here as it was
// prepackaged: what the user changes may look for other files.
func (g *generation) runsStock(layout *podLayout, n *graph.Node) bool {
	for i := range g.predictor.ComponentSpecs {
		for _, c := range g.predictor.ComponentSpecs[i].Spec.Containers {
			if c.Name == n.Name && (c.Image != "" || len(c.Command)+len(c.Args)+len(c.Env) > 0) {
				return false
			}
		}
	}
	return slices.ContainsFunc(layout.containers, func(c containerLayout) bool {
		return c.spec.Name == n.Name && c.choice.Mode == runtime.AsProgram
	})
}

// dropFetches removes the init containers that fetch a model for nobody: the
// containers that see its folder are left out.
func (p *podLayout) dropFetches(all []corev1.Container) {
	p.inits = slices.DeleteFunc(p.inits, func(c containerLayout) bool {
		if !c.choice.Fetches() || len(c.spec.Args) != 2 {
			return false
		}
		volume := volumeAt(c.spec, c.spec.Args[1])
		sees := func(other *corev1.Container) bool {
			return slices.ContainsFunc(other.VolumeMounts, func(m corev1.VolumeMount) bool { return m.Name == volume })
		}
		return slices.ContainsFunc(all, func(other corev1.Container) bool { return sees(&other) }) &&
			!slices.ContainsFunc(p.containers, func(other containerLayout) bool { return sees(other.spec) })
	})
}

// volumeAt is the name of the volume that c sees at exactly this path.
func volumeAt(c *corev1.Container, at string) string {
	for _, m := range c.VolumeMounts {
		if path.Clean(m.MountPath) == path.Clean(at) {
			return m.Name
		}
	}
	return ""
}

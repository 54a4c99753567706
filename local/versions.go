package local

import (
	"fmt"

	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/local/runtime"
)

// telling is what a running generation is told of the versions of its models, in
// place of another generation.
type telling struct {
	generation *generation
	expansion  *expansion
}

// versions are what executors of the predictor are told of versions, by Deployment.
func (e *expansion) versions() map[string]string {
	all := map[string]string{}
	for _, d := range e.deployments {
		if text, ok := d.Spec.Template.Annotations[graph.VersionsAnnotation]; ok {
			all[d.Name] = text
		}
	}
	return all
}

// tell writes the annotations of the pods anew, as a cluster does when those of a pod
// change: the executor sees it.
func (t telling) tell() error {
	g := t.generation
	for _, d := range t.expansion.deployments {
		for _, layout := range g.layouts {
			if layout.name != d.Name {
				continue
			}
			if err := runtime.WriteAnnotations(&d.Spec.Template, layout.volumes); err != nil {
				return fmt.Errorf("predictor %s: %w", g.predictor.Name, err)
			}
		}
	}
	g.versions = t.expansion.versions()
	return nil
}

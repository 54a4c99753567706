package local

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/local/runtime"
	"github.com/prime-radiant/radiant/manifests"
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

// missingVersions are the versions of a model that a node names and that are not among
// its files, of a server that finds them in numbered folders.
func missingVersions(at string, n *graph.Node, server manifests.Server, files []string) v1.Problems {
	isBelow := server.Refresh == manifests.RefreshTriton // The folders are in one of the model.
	if server.Versions == nil && (n.ModelRefresh == "" || isBelow) || !n.DeclaresVersions() {
		return nil
	}
	var there []int64
	for _, v := range versionsAmong(files) {
		there = append(there, v.number)
	}
	var problems v1.Problems
	for _, f := range n.MissingVersions(there) {
		text := f.Message
		if f.Parameter != "" {
			text = f.Parameter + " " + text
		}
		problems = append(problems, v1.Problem{Severity: v1.SeverityError, Path: at + "." + f.Field, Message: text})
	}
	return problems
}

// versionFolder is a folder whose name is a number.
type versionFolder struct {
	number int64
	name   string
}

// versionsAmong are the numbered folders that files lie in.
func versionsAmong(files []string) (all []versionFolder) {
	for _, file := range files {
		folder, _, inside := strings.Cut(file, "/")
		number, err := strconv.ParseInt(folder, 10, 64)
		if v := (versionFolder{number, folder}); inside && err == nil && !slices.Contains(all, v) {
			all = append(all, v)
		}
	}
	return all
}

package local

import (
	"path/filepath"
	"strings"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/graph"
)

// Source is a valid deployment and where it was read.
type Source struct {
	Deployment *v1.SeldonDeployment
	// File is the name of its file; "" where there is none.
	File string
	// Dir is the folder that relative model paths start from.
	Dir string
	// Locate fills in where problems are in the file; nil: nobody knows.
	Locate func(v1.Problems) v1.Problems
}

// name is the deployment's namespace and name.
func (s Source) name() string { return s.Deployment.Namespace + "/" + s.Deployment.Name }

// localized returns the deployment with a namespace and with model paths that
// hold wherever the program runs.
func (s Source) localized() *v1.SeldonDeployment {
	d := s.Deployment.DeepCopy()
	if d.Namespace == "" {
		d.Namespace = v1.DefaultNamespace
	}
	for i := range d.Spec.Predictors {
		p := &d.Spec.Predictors[i]
		p.Graph.Walk(func(_ string, n *graph.Node) { n.ModelURI = absoluteURI(n.ModelURI, s.Dir) })
	}
	return d
}

// absoluteURI makes a file:// URI of a path; other URIs stay as they are. A
// colon before the first slash is the end of a scheme or of a remote's name.
func absoluteURI(uri, dir string) string {
	if uri == "" {
		return ""
	}
	file, isFile := strings.CutPrefix(uri, "file://")
	if !isFile {
		head, _, _ := strings.Cut(uri, "/")
		if strings.Contains(head, ":") {
			return uri
		}
		file = uri
	}
	if !filepath.IsAbs(file) {
		file = filepath.Join(dir, file)
	}
	return "file://" + filepath.ToSlash(file)
}

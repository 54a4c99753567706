package v1

import (
	"io"

	"github.com/prime-radiant/radiant/apis/manifest"
)

type (
	// Severity is how bad a problem of a deployment is, as of all that is read.
	Severity = manifest.Severity
	// Problem is what is wrong with a deployment.
	Problem = manifest.Problem
	// Problems are several.
	Problems = manifest.Problems
)

// The severities.
const (
	SeverityError   = manifest.SeverityError
	SeverityWarning = manifest.SeverityWarning
	SeverityNote    = manifest.SeverityNote
)

// +kubebuilder:object:generate=false

// Document is one SeldonDeployment of a file.
type Document struct {
	manifest.Document
	// Deployment is as written, whatever version it was written in.
	Deployment *SeldonDeployment
}

// ManifestKind is the kind of a SeldonDeployment to [manifest.Read].
func ManifestKind() manifest.Kind {
	return manifest.Kind{Group: Group, Name: Kind, Versions: Versions(), Alone: true,
		New: func() any { return &SeldonDeployment{} }}
}

// DocumentOf returns a document of [manifest.Read] that is a SeldonDeployment.
func DocumentOf(d manifest.Document) (Document, bool) {
	deployment, ok := d.Object.(*SeldonDeployment)
	if !ok {
		return Document{}, false
	}
	deployment.APIVersion, deployment.Kind = Group+"/"+Version, Kind
	return Document{Document: d, Deployment: deployment}, true
}

// Decode reads all SeldonDeployments of a YAML or JSON file, as [manifest.Read]
// does.
func Decode(name string, r io.Reader) (docs []Document, problems Problems, err error) {
	read, problems, err := manifest.Read(name, r, []manifest.Kind{ManifestKind()})
	for _, d := range read {
		if doc, ok := DocumentOf(d); ok {
			docs = append(docs, doc)
		}
	}
	return docs, problems, err
}

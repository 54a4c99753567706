package kubeflow

import (
	"github.com/prime-radiant/radiant/apis/manifest"
)

//go:generate go run sigs.k8s.io/controller-tools/cmd/controller-gen@v0.23.0 object paths=.

// TFJobVersions lists the versions of TFJob that are read, the one to write first.
func TFJobVersions() []string { return []string{"v1", "v1beta2"} }

// MPIJobVersions lists the versions of MPIJob that are read, the one to write
// first.
func MPIJobVersions() []string { return []string{"v1", "v2beta1", "v1alpha2"} }

// ManifestKinds are the kinds to [manifest.Read].
func ManifestKinds() []manifest.Kind {
	return []manifest.Kind{
		{Group: Group, Name: TFJobKind, Versions: TFJobVersions(), New: func() any { return &TFJob{} }},
		{Group: Group, Name: MPIJobKind, Versions: MPIJobVersions(), New: func() any { return &MPIJob{} }},
	}
}

// +kubebuilder:object:generate=false

// Document is one job of a file.
type Document struct {
	manifest.Document
	// Job is as written.
	Job Job
}

// DocumentOf returns a document of [manifest.Read] that is a job.
func DocumentOf(d manifest.Document) (Document, bool) {
	job, ok := d.Object.(Job)
	return Document{Document: d, Job: job}, ok
}

// Validate is [Validate] with places. Fields that could not be read have been
// reported by [manifest.Read], so nothing more is said of them.
func (d *Document) Validate() manifest.Problems { return d.Judged(Validate(d.Job)) }

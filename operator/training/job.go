package training

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kjson "sigs.k8s.io/json"

	"github.com/prime-radiant/radiant/apis/kubeflow"
	"github.com/prime-radiant/radiant/apis/manifest"
)

// decode reads a job, and says all that is wrong with it.
func decode(u *unstructured.Unstructured) (kubeflow.Job, manifest.Problems, error) {
	version := writtenIn(u)
	written := u.DeepCopy()
	written.SetAPIVersion(version)
	written.SetManagedFields(nil)
	status := written.Object["status"]
	delete(written.Object, "status")
	text, err := json.Marshal(written.Object)
	if err != nil {
		return nil, nil, fmt.Errorf("reading job: %w", err)
	}
	docs, problems, err := manifest.Read("", bytes.NewReader(text), kubeflow.ManifestKinds())
	var wrong manifest.Problems
	if err != nil && !errors.As(err, &wrong) || len(docs) != 1 {
		return nil, nil, fmt.Errorf("reading job: %w", err)
	}
	d, ok := kubeflow.DocumentOf(docs[0])
	if !ok {
		return nil, nil, fmt.Errorf("reading job: a %s is none", u.GetKind())
	}
	problems = slices.Concat(problems, wrong, d.Validate())
	for i := range problems { // Lines and columns are those of no file that the user knows.
		problems[i].File, problems[i].Line, problems[i].Column = "", 0, 0
	}
	return d.Job, problems, decodeStatus(status, d.Job.State())
}

// decodeStatus reads a status. One that does not fit the types is written anew.
func decodeStatus(from any, to *kubeflow.JobStatus) error {
	text, err := json.Marshal(from)
	if err != nil {
		return fmt.Errorf("reading status: %w", err)
	}
	if err := kjson.UnmarshalCaseSensitivePreserveInts(text, to); err != nil {
		*to = kubeflow.JobStatus{}
	}
	maps.DeleteFunc(to.ReplicaStatuses, func(_ kubeflow.ReplicaType, s *kubeflow.ReplicaStatus) bool { return s == nil })
	return nil
}

// runBy names who else has written the conditions of a job last, since Kubeflow's own
// operator may run beside this one; empty: nobody.
func runBy(u *unstructured.Unstructured) string {
	for _, entry := range u.GetManagedFields() {
		if entry.Subresource == "status" && entry.Manager != FieldManager && entry.FieldsV1 != nil && bytes.Contains(entry.FieldsV1.GetRawBytes(), []byte(`"f:conditions":`)) {
			return entry.Manager
		}
	}
	return ""
}

// writtenIn is the version in which a job was written, on which defaults depend.
// The API server gives all jobs in the version that is asked for; who wrote which
// field, and in which version, it keeps beside them.
func writtenIn(u *unstructured.Unstructured) string {
	for _, entry := range u.GetManagedFields() {
		if entry.Subresource == "" && entry.FieldsV1 != nil && bytes.Contains(entry.FieldsV1.GetRawBytes(), []byte(`"f:spec":`)) {
			return entry.APIVersion
		}
	}
	return u.GetAPIVersion()
}

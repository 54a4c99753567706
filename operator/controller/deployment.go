package controller

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	kjson "sigs.k8s.io/json"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
)

// newDeployment is an empty deployment as it is read. The API server does not
// know what pods look like, so it may store one that does not fit the types: a
// typed watch would stop at it, and with it the work on all others.
func newDeployment() *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(v1.GroupVersion().WithKind(v1.Kind))
	return u
}

func newDeploymentList() *unstructured.UnstructuredList {
	l := &unstructured.UnstructuredList{}
	l.SetGroupVersionKind(v1.GroupVersion().WithKind(v1.Kind + "List"))
	return l
}

// decode reads a deployment. Fields that hold something of the wrong type are
// left out, each with a problem that names it.
func decode(u *unstructured.Unstructured) (*v1.SeldonDeployment, v1.Problems, error) {
	text, err := textOf(u)
	if err != nil {
		return nil, nil, fmt.Errorf("reading deployment: %w", err)
	}
	d := &v1.SeldonDeployment{}
	if err := kjson.UnmarshalCaseSensitivePreserveInts(text, d); err == nil {
		return d, nil, nil
	}
	docs, _, err := v1.Decode("", bytes.NewReader(text))
	var problems v1.Problems
	if !errors.As(err, &problems) || len(docs) != 1 {
		return nil, nil, fmt.Errorf("reading deployment: %w", err)
	}
	for i := range problems { // Lines and columns are those of no file that the user knows.
		problems[i].File, problems[i].Line, problems[i].Column = "", 0, 0
	}
	return docs[0].Deployment, problems, nil
}

// decodeStatus reads a deployment's status. One that does not fit the types is
// written anew.
func decodeStatus(u *unstructured.Unstructured) (v1.SeldonDeploymentStatus, error) {
	text, err := textOf(u)
	if err != nil {
		return v1.SeldonDeploymentStatus{}, fmt.Errorf("reading status: %w", err)
	}
	var d struct {
		Status v1.SeldonDeploymentStatus `json:"status"`
	}
	if err := kjson.UnmarshalCaseSensitivePreserveInts(text, &d); err != nil {
		return v1.SeldonDeploymentStatus{}, nil //nolint:nilerr // As the comment says.
	}
	return d.Status, nil
}

// check returns all problems of a deployment.
func check(u *unstructured.Unstructured, s *InForce) (*v1.SeldonDeployment, v1.Problems, error) {
	d, problems, err := decode(u)
	if err != nil {
		return nil, nil, err
	}
	unread := make(map[string]bool, len(problems))
	for _, p := range problems {
		unread[p.Path] = true
	}
	for _, p := range slices.Concat(v1.Validate(d, s.Rules()), expand.Warnings(d, s.Config)) {
		if !unread[p.Path] {
			problems = append(problems, p)
		}
	}
	return d, problems, nil
}

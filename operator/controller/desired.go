package controller

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/prime-radiant/radiant/expand"
)

const (
	// FieldManager owns the fields that are applied.
	FieldManager = "radiant"
	// AnnotationHash tells what was applied to an object. As long as it is
	// there, and we own all fields of what we want, nothing is left to do.
	AnnotationHash = "machinelearning.seldon.io/applied-hash"
)

// Desired is an object as it should be, ready to be applied.
type Desired struct {
	kind   kind
	rank   expand.Rank
	ref    ref
	hash   string
	fields map[string]any
	object expand.Object
}

// Prepare makes an expanded object ready.
func Prepare(o expand.Object) (Desired, error) {
	fields, err := expand.Fields(o)
	if err != nil {
		return Desired{}, err
	}
	full := o.GetObjectKind().GroupVersionKind()
	gk := full.GroupKind()
	k, ok := kindOf(gk)
	if !ok {
		return Desired{}, fmt.Errorf("%s %s: operator/controller has no row for this kind", gk, o.GetName())
	}
	k.GroupVersionKind = full
	text, err := json.Marshal(fields)
	if err != nil {
		return Desired{}, err
	}
	sum := sha256.Sum256(text)
	hash := hex.EncodeToString(sum[:16])
	metadata, ok := fields["metadata"].(map[string]any)
	if !ok {
		return Desired{}, fmt.Errorf("%s: has no metadata", gk)
	}
	annotations, ok := metadata["annotations"].(map[string]any)
	if !ok {
		annotations = map[string]any{}
		metadata["annotations"] = annotations
	}
	annotations[AnnotationHash] = hash
	return Desired{kind: k, rank: k.RankOf(o), ref: refOf(gk, o), hash: hash, fields: fields, object: o}, nil
}

// Object is what is sent to the API server. Each call returns a copy.
func (d Desired) Object() *unstructured.Unstructured {
	return (&unstructured.Unstructured{Object: d.fields}).DeepCopy()
}

// isCurrent reports whether live is as desired: it was applied as it is now,
// and nobody has changed a field since.
func (d Desired) isCurrent(live metav1.Object, last written) bool {
	if live.GetAnnotations()[AnnotationHash] != d.hash {
		return false
	}
	fields := ownedFields(live)
	return last.hash == d.hash && last.fields == string(fields) || owns(fields, d.fields)
}

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
	object expand.Object
	told   toldPods
	// made is what content returns without what pods are told, or nil where it is to
	// be made again: of what whole returns, since object is only what passes look at
	// then.
	made  map[string]any
	whole func(ref) (expand.Object, error)
}

// Prepare makes an expanded object ready.
func Prepare(o expand.Object) (Desired, error) {
	full := o.GetObjectKind().GroupVersionKind()
	gk := full.GroupKind()
	k, ok := kindOf(gk)
	if !ok {
		return Desired{}, fmt.Errorf("%s %s: operator/controller has no row for this kind", gk, o.GetName())
	}
	k.GroupVersionKind = full
	d := Desired{kind: k, rank: k.RankOf(o), ref: refOf(gk, o), object: o}
	var err error
	d.made, d.hash, d.told, err = contentOf(o)
	return d, err
}

// contentOf returns what is applied of an object, and its hash, which is among
// it: all but what pods are told.
func contentOf(o expand.Object) (fields map[string]any, hash string, told toldPods, err error) {
	if fields, err = expand.Fields(o); err != nil {
		return nil, "", told, err
	}
	metadata, ok := fields["metadata"].(map[string]any)
	if !ok {
		return nil, "", told, fmt.Errorf("%s: has no metadata", o.GetObjectKind().GroupVersionKind().GroupKind())
	}
	annotations, ok := metadata["annotations"].(map[string]any)
	if !ok {
		annotations = map[string]any{}
	}
	if told, err = takeTold(fields, annotations, o); err != nil {
		return nil, "", told, err
	}
	if len(annotations) > 0 {
		metadata["annotations"] = annotations
	}
	text, err := json.Marshal(fields)
	if err != nil {
		return nil, "", told, err
	}
	sum := sha256.Sum256(text)
	hash = hex.EncodeToString(sum[:16])
	metadata["annotations"] = annotations
	annotations[AnnotationHash] = hash
	return fields, hash, told, nil
}

// content is what is applied of the object. Nobody may change it.
func (d Desired) content() (map[string]any, error) {
	fields := d.made
	if fields == nil {
		o, err := d.whole(d.ref)
		if err != nil {
			return nil, err
		}
		if fields, _, _, err = contentOf(o); err != nil {
			return nil, err
		}
	}
	if d.told.template != "" {
		fields = withTold(fields, d.told.versions)
	}
	return fields, nil
}

// light is the same with its content to be made again, which takes most of the
// memory.
func (d Desired) light(whole func(ref) (expand.Object, error)) Desired {
	d.made, d.whole, d.object = nil, whole, glance(d.object)
	return d
}

// Object is what is sent to the API server. Each call returns a copy.
func (d Desired) Object() (*unstructured.Unstructured, error) {
	fields, err := d.content()
	if err != nil {
		return nil, err
	}
	return (&unstructured.Unstructured{Object: fields}).DeepCopy(), nil
}

// isCurrent reports whether live is as desired: it was applied as it is now,
// and nobody has changed a field since.
func (d Desired) isCurrent(live metav1.Object, last written) bool {
	if live.GetAnnotations()[AnnotationHash] != d.hash {
		return false
	}
	fields := ownedFields(live)
	if last.hash == d.hash && last.fields == sumOf(fields) {
		return true
	}
	wanted, err := d.beside(live).content()
	return err == nil && owns(withOwner(fields, live), wanted)
}

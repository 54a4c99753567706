package controller

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// applied returns our entry among an object's field managers, or nil.
func applied(o metav1.Object) *metav1.ManagedFieldsEntry {
	entries := o.GetManagedFields()
	for i := range entries {
		e := &entries[i]
		if e.Manager == FieldManager && e.Operation == metav1.ManagedFieldsOperationApply && e.Subresource == "" {
			return e
		}
	}
	return nil
}

// ownedFields returns the fields that we own of an object, as the API server
// writes them, but for the uid of its owner: ownerMark stands for it. nil: there
// are none.
func ownedFields(o metav1.Object) []byte {
	if e := applied(o); e != nil && e.FieldsV1 != nil {
		return withoutOwner(e.FieldsV1.GetRawBytes(), o)
	}
	return nil
}

// ownerMark stands for an owner's uid in fields, so that those of all deployments
// of one form are the same, and are in memory once.
const ownerMark = "<owner>"

func withoutOwner(fields []byte, o metav1.Object) []byte {
	owner := metav1.GetControllerOfNoCopy(o)
	if owner == nil || owner.UID == "" || !bytes.Contains(fields, []byte(owner.UID)) {
		return fields
	}
	return bytes.ReplaceAll(fields, []byte(owner.UID), []byte(ownerMark))
}

// withOwner undoes [withoutOwner].
func withOwner(fields []byte, o metav1.Object) []byte {
	owner := metav1.GetControllerOfNoCopy(o)
	if owner == nil {
		return fields
	}
	return bytes.ReplaceAll(fields, []byte(ownerMark), []byte(owner.UID))
}

// owns reports whether fields, in the form of managedFields, hold each field
// of desired. A field is lost when somebody else gives it another value, so
// this tells of a change without knowing the value.
func owns(fields []byte, desired map[string]any) bool {
	if len(fields) == 0 {
		return false
	}
	var tree map[string]any
	if err := json.Unmarshal(fields, &tree); err != nil {
		return false
	}
	for key, value := range desired {
		switch key {
		case "apiVersion", "kind":
			continue
		case "metadata":
			metadata, _ := value.(map[string]any)
			value = without(metadata, "name", "namespace")
		}
		if !ownsField(tree, "f:"+key, value) {
			return false
		}
	}
	return true
}

func without(m map[string]any, keys ...string) map[string]any {
	rest := make(map[string]any, len(m))
	for k, v := range m {
		rest[k] = v
	}
	for _, k := range keys {
		delete(rest, k)
	}
	return rest
}

func ownsField(tree map[string]any, name string, value any) bool {
	child, ok := tree[name].(map[string]any)
	return ok && ownsValue(child, value)
}

// ownsValue walks a value beside the tree of its fields. Where the tree ends,
// the value is owned as a whole.
func ownsValue(tree map[string]any, value any) bool {
	if isLeaf(tree) {
		return true
	}
	switch value := value.(type) {
	case map[string]any:
		for key, field := range value {
			if !ownsField(tree, "f:"+key, field) {
				return false
			}
		}
	case []any:
		for _, item := range value {
			if !ownsItem(tree, item) {
				return false
			}
		}
	}
	return true
}

// isLeaf: "." stands for the field itself beside its parts.
func isLeaf(tree map[string]any) bool {
	_, self := tree["."]
	return len(tree) == 0 || self && len(tree) == 1
}

// ownsItem looks an item of a list up, by its key ("k:" and the fields that
// tell it from others) or by its value ("v:").
func ownsItem(tree map[string]any, item any) bool {
	if fields, ok := item.(map[string]any); ok {
		for name, child := range tree {
			key, ok := strings.CutPrefix(name, "k:")
			if !ok || !hasKey(fields, key) {
				continue
			}
			inner, _ := child.(map[string]any)
			return ownsValue(inner, fields)
		}
		return false
	}
	text, err := json.Marshal(item)
	if err != nil {
		return false
	}
	_, ok := tree["v:"+string(text)]
	return ok
}

// hasKey reports whether an item has the values that key, a JSON object, names.
// A field that the item lacks has a default.
func hasKey(item map[string]any, key string) bool {
	var values map[string]json.RawMessage
	if err := json.Unmarshal([]byte(key), &values); err != nil {
		return false
	}
	for name, want := range values {
		value, ok := item[name]
		if !ok {
			continue
		}
		if text, err := json.Marshal(value); err != nil || !bytes.Equal(text, want) {
			return false
		}
	}
	return true
}

// handOver returns the field managers that o should have before desired is
// applied to it for the first time, or after it ceased to say how many
// replicas there are; nil if they are right as they are.
//
// What a predecessor wrote becomes ours, so that applying removes what is no
// longer wanted. Replicas that nothing desires become nobody's: if they were
// ours, applying would set them back to 1.
func handOver(o metav1.Object, desired map[string]any) ([]metav1.ManagedFieldsEntry, error) {
	copied := &metav1.PartialObjectMetadata{}
	copied.SetManagedFields(slices.Clone(o.GetManagedFields())) // What is read is shared.
	changed := false
	if applied(o) == nil {
		entries, err := inherit(o)
		if err != nil {
			return nil, fmt.Errorf("taking over fields: %w", err)
		}
		if changed = entries != nil; changed {
			copied.SetManagedFields(entries)
		}
	}
	entry := applied(copied)
	if entry == nil || saysReplicas(desired) {
		return entriesIf(changed, copied), nil
	}
	set, err := fieldsOf(entry)
	if err != nil {
		return nil, err
	}
	replicas := fieldpath.MakePathOrDie("spec", "replicas")
	if !set.Has(replicas) {
		return entriesIf(changed, copied), nil
	}
	if err := setFields(entry, set.Difference(fieldpath.NewSet(replicas))); err != nil {
		return nil, err
	}
	return copied.GetManagedFields(), nil
}

func entriesIf(changed bool, o metav1.Object) []metav1.ManagedFieldsEntry {
	if !changed {
		return nil
	}
	return o.GetManagedFields()
}

// inherit returns the field managers of an object that was never applied, with
// the fields of all predecessors in one entry of ours; nil if there is none.
func inherit(o metav1.Object) ([]metav1.ManagedFieldsEntry, error) {
	var kept []metav1.ManagedFieldsEntry
	var ours *metav1.ManagedFieldsEntry
	fields := fieldpath.NewSet()
	for _, e := range o.GetManagedFields() {
		if e.Subresource != "" || e.FieldsV1 == nil {
			kept = append(kept, e)
			continue
		}
		set, err := fieldsOf(&e)
		if err != nil {
			return nil, err
		}
		if !isPredecessor(&e, set, metav1.GetControllerOf(o)) {
			kept = append(kept, e)
			continue
		}
		if ours == nil {
			ours = e.DeepCopy()
			ours.Manager, ours.Operation = FieldManager, metav1.ManagedFieldsOperationApply
		}
		if e.APIVersion == ours.APIVersion { // In another version fields have other names.
			fields = fields.Union(set)
		}
	}
	if ours == nil {
		return nil, nil
	}
	if err := setFields(ours, fields); err != nil {
		return nil, err
	}
	return append(kept, *ours), nil
}

// isPredecessor reports whether a field manager made an object in our place:
// it gave the object its owner, or said what is in the pods. The operator of
// Seldon Core is called manager, and an object of its may have lost its owner.
func isPredecessor(e *metav1.ManagedFieldsEntry, fields *fieldpath.Set, owner *metav1.OwnerReference) bool {
	if e.Manager == "manager" && e.Operation == metav1.ManagedFieldsOperationUpdate {
		return true
	}
	if owner != nil && fields.Has(fieldpath.MakePathOrDie("metadata", "ownerReferences", fieldpath.KeyByFields("uid", string(owner.UID)))) {
		return true
	}
	for _, name := range []string{"spec", "template", "spec"} {
		fields = fields.WithPrefix(fieldpath.PathElement{FieldName: &name})
	}
	return !fields.Empty()
}

func saysReplicas(desired map[string]any) bool {
	spec, _ := desired["spec"].(map[string]any)
	_, ok := spec["replicas"]
	return ok
}

func fieldsOf(e *metav1.ManagedFieldsEntry) (*fieldpath.Set, error) {
	set := &fieldpath.Set{}
	if err := set.FromJSON(bytes.NewReader(e.FieldsV1.GetRawBytes())); err != nil {
		return nil, fmt.Errorf("reading managed fields: %w", err)
	}
	return set, nil
}

func setFields(e *metav1.ManagedFieldsEntry, set *fieldpath.Set) error {
	text, err := set.ToJSON()
	if err != nil {
		return fmt.Errorf("writing managed fields: %w", err)
	}
	e.FieldsV1 = metav1.NewFieldsV1(string(text))
	return nil
}

package controller

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
)

// Some fields exclude each other: a probe has one handler, a volume one source.
// Where one of them is ours and another is somebody else's, applying leaves
// both, and the API server refuses the object. What is wanted wins then.

// rivals lists the fields of live, an object as the API server has it, that
// exclude a field of desired.
func rivals(desired, live map[string]any) *fieldpath.Set {
	r := &rivalry{found: fieldpath.NewSet()}
	spec := fieldpath.MakePathOrDie("spec")
	want, have := child(desired, "spec"), child(live, "spec")
	r.oneOf(spec, want, have, "minAvailable", "maxUnavailable") // Of a PodDisruptionBudget.
	if child(want, "strategy")["type"] == "Recreate" {
		r.lose(spec, have, "strategy", "rollingUpdate")
	}
	r.pods(append(spec, fieldpath.MakePathOrDie("template", "spec")...), child(want, "template", "spec"), child(have, "template", "spec"))
	return r.found
}

type rivalry struct{ found *fieldpath.Set }

func (r *rivalry) pods(at fieldpath.Path, want, have map[string]any) {
	for _, list := range []string{"initContainers", "containers"} {
		r.named(at, list, want, have, r.container)
	}
	r.named(at, "volumes", want, have, func(at fieldpath.Path, want, have map[string]any) {
		r.onlyOf(at, want, have, "name")
	})
}

func (r *rivalry) container(at fieldpath.Path, want, have map[string]any) {
	for _, hook := range [][]string{{"lifecycle", "preStop"}, {"lifecycle", "postStart"}, {"livenessProbe"}, {"readinessProbe"}, {"startupProbe"}} {
		r.oneOf(below(at, hook...), child(want, hook...), child(have, hook...), "exec", "httpGet", "tcpSocket", "grpc", "sleep")
	}
	r.named(at, "env", want, have, func(at fieldpath.Path, want, have map[string]any) {
		r.oneOf(at, want, have, "value", "valueFrom")
		r.onlyOf(below(at, "valueFrom"), child(want, "valueFrom"), child(have, "valueFrom"))
	})
}

// named looks at each item of a list that both have, by its name.
func (r *rivalry) named(at fieldpath.Path, list string, want, have map[string]any, look func(at fieldpath.Path, want, have map[string]any)) {
	others := items(have[list])
	for _, item := range items(want[list]) {
		i := slices.IndexFunc(others, func(o map[string]any) bool { return o["name"] == item["name"] })
		if i < 0 {
			continue
		}
		look(append(below(at, list), fieldpath.MakePathOrDie(fieldpath.KeyByFields("name", item["name"]))...), item, others[i])
	}
}

// oneOf: of these fields there may be one.
func (r *rivalry) oneOf(at fieldpath.Path, want, have map[string]any, fields ...string) {
	if !slices.ContainsFunc(fields, func(f string) bool { return want[f] != nil }) {
		return
	}
	for _, f := range fields {
		if want[f] == nil {
			r.lose(at, have, f)
		}
	}
}

// onlyOf: of all fields but some there may be one.
func (r *rivalry) onlyOf(at fieldpath.Path, want, have map[string]any, but ...string) {
	var fields []string
	for f := range have {
		fields = append(fields, f)
	}
	for f := range want {
		fields = append(fields, f)
	}
	r.oneOf(at, want, have, slices.DeleteFunc(fields, func(f string) bool { return slices.Contains(but, f) })...)
}

// lose notes a field that has to go, if it is there.
func (r *rivalry) lose(at fieldpath.Path, have map[string]any, names ...string) {
	last := len(names) - 1
	if _, ok := child(have, names[:last]...)[names[last]]; ok {
		r.found.Insert(below(at, names...))
	}
}

// below is a path that begins with at, which stays as it is.
func below(at fieldpath.Path, names ...string) fieldpath.Path {
	path := at.Copy()
	for _, n := range names {
		path = append(path, fieldpath.PathElement{FieldName: &n})
	}
	return path
}

// child follows names through objects; nil where there is none.
func child(o map[string]any, names ...string) map[string]any {
	for _, n := range names {
		o, _ = o[n].(map[string]any)
	}
	return o
}

// items are the objects of a list.
func items(list any) []map[string]any {
	var all []map[string]any
	values, _ := list.([]any)
	for _, v := range values {
		if o, ok := v.(map[string]any); ok {
			all = append(all, o)
		}
	}
	return all
}

// claim returns an object's field managers after the fields at paths, with all
// below them, have become ours alone: applying removes those that it does not
// name. Nothing else of others changes hands.
func claim(o metav1.Object, paths *fieldpath.Set, apiVersion string) ([]metav1.ManagedFieldsEntry, error) {
	var kept []metav1.ManagedFieldsEntry
	ours := metav1.ManagedFieldsEntry{
		Manager: FieldManager, Operation: metav1.ManagedFieldsOperationApply, APIVersion: apiVersion, FieldsType: "FieldsV1",
	}
	claimed := paths
	mine := applied(o)
	for i := range o.GetManagedFields() {
		e := o.GetManagedFields()[i]
		if e.Subresource != "" || e.FieldsV1 == nil {
			kept = append(kept, e)
			continue
		}
		set, err := fieldsOf(&e)
		if err != nil {
			return nil, err
		}
		if mine != nil && e.Manager == mine.Manager && e.Operation == mine.Operation {
			ours, claimed = e, set.Union(paths)
			continue
		}
		if set = set.RecursiveDifference(paths); set.Empty() {
			continue
		}
		if err := setFields(&e, set); err != nil {
			return nil, err
		}
		kept = append(kept, e)
	}
	if err := setFields(&ours, claimed); err != nil {
		return nil, err
	}
	return append(kept, ours), nil
}

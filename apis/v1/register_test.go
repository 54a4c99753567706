package v1

import (
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

func TestSchemes(t *testing.T) {
	typed, all := runtime.NewScheme(), runtime.NewScheme()
	if err := AddToScheme(typed); err != nil {
		t.Fatal(err)
	}
	if err := AddAllVersionsToScheme(all); err != nil {
		t.Fatal(err)
	}
	kinds, _, err := typed.ObjectKinds(&SeldonDeployment{})
	if err != nil || len(kinds) != 1 || kinds[0] != GroupVersion().WithKind(Kind) {
		t.Errorf("a typed client finds %v, %v", kinds, err)
	}
	for _, version := range Versions() {
		gvk := schema.GroupVersionKind{Group: Group, Version: version, Kind: Kind}
		object, err := all.New(gvk)
		if _, ok := object.(*SeldonDeployment); !ok || err != nil {
			t.Errorf("%s is %T, %v", gvk, object, err)
		}
	}
}

func TestAnnotation(t *testing.T) {
	d := parse(t, "metadata: {annotations: {a: outer, b: outer}}\nspec: {annotations: {a: inner}}")
	for key, want := range map[string]string{"a": "inner", "b": "outer", "c": ""} {
		if got, ok := d.Annotation(key); got != want || ok != (want != "") {
			t.Errorf("annotation %s: %q, %t", key, got, ok)
		}
	}
}

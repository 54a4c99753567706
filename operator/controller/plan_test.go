package controller

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
)

// TestAPlanFitsUntilSomethingThatItDependsOnChanges: a write of the status, or
// of others' fields, is nothing of the kind.
func TestAPlanFitsUntilSomethingThatItDependsOnChanges(t *testing.T) {
	settings := &InForce{}
	found := func() *facts {
		u := &unstructured.Unstructured{Object: map[string]any{}}
		u.SetUID("a")
		u.SetGeneration(1)
		u.SetLabels(map[string]string{"l": "1"})
		u.SetAnnotations(map[string]string{"a": "1"})
		return &facts{stored: u, inForce: settings}
	}
	p := newPlan(found(), &v1.SeldonDeployment{}, nil)
	for name, test := range map[string]struct {
		change func(*facts)
		fits   bool
	}{
		"nothing":          {func(*facts) {}, true},
		"resource version": {func(f *facts) { f.stored.SetResourceVersion("7") }, true},
		"status":           {func(f *facts) { f.stored.Object["status"] = map[string]any{"state": "Failed"} }, true},
		"generation":       {func(f *facts) { f.stored.SetGeneration(2) }, false},
		"label":            {func(f *facts) { f.stored.SetLabels(map[string]string{"l": "2"}) }, false},
		"annotation":       {func(f *facts) { f.stored.SetAnnotations(nil) }, false},
		"made again":       {func(f *facts) { f.stored.SetUID("b") }, false},
		"settings":         {func(f *facts) { f.inForce = &InForce{} }, false},
	} {
		f := found()
		if test.change(f); p.fits(f) != test.fits {
			t.Errorf("%s: fits is %t", name, !test.fits)
		}
	}
}

// TestAPlanKeepsObjectsForTheSameFactsAlone, and of them only what passes look at:
// their content is made again as it was.
func TestAPlanKeepsObjectsForTheSameFactsAlone(t *testing.T) {
	pass := expanded(t, stagedScaled())
	made, p := pass.desired, newPlan(pass.facts, pass.deployment, nil)
	known := expand.Facts{WithoutPods: map[string]bool{"p": true}}
	if _, ok := p.objects(known); ok {
		t.Error("an empty plan has objects")
	}
	p.keep(known, made)
	kept, ok := p.objects(expand.Facts{WithoutPods: map[string]bool{"p": true}})
	if !ok || len(kept) != len(made) {
		t.Fatalf("%d objects of %d are kept", len(kept), len(made))
	}
	if _, ok := p.objects(expand.Facts{}); ok {
		t.Error("objects are kept for other facts")
	}
	for i := range kept {
		first, err := made[i].Object()
		if err != nil {
			t.Fatal(err)
		}
		again, err := kept[i].Object()
		if err != nil || kept[i].made != nil || asYAML(t, again) != asYAML(t, first) {
			t.Errorf("%s is made again as\n%s, error %v; want\n%s", kept[i].ref, asYAML(t, again), err, asYAML(t, first))
		}
	}
}

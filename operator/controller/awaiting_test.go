package controller_test

import (
	"fmt"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/manifests/crd"
)

func tfJobs() schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: "kubeflow.org", Version: "v1", Kind: "TFJob"}
}

func newUntyped(kind schema.GroupVersionKind, name string) *unstructured.Unstructured {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(kind)
	u.SetName(name)
	return u
}

// job is a TFJob as somebody's operator runs it: its test says how it fares.
func (w *world) job(name, condition, message string) {
	w.Helper()
	u := newUntyped(tfJobs(), name)
	u.Object["spec"] = map[string]any{"tfReplicaSpecs": map[string]any{}}
	if err := client.IgnoreAlreadyExists(w.Create(w.Context(), u)); err != nil {
		w.Fatal(err)
	}
	// The operator looks again in a while; a change of the deployment lets it look at once.
	defer func() {
		d := newUntyped(v1.GroupVersion().WithKind(v1.Kind), "model")
		if err := w.Patch(w.Context(), d, client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"metadata": {"labels": {"looked": "%s%s"}}}`, name, condition))); err != nil {
			w.Fatal(err)
		}
	}()
	if condition == "" {
		return
	}
	status := map[string]any{"conditions": []any{
		map[string]any{"type": "Created", "status": "True"},
		map[string]any{"type": condition, "status": "True", "message": message},
	}}
	if err := w.Get(w.Context(), client.ObjectKeyFromObject(u), u); err != nil {
		w.Fatal(err)
	}
	u.Object["status"] = status
	if err := w.Status().Update(w.Context(), u); err != nil {
		w.Fatal(err)
	}
}

// awaitDescription returns when the status of a deployment says so.
func (w *world) awaitDescription(name string, state v1.StatusState, text string) {
	w.Helper()
	w.eventually(func() string {
		d := w.deployment(name)
		if d.Status.State == state && d.Status.Description == text && d.Status.ObservedGeneration == d.Generation {
			return ""
		}
		return "the status is " + string(d.Status.State) + ": " + d.Status.Description
	})
}

// TestServedAfterTraining: a deployment that names jobs has no objects before they have
// succeeded, and says what it waits for. Then it is served, whatever becomes of the
// jobs; a change that names another job waits again, and what serves goes on.
func TestServedAfterTraining(t *testing.T) {
	w := newWorld(t, server)
	after := func(jobs, image string) string {
		text := strings.Replace(model, "{name: model}", "{name: model, annotations: {radiant.io/after: \""+jobs+"\"}}", 1)
		return strings.Replace(text, "mock:1", image, 1)
	}
	w.start()
	w.apply(after("tfjob/digits, TFJob/more", "mock:1"))
	w.eventually(func() string { // Whether the cluster knows jobs of the kind or not.
		if d := w.deployment("model"); !strings.HasPrefix(d.Status.Description, "it waits for tfjob/digits, which is not there") {
			return "the status is " + d.Status.Description
		}
		return ""
	})
	for _, name := range []string{"tfjobs.kubeflow.org", "mpijobs.kubeflow.org"} {
		text, err := crd.Training(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := server.Install(t.Context(), text); err != nil {
			t.Fatal(err)
		}
	}
	w.awaitDescription("model", v1.StatusCreating, "it waits for tfjob/digits, which is not there")
	w.job("digits", "", "")
	w.awaitDescription("model", v1.StatusCreating, "it waits for tfjob/digits, which has not begun")
	w.job("digits", "Running", "")
	w.awaitDescription("model", v1.StatusCreating, "it waits for tfjob/digits, which is Running")
	w.job("digits", "Failed", "digits-worker-0 failed with exit code 1")
	w.awaitDescription("model", v1.StatusFailed, "tfjob/digits failed, so there is nothing to serve: digits-worker-0 failed with exit code 1")
	w.job("digits", "Succeeded", "")
	w.awaitDescription("model", v1.StatusCreating, "it waits for tfjob/more, which is not there")
	if names := w.workloads(); len(names) > 0 {
		t.Errorf("before its jobs have succeeded it has %v", names)
	}
	w.job("more", "Succeeded", "")
	w.serveAll()
	w.awaitState("model", v1.StatusAvailable)

	// What was waited for once is over, and an operator that starts again knows.
	if err := w.Delete(t.Context(), newUntyped(tfJobs(), "digits")); err != nil {
		t.Fatal(err)
	}
	w.apply(after("tfjob/digits,tfjob/more", "mock:2"))
	w.awaitState("model", v1.StatusAvailable)

	w.apply(after("tfjob/next", "mock:3"))
	w.awaitDescription("model", v1.StatusCreating, "it waits for tfjob/next, which is not there")
	if names := w.workloads(); strings.Join(names, " ") != "model-main-0-classifier" {
		t.Errorf("while a change waits there are %v", names)
	}
	w.job("next", "Succeeded", "")
	w.awaitState("model", v1.StatusAvailable)
	if d := w.deployment("model"); d.Status.Annotations[v1.AnnotationAfter] != "tfjob/next" {
		t.Errorf("the status remembers %q", d.Status.Annotations)
	}
}

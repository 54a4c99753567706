package controller_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/operator/controller"
)

// everything has an object of each kind that needs no other project.
const everything = `
apiVersion: machinelearning.seldon.io/v1alpha2
kind: SeldonDeployment
metadata: {name: all}
spec:
  predictors:
  - name: main
    traffic: 80
    graph:
      name: router
      implementation: RANDOM_ABTEST
      children: [{name: a, type: MODEL}, {name: b, implementation: SKLEARN_SERVER, modelUri: "gs://models/b"}]
    componentSpecs:
    - spec: {containers: [{name: a, image: "a:1", env: [{name: X, value: "1"}]}]}
      hpaSpec: {minReplicas: 1, maxReplicas: 3, metrics: [{type: Resource, resource: {name: cpu, targetAverageUtilization: 50}}]}
      pdbSpec: {maxUnavailable: 1}
    explainer: {type: AnchorTabular, modelUri: "gs://models/explainer"}
  - name: canary
    traffic: 20
    replicas: 2
    graph: {name: a, type: MODEL}
    componentSpecs: [{metadata: {labels: {team: blue}}, spec: {containers: [{name: a, image: "a:2"}, {name: sidecar, image: "s:1"}]}}]
`

func withIngress(o *controller.Options) { o.Environment.Expand.Ingress["INGRESS_ENABLED"] = "true" }

// versions lists the resource versions of all objects that deployments own.
func (w *world) versions() map[string]string {
	w.Helper()
	all := map[string]string{}
	for _, list := range []client.ObjectList{
		&appsv1.DeploymentList{}, &corev1.ServiceList{}, &autoscalingv2.HorizontalPodAutoscalerList{},
		&policyv1.PodDisruptionBudgetList{}, &networkingv1.IngressList{},
	} {
		if err := w.List(w.Context(), list); err != nil {
			w.Fatal(err)
		}
		err := meta.EachListItem(list, func(o runtime.Object) error {
			accessor, err := meta.Accessor(o)
			if err == nil {
				all[fmt.Sprintf("%T %s", o, accessor.GetName())] = accessor.GetResourceVersion()
			}
			return err
		})
		if err != nil {
			w.Fatal(err)
		}
	}
	return all
}

// TestNothingIsWrittenTwice: the same deployment again, and another operator,
// change nothing and send nothing.
func TestNothingIsWrittenTwice(t *testing.T) {
	t.Parallel()
	w := newWorld(t, server)
	op := w.start(withIngress)
	w.serveAll()
	w.apply(everything)
	w.awaitState("all", v1.StatusAvailable)
	objects := w.versions()
	if len(objects) < 12 {
		t.Fatalf("only these objects were made: %v", slices.Sorted(maps.Keys(objects)))
	}
	applies := map[string]int{}
	for _, request := range op.writes.list("PATCH") {
		if !strings.Contains(request, "/seldondeployments/") {
			applies[request]++
		}
	}
	for request, n := range applies {
		if n > 1 {
			t.Errorf("%d times %s", n, request)
		}
	}

	before := len(op.writes.list(""))
	w.apply(strings.Replace(everything, "metadata: {name: all}", `metadata: {name: all, annotations: {note: "this brings a pass"}}`, 1))
	w.awaitQuiet(op)
	if after := op.writes.list(""); len(after) != before {
		t.Errorf("a change of nothing sent %v", after[before:])
	}
	op.stop()

	again := w.start(withIngress)
	w.awaitQuiet(again)
	if sent := again.writes.list(""); len(sent) > 0 {
		t.Errorf("after a restart these were sent: %v", sent)
	}
	if diff := cmp.Diff(objects, w.versions()); diff != "" {
		t.Errorf("objects changed: %s", diff)
	}
}

// awaitQuiet returns when an operator has worked off all it knows. A deployment
// that comes after that is served after that, since there is one queue.
func (w *world) awaitQuiet(op *operator) {
	w.Helper()
	for i := range 2 { // One for each worker, and one more.
		name := fmt.Sprintf("probe-%d-%d", i, len(w.workloads()))
		w.apply(strings.ReplaceAll(model, "name: model", "name: "+name))
		w.eventually(func() string {
			if len(op.writes.list("deployments/"+name)) == 0 {
				return "a later deployment was not served"
			}
			return ""
		})
		w.awaitState(name, v1.StatusAvailable)
		if err := w.Delete(w.Context(), w.deployment(name)); err != nil {
			w.Fatal(err)
		}
	}
	w.eventually(func() string {
		for name := range w.versions() {
			if strings.Contains(name, "probe-") {
				return name + " is still there"
			}
		}
		return ""
	})
	op.writes.forget("probe-")
}

// TestForeignFieldsStay, and ours come back.
func TestForeignFieldsStay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, server)
	w.start()
	w.serveAll()
	w.apply(model)
	w.awaitState("model", v1.StatusAvailable)
	key := types.NamespacedName{Name: "model-main-0-classifier"}
	d := &appsv1.Deployment{}
	change := func(change func()) {
		t.Helper()
		if err := w.Get(t.Context(), key, d); err != nil {
			t.Fatal(err)
		}
		before := d.DeepCopy()
		change()
		if err := w.Patch(t.Context(), d, client.MergeFrom(before), client.FieldOwner("somebody")); err != nil {
			t.Fatal(err)
		}
	}
	change(func() {
		d.Labels["theirs"], d.Annotations["theirs"] = "x", "y"
		d.Spec.Template.Annotations["theirs"] = "z"
		d.Spec.Template.Spec.Containers[0].Image = "hijacked:1"
	})
	w.eventually(func() string {
		if err := w.Get(t.Context(), key, d); err != nil {
			t.Fatal(err)
		}
		return cmp.Diff("mock:1", d.Spec.Template.Spec.Containers[0].Image)
	})
	if d.Labels["theirs"] != "x" || d.Annotations["theirs"] != "y" || d.Spec.Template.Annotations["theirs"] != "z" {
		t.Errorf("foreign labels and annotations are gone: %v %v", d.Labels, d.Annotations)
	}

	change(func() { delete(d.Labels, "seldon-deployment-contains-svcorch") })
	w.eventually(func() string {
		if err := w.Get(t.Context(), key, d); err != nil {
			t.Fatal(err)
		}
		return cmp.Diff("true", d.Labels["seldon-deployment-contains-svcorch"])
	})

	s := &corev1.Service{}
	if err := w.Get(t.Context(), types.NamespacedName{Name: "model-main"}, s); err != nil {
		t.Fatal(err)
	}
	s.Spec.Ports[0].TargetPort.IntVal = 1
	if err := w.Update(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	w.eventually(func() string {
		if err := w.Get(t.Context(), client.ObjectKeyFromObject(s), s); err != nil {
			t.Fatal(err)
		}
		return cmp.Diff(int32(8000), s.Spec.Ports[0].TargetPort.IntVal)
	})
	old := s.UID
	if err := w.Delete(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	w.eventually(func() string {
		if err := w.Get(t.Context(), client.ObjectKeyFromObject(s), s); err != nil || s.UID == old {
			return "a deleted Service is not back"
		}
		return ""
	})

	w.apply(strings.Replace(model, "image: \"mock:1\"", "image: \"mock:1\", env: [{name: A, value: b}]", 1))
	w.awaitState("model", v1.StatusAvailable)
	w.apply(model)
	w.eventually(func() string {
		if err := w.Get(t.Context(), key, d); err != nil {
			t.Fatal(err)
		}
		for _, e := range d.Spec.Template.Spec.Containers[0].Env {
			if e.Name == "A" {
				return "a variable that is no longer wanted is still there"
			}
		}
		return ""
	})
}

func TestDeletionLeavesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, server)
	w.start(withIngress)
	w.serveAll()
	w.apply(everything)
	w.awaitState("all", v1.StatusAvailable)
	if err := w.Delete(t.Context(), w.deployment("all")); err != nil {
		t.Fatal(err)
	}
	w.eventually(func() string {
		if left := w.versions(); len(left) > 0 {
			return fmt.Sprintf("these are left: %v", slices.Sorted(maps.Keys(left)))
		}
		return ""
	})
}

func TestEventsTellWhatChanged(t *testing.T) {
	w := newWorld(t, server)
	w.start()
	w.serveAll()
	w.apply(everything)
	w.awaitState("all", v1.StatusAvailable)
	for _, want := range []string{"CreateDeployment", "Updated"} {
		w.awaitEvent("all", want, "")
	}
	w.apply(strings.Replace(everything, "a:1", "a:3", 1))
	w.awaitEvent("all", "UpdateDeployment", "")
	w.apply(strings.Replace(everything, "      pdbSpec: {maxUnavailable: 1}\n", "", 1))
	w.awaitEvent("all", "DeletePDB", "")
}

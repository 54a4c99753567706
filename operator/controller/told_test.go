package controller_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/graph"
)

// versioned is a deployment whose server has versions of its model; what it says of
// its predictor and of its node is put in.
const versioned = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: rents}
spec:
  predictors:
  - name: main
    %s
    graph: {name: clf, implementation: TENSORFLOW_SERVER, modelUri: "gs://models/rents", %s}
`

const versionedWorkload = "rents-main-0-clf"

// podOf makes a pod of a ReplicaSet, as its controller would.
func (w *world) podOf(set *appsv1.ReplicaSet, name string) {
	w.Helper()
	pod := &corev1.Pod{}
	pod.Name, pod.Labels, pod.Annotations = name, set.Labels, set.Spec.Template.Annotations
	pod.OwnerReferences = []metav1.OwnerReference{*metav1.NewControllerRef(set, appsv1.SchemeGroupVersion.WithKind("ReplicaSet"))}
	pod.Spec.Containers = []corev1.Container{{Name: "clf", Image: "mock:1"}}
	if err := w.Create(w.Context(), pod); err != nil {
		w.Fatal(err)
	}
}

// podAt is podOf with an address.
func (w *world) podAt(set *appsv1.ReplicaSet, name, ip string) {
	w.Helper()
	w.podOf(set, name)
	pod := &corev1.Pod{}
	if err := w.Get(w.Context(), types.NamespacedName{Name: name}, pod); err != nil {
		w.Fatal(err)
	}
	pod.Status.PodIP, pod.Status.PodIPs = ip, []corev1.PodIP{{IP: ip}}
	if err := w.Status().Update(w.Context(), pod); err != nil {
		w.Fatal(err)
	}
}

// awaitTold returns when these pods are told this; "": nothing.
func (w *world) awaitTold(want string, pods ...string) {
	w.Helper()
	for _, name := range pods {
		w.eventually(func() string {
			pod := &corev1.Pod{}
			if err := w.Get(w.Context(), types.NamespacedName{Name: name}, pod); err != nil {
				w.Fatal(err)
			}
			if got := pod.Annotations[graph.VersionsAnnotation]; got != want {
				return fmt.Sprintf("pod %s is told %s, want %s", name, got, want)
			}
			return ""
		})
	}
}

func (w *world) workload(name string) *appsv1.Deployment {
	w.Helper()
	d := &appsv1.Deployment{}
	if err := w.Get(w.Context(), types.NamespacedName{Name: name}, d); err != nil {
		w.Fatal(err)
	}
	return d
}

// TestSharesOfVersionsChangeNoTemplate: other shares and labels are told to the pods
// that run. The template of the Deployment, by which Kubernetes makes ReplicaSets, is
// another one only when something else of it is, and pods that are made from the old
// one are told too.
func TestSharesOfVersionsChangeNoTemplate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, server)
	w.start()
	w.serveAll()
	const first, second = `{"clf":{"traffic":{"3":100}}}`, `{"clf":{"labels":"stable=3","traffic":{"7":10,"stable":90}}}`
	says := func(predictor, node string) {
		t.Helper()
		w.apply(fmt.Sprintf(versioned, predictor, node))
		w.awaitState("rents", v1.StatusAvailable)
	}
	labelled := func(traffic string) string {
		return `parameters: [{name: version_labels, type: STRING, value: "stable=3"}, {name: model_version_policy, type: STRING, value: all}], versionTraffic: ` + traffic
	}
	const all = `parameters: [{name: model_version_policy, type: STRING, value: all}], versionTraffic: {"3": 100}`
	var made corev1.PodTemplateSpec
	same := func(wanted string) {
		t.Helper()
		d := w.workload(versionedWorkload)
		if diff := cmp.Diff(made, d.Spec.Template); diff != "" {
			t.Errorf("the template changed: %s", diff)
		}
		if got := d.Annotations[graph.VersionsAnnotation]; got != wanted {
			t.Errorf("wanted is %s; want %s", got, wanted)
		}
	}

	says("", all)
	if made = w.workload(versionedWorkload).Spec.Template; made.Annotations[graph.VersionsAnnotation] != first {
		t.Errorf("the template tells %v", made.Annotations)
	}
	set := w.replicaSet(versionedWorkload)
	w.podOf(set, "one")

	says("", labelled(`{stable: 90, "7": 10}`))
	w.awaitTold(second, "one")
	same(second)
	w.podOf(set, "late") // From the old template.
	w.awaitTold(second, "late")

	pod := &corev1.Pod{}
	pod.Name = "one"
	byHand := client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"metadata":{"annotations":{%q:"{}"}}}`, graph.VersionsAnnotation))
	if err := w.Patch(t.Context(), pod, byHand); err != nil {
		t.Fatal(err)
	}
	w.awaitTold(second, "one")

	says("replicas: 2", labelled(`{stable: 90, "7": 10}`))
	same(second) // More pods of the same template.

	says("replicas: 2", `parameters: [{name: model_version_policy, type: STRING, value: all}]`)
	w.awaitTold("", "one", "late")
	same("")
	says("replicas: 2", all)
	w.awaitTold(first, "one", "late")
	says("replicas: 2", labelled(`{stable: 90, "7": 10}`))
	w.awaitTold(second, "one", "late")

	same(second)

	says("replicas: 2\n    labels: {team: blue}", labelled(`{stable: 90, "7": 10}`))
	if got := w.workload(versionedWorkload).Spec.Template.Annotations[graph.VersionsAnnotation]; got != second {
		t.Errorf("the pods are made anew, and are told %s", got)
	}
}

// TestPodsThatAreFirstToldOfVersions: where nothing was said when the pods were made.
func TestPodsThatAreFirstToldOfVersions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, server)
	w.start()
	w.serveAll()
	w.apply(fmt.Sprintf(versioned, "", `parameters: [{name: model_version_policy, type: STRING, value: all}]`))
	w.awaitState("rents", v1.StatusAvailable)
	made := w.workload(versionedWorkload).Spec.Template
	w.podOf(w.replicaSet(versionedWorkload), "one")
	w.apply(fmt.Sprintf(versioned, "", `parameters: [{name: model_version_policy, type: STRING, value: all}], versionTraffic: {"3": 100}`))
	w.awaitTold(`{"clf":{"traffic":{"3":100}}}`, "one")
	if diff := cmp.Diff(made, w.workload(versionedWorkload).Spec.Template); diff != "" {
		t.Errorf("the template changed: %s", diff)
	}
}

package controller_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/operator/controller"
)

const adopted = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: adopted}
spec:
  predictors:
  - name: p
    graph: {name: a, type: TRANSFORMER, children: [{name: b, type: MODEL}]}
    componentSpecs:
    - spec: {containers: [{name: a, image: "example/a:1"}]}
    - spec: {containers: [{name: b, image: "example/b:1", env: [{name: MINE, value: "yes"}]}]}
      hpaSpec: {minReplicas: 1, maxReplicas: 5, metrics: [{type: Resource, resource: {name: cpu, targetAverageUtilization: 50}}]}
    explainer: {type: AnchorTabular}
`

// predecessor makes what Seldon Core v1 made of the deployment, as a field
// manager that is called manager where nobody renamed it.
func (w *world) predecessor(d client.Object, manager string) {
	w.Helper()
	text, err := os.ReadFile("testdata/predecessor.yaml")
	if err != nil {
		w.Fatal(err)
	}
	owner := *metav1.NewControllerRef(d, v1.GroupVersion().WithKind(v1.Kind))
	for decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096); ; {
		u := &unstructured.Unstructured{}
		if err := decoder.Decode(&u.Object); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			w.Fatal(err)
		}
		u.SetOwnerReferences([]metav1.OwnerReference{owner})
		if err := w.Create(w.Context(), u, client.FieldOwner(manager)); err != nil {
			w.Fatal(err)
		}
	}
}

// Pods of components alone restart only where the hook that keeps them up is
// another one.
func TestTakesOverFromPredecessor(t *testing.T) {
	sleep := &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: 10}}}
	shell := &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: []string{"/bin/sh", "-c", "/bin/sleep 10"}}}}
	for _, test := range []struct {
		manager string
		preStop expand.PreStop
		hook    *corev1.Lifecycle
	}{
		{"manager", expand.PreStopSleep, sleep},
		{"manager", expand.PreStopShell, shell},
		{"seldon-core-operator", expand.PreStopSleep, sleep},
		{"kubectl-edit", expand.PreStopSleep, sleep},
	} {
		t.Run(test.manager+" "+string(test.preStop), func(t *testing.T) { takesOver(t, test.manager, test.preStop, test.hook) })
	}
}

func takesOver(t *testing.T, manager string, preStop expand.PreStop, hook *corev1.Lifecycle) {
	w := newWorld(t, server)
	w.predecessor(w.apply(adopted), manager)
	component := &appsv1.Deployment{}
	component.Name, component.Namespace = "adopted-p-1-b", w.namespace
	scale := &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: 4}}
	scale.Name, scale.Namespace = component.Name, w.namespace
	if err := w.SubResource("scale").Update(t.Context(), component, client.WithSubResourceBody(scale), client.FieldOwner("kube-controller-manager")); err != nil {
		t.Fatal(err)
	}
	w.serve(w.workloads()...)
	read := func(name string) *appsv1.Deployment {
		t.Helper()
		d := &appsv1.Deployment{}
		if err := w.Get(t.Context(), types.NamespacedName{Name: name}, d); err != nil {
			t.Fatal(err)
		}
		return d
	}
	executor, component := read("adopted-p-0-a"), read("adopted-p-1-b")
	service := &corev1.Service{}
	if err := w.Get(t.Context(), types.NamespacedName{Name: "adopted-p"}, service); err != nil {
		t.Fatal(err)
	}

	w.start(func(o *controller.Options) { o.Environment.Expand.Units.PreStop = preStop })
	w.serveAll()
	w.awaitState("adopted", v1.StatusAvailable)
	w.awaitWorkloads("adopted-p-0-a", "adopted-p-1-b", "adopted-p-explainer")

	component.Spec.Template.Spec.Containers[0].Lifecycle = hook
	after := read(component.Name)
	if after.UID != component.UID || !cmp.Equal(after.Spec.Template, component.Spec.Template) {
		t.Errorf("pods restart that need not: %s", cmp.Diff(component.Spec.Template, after.Spec.Template))
	}
	if *after.Spec.Replicas != 4 {
		t.Errorf("there are %d replicas, the autoscaler wanted 4", *after.Spec.Replicas)
	}
	after = read(executor.Name)
	if after.UID != executor.UID {
		t.Error("the Deployment with the executor was made anew")
	}
	for _, c := range after.Spec.Template.Spec.Containers {
		if slices.ContainsFunc(c.Env, func(e corev1.EnvVar) bool { return e.Name == "OF_THE_PREDECESSOR" }) {
			t.Errorf("container %s keeps what the predecessor wrote: %v", c.Name, c.Env)
		}
	}
	if _, ok := after.Annotations["seldon.io/last-applied"]; ok {
		t.Error("the predecessor's annotation is still there")
	}
	if got := read("adopted-p-explainer").Spec.Selector.MatchLabels["seldon-app"]; got != "adopted-p-explainer" {
		t.Errorf("the explainer's selector finds all pods: seldon-app=%q", got)
	}
	address, uid := service.Spec.ClusterIP, service.UID
	if err := w.Get(t.Context(), client.ObjectKeyFromObject(service), service); err != nil {
		t.Fatal(err)
	}
	if service.Spec.ClusterIP != address || service.UID != uid || service.Annotations["of-the-predecessor"] != "" {
		t.Errorf("the Service became %+v", service.ObjectMeta)
	}
	for _, o := range []client.Object{service, after, read(component.Name)} {
		for _, e := range o.GetManagedFields() {
			if e.Manager == manager {
				t.Errorf("%s still has fields of the predecessor: %s", o.GetName(), e.FieldsV1)
			}
		}
	}
}

// TestOrphansAreTakenBack: a deployment that was deleted without its objects,
// and made again, has them again.
func TestOrphansAreTakenBack(t *testing.T) {
	w := newWorld(t, server)
	w.start()
	w.serveAll()
	w.apply(model)
	w.awaitState("model", v1.StatusAvailable)
	before := &appsv1.Deployment{}
	name := types.NamespacedName{Name: "model-main-0-classifier"}
	if err := w.Get(t.Context(), name, before); err != nil {
		t.Fatal(err)
	}
	if err := w.Delete(t.Context(), w.deployment("model"), client.PropagationPolicy(metav1.DeletePropagationOrphan)); err != nil {
		t.Fatal(err)
	}
	after := &appsv1.Deployment{}
	w.eventually(func() string {
		if err := w.Get(t.Context(), name, after); err != nil {
			t.Fatal(err)
		}
		if len(after.OwnerReferences) > 0 {
			return "the Deployment has an owner still"
		}
		return ""
	})
	w.eventually(func() string {
		if err := w.Get(t.Context(), types.NamespacedName{Name: "model"}, &v1.SeldonDeployment{}); err == nil {
			return "the deployment is still there"
		}
		return ""
	})
	d := w.apply(model)
	w.awaitState("model", v1.StatusAvailable)
	if err := w.Get(t.Context(), name, after); err != nil {
		t.Fatal(err)
	}
	if after.UID != before.UID || !metav1.IsControlledBy(after, d) {
		t.Errorf("the Deployment is %+v", after.ObjectMeta)
	}
}

// TestStrangersAreLeftAlone: an object of a wanted name that is another's stays
// as it is, and the status names it.
func TestStrangersAreLeftAlone(t *testing.T) {
	w := newWorld(t, server)
	stranger := &corev1.Service{}
	stranger.Name, stranger.Namespace = "model-main", w.namespace
	stranger.Spec.Ports = []corev1.ServicePort{{Name: "http", Port: 8000}}
	stranger.Spec.Selector = map[string]string{"theirs": "true"}
	if err := w.Create(t.Context(), stranger); err != nil {
		t.Fatal(err)
	}
	w.start()
	w.apply(model)
	d := w.awaitState("model", v1.StatusFailed)
	if want := "Service model-main: there is one already that this deployment did not make"; !containsLine(d, v1.ConditionServices, "Refused", want) {
		t.Errorf("no condition says %q: %+v", want, d.Status.Conditions)
	}
	after := &corev1.Service{}
	if err := w.Get(t.Context(), client.ObjectKeyFromObject(stranger), after); err != nil {
		t.Fatal(err)
	}
	if after.ResourceVersion != stranger.ResourceVersion {
		t.Errorf("the Service was changed: %+v", after)
	}
}

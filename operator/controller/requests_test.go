package controller_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/operator/scaler"
	"github.com/prime-radiant/radiant/scaling"
)

// TestANewDeploymentHasItsFirstPods: it is made with as many as its policy says, and not
// scaled to them; who scales it later is not undone by a change of the deployment.
func TestANewDeploymentHasItsFirstPods(t *testing.T) {
	w := newWorld(t, server)
	w.start()
	name := types.NamespacedName{Name: "model-main-0-classifier"}
	d := &appsv1.Deployment{}
	read := func() (replicas int32) {
		t.Helper()
		d = &appsv1.Deployment{}
		if err := w.Get(t.Context(), name, d); err != nil {
			t.Fatal(err)
		}
		return *d.Spec.Replicas
	}
	for _, first := range []int32{0, 3} {
		line := fmt.Sprintf("scaleSpec: {minReplicas: 0, initialScale: %d}", first)
		w.apply(sized(line))
		w.awaitWorkloads(name.Name)
		if n := read(); n != first || d.Generation != 1 {
			t.Errorf("made with %d pods in version %d, want %d in the first", n, d.Generation, first)
		}
		// Nobody has scaled it yet.
		w.apply(strings.Replace(sized(line), "mock:1", "mock:2", 1))
		w.eventually(func() string {
			read()
			return cmp.Diff("mock:2", d.Spec.Template.Spec.Containers[0].Image)
		})
		if n := read(); n != first {
			t.Errorf("after a change there are %d pods, want %d", n, first)
		}
		if err := w.Delete(t.Context(), w.deployment("model")); err != nil {
			t.Fatal(err)
		}
		w.eventually(func() string {
			if err := w.Get(t.Context(), name, d); err == nil {
				return "the Deployment is still there"
			}
			return ""
		})
	}
}

// TestTheOldWayStaysUntilActivatorsServe: a limit that is added to what serves leads its
// Service past the pods only once activators take its requests; when the limit goes,
// and comes again, it is the same.
func TestTheOldWayStaysUntilActivatorsServe(t *testing.T) {
	w := newWorld(t, server)
	w.start()
	w.serveAll()
	service := func() *corev1.Service {
		t.Helper()
		s := &corev1.Service{}
		if err := w.Get(t.Context(), types.NamespacedName{Name: "model-main"}, s); err != nil {
			t.Fatal(err)
		}
		return s
	}
	annotate := func(annotation string) {
		t.Helper()
		patch := fmt.Appendf(nil, `{"metadata": {"annotations": {%q: "20007"}}}`, annotation)
		if err := w.Patch(t.Context(), service(), client.RawPatch(types.MergePatchType, patch), client.FieldOwner(scaler.FieldManager)); err != nil {
			t.Fatal(err)
		}
	}
	pods, none := map[string]string{v1.LabelApp: "model-main"}, map[string]string{scaling.LabelFront: scaling.FrontOfNoPod}
	w.apply(model)
	w.awaitState("model", v1.StatusAvailable)
	for turn := range 2 {
		w.apply(sized("scaleSpec: {containerConcurrency: 2}"))
		w.eventually(func() string {
			if _, ok := service().Annotations[scaling.AnnotationFront]; !ok {
				return "the Service is no front"
			}
			return ""
		})
		annotate(scaling.AnnotationFrontPort)
		w.awaitState("model", v1.StatusAvailable)
		if diff := cmp.Diff(pods, service().Spec.Selector); diff != "" {
			t.Errorf("turn %d: nobody serves it yet: %s", turn, diff)
		}
		annotate(scaling.AnnotationFrontServed)
		w.eventually(func() string { return cmp.Diff(none, service().Spec.Selector) })
		w.apply(model)
		w.eventually(func() string {
			s := service()
			if s.Annotations[scaling.AnnotationFrontServed] != "" {
				return "it is said that activators serve it"
			}
			return cmp.Diff(pods, s.Spec.Selector)
		})
	}
}

// TestWhatRequestsScaleKeepsItsReplicas: nobody but the scaler writes them, at
// none the deployment is available, and its status tells what the scaler decided.
func TestWhatRequestsScaleKeepsItsReplicas(t *testing.T) {
	w := newWorld(t, server)
	name := types.NamespacedName{Name: "model-main-0-classifier"}
	decider := newDecider(w, "model")
	decider.said[name.Name] = scaler.Said{Desired: 0, Reason: "ScaledToZero", Message: "no pods: no requests"}
	w.start(decider.decides)
	w.serveAll()
	w.apply(sized("scaleSpec: {minReplicas: 0, maxReplicas: 4}"))
	decider.keep(w, "model-main", scaler.Kept{Kept: true})
	w.awaitState("model", v1.StatusAvailable)
	d := &appsv1.Deployment{}
	d.Name, d.Namespace = name.Name, w.namespace
	body := &autoscalingv1.Scale{}
	if err := w.SubResource("scale").Get(t.Context(), d, body); err != nil {
		t.Fatal(err)
	}
	body.Spec.Replicas = 0
	if err := w.SubResource("scale").Update(t.Context(), d, client.WithSubResourceBody(body), client.FieldOwner(scaler.FieldManager)); err != nil {
		t.Fatal(err)
	}
	want := &v1.ScalingStatus{Desired: 0, Ready: 0, Reason: "ScaledToZero", Message: "no pods: no requests"}
	w.eventually(func() string {
		s := w.deployment("model").Status
		return cmp.Diff(want, s.Scaling) + cmp.Diff(want, s.DeploymentStatus[name.Name].Scaling)
	})
	w.apply(sized("scaleSpec: {minReplicas: 0, maxReplicas: 5}"))
	s := w.awaitState("model", v1.StatusAvailable).Status
	if err := w.Get(t.Context(), name, d); err != nil {
		t.Fatal(err)
	}
	if *d.Spec.Replicas != 0 || s.State != v1.StatusAvailable {
		t.Errorf("%d replicas after a change, and the state is %s", *d.Spec.Replicas, s.State)
	}
	// What nobody scales any more would stay without pods.
	w.apply(sized(""))
	w.eventually(func() string {
		if err := w.Get(t.Context(), name, d); err != nil {
			return err.Error()
		}
		return cmp.Diff(int32(1), *d.Spec.Replicas)
	})
}

// TestAWokenPodThatIsNeverReadyIsSaid: what has no pods is available while a request has
// one made, and not any more when that cannot become ready, with the pod's own reason.
func TestAWokenPodThatIsNeverReadyIsSaid(t *testing.T) {
	w := newWorld(t, server)
	const name = "model-main-0-classifier"
	decider := newDecider(w, "model")
	w.start(decider.decides)
	w.apply(sized("scaleSpec: {minReplicas: 0, initialScale: 0}"))
	w.awaitWorkloads(name)
	w.serve(name)
	decider.keep(w, "model-main", scaler.Kept{Kept: true})
	w.awaitState("model", v1.StatusAvailable)

	d := &appsv1.Deployment{}
	d.Name, d.Namespace = name, w.namespace
	body := &autoscalingv1.Scale{Spec: autoscalingv1.ScaleSpec{Replicas: 1}}
	if err := w.SubResource("scale").Update(t.Context(), d, client.WithSubResourceBody(body), client.FieldOwner(scaler.FieldManager)); err != nil {
		t.Fatal(err)
	}
	if err := w.Get(t.Context(), types.NamespacedName{Name: name}, d); err != nil {
		t.Fatal(err)
	}
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: d.Generation, Replicas: 1, UpdatedReplicas: 1, UnavailableReplicas: 1}
	if err := w.Status().Update(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	w.eventually(func() string {
		s := w.deployment("model").Status
		if s.State != v1.StatusAvailable {
			t.Fatalf("the state is %s while a pod is made: %s", s.State, s.Description)
		}
		return cmp.Diff(int32(1), s.Replicas)
	})
	pod := w.pod(name, "woken")
	pod.Status = corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{Name: "classifier", State: corev1.ContainerState{
		Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "no such image"},
	}}}}
	if err := w.Status().Update(t.Context(), pod); err != nil {
		t.Fatal(err)
	}
	w.awaitCondition("model", v1.ConditionDeployments, metav1.ConditionFalse, "ImagePullBackOff")
	if s := w.awaitState("model", v1.StatusCreating).Status; !strings.Contains(s.Description, "no such image") {
		t.Errorf("the description is %q", s.Description)
	}
}

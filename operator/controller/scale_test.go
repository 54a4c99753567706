package controller_test

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

const (
	fixed  = "replicas: 3"
	scaled = "hpaSpec: {minReplicas: 1, maxReplicas: 9, metrics: [{type: Resource, resource: {name: cpu, targetAverageUtilization: 50}}]}"
)

// sized is a deployment whose only component has a line more.
func sized(line string) string {
	return strings.Replace(model, `[{spec: {containers: [{name: classifier, image: "mock:1"}]}}]`,
		"\n    - spec: {containers: [{name: classifier, image: \"mock:1\"}]}\n      "+line, 1)
}

// TestAutoscalersKeepTheirReplicas through changes of the deployment, and when
// they come and go.
func TestAutoscalersKeepTheirReplicas(t *testing.T) {
	w := newWorld(t, server)
	op := w.start()
	w.serveAll()
	name := types.NamespacedName{Name: "model-main-0-classifier"}
	replicas := func(want int32, hpa bool) {
		t.Helper()
		w.awaitState("model", v1.StatusAvailable)
		d := &appsv1.Deployment{}
		if err := w.Get(t.Context(), name, d); err != nil {
			t.Fatal(err)
		}
		if *d.Spec.Replicas != want {
			t.Errorf("there are %d replicas, want %d", *d.Spec.Replicas, want)
		}
		err := w.Get(t.Context(), name, &autoscalingv2.HorizontalPodAutoscaler{})
		if hpa != (err == nil) || err != nil && !apierrors.IsNotFound(err) {
			t.Errorf("looking for the autoscaler: %v", err)
		}
	}
	scale := func(n int32) {
		t.Helper()
		d := &appsv1.Deployment{}
		d.Name, d.Namespace = name.Name, w.namespace
		body := &autoscalingv1.Scale{}
		if err := w.SubResource("scale").Get(t.Context(), d, body); err != nil {
			t.Fatal(err)
		}
		body.Spec.Replicas = n
		if err := w.SubResource("scale").Update(t.Context(), d, client.WithSubResourceBody(body), client.FieldOwner("autoscaler")); err != nil {
			t.Fatal(err)
		}
	}

	w.apply(sized(fixed))
	replicas(3, false)
	w.apply(sized(scaled)) // The autoscaler starts from what is there.
	replicas(3, true)
	scale(7)
	w.apply(strings.Replace(sized(scaled), "mock:1", "mock:2", 1))
	replicas(7, true)
	op.stop()
	w.start()
	w.apply(strings.Replace(sized(scaled), "mock:1", "mock:3", 1))
	replicas(7, true)
	w.apply(sized("")) // Nobody says how many.
	replicas(7, false)
	w.apply(sized(fixed))
	replicas(3, false)
}

// TestScaleOfTheDeployment: spec.replicas, which kubectl scale and autoscalers
// write, counts where nothing else does.
func TestScaleOfTheDeployment(t *testing.T) {
	w := newWorld(t, server)
	w.start()
	w.serveAll()
	w.apply(model + "  replicas: 2\n")
	d := w.awaitState("model", v1.StatusAvailable)
	body := &autoscalingv1.Scale{}
	if err := w.SubResource("scale").Get(t.Context(), d, body); err != nil {
		t.Fatal(err)
	}
	if body.Status.Replicas != 2 || !strings.Contains(body.Status.Selector, "seldon-app-svc-classifier=model-main-classifier") {
		t.Errorf("the status of the scale is %+v", body.Status)
	}
	body.Spec.Replicas = 5
	if err := w.SubResource("scale").Update(t.Context(), d, client.WithSubResourceBody(body)); err != nil {
		t.Fatal(err)
	}
	w.eventually(func() string {
		if got := w.deployment("model").Status.Replicas; got != 5 {
			return "the status does not say 5 replicas"
		}
		return ""
	})
}

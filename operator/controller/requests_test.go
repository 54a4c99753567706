package controller_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/operator/controller"
	"github.com/prime-radiant/radiant/operator/scaler"
)

// TestWhatRequestsScaleKeepsItsReplicas: nobody but the scaler writes them, at
// none the deployment is available, and its status tells what the scaler decided.
func TestWhatRequestsScaleKeepsItsReplicas(t *testing.T) {
	w := newWorld(t, server)
	name := types.NamespacedName{Name: "model-main-0-classifier"}
	w.start(func(o *controller.Options) {
		o.Scaling = func(of types.NamespacedName) (scaler.Said, bool) {
			return scaler.Said{Desired: 0, Reason: "ScaledToZero", Message: "no pods: no requests"}, of.Name == name.Name
		}
	})
	w.serveAll()
	w.apply(sized("scaleSpec: {minReplicas: 0, maxReplicas: 4}"))
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

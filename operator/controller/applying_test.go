package controller

import (
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func TestApplyingMakesAllButRoutes(t *testing.T) {
	s := newStage(t)
	p := s.deploy(staged)
	s.run(applying{s.objects, 0}, p)
	s.wantLive("Service m-p", "Service m-p-c", "Deployment m-p-0-c")
	if p.workloads["m-p-0-c"] == nil {
		t.Errorf("the pass knows the Deployments %v", p.workloads)
	}
	p = s.deploy(staged)
	s.run(applying{s.objects, 0}, p)
	for _, c := range p.changes {
		if c.Action != Unchanged {
			t.Errorf("a second time: %s", c)
		}
	}
	if len(p.changes) != 3 {
		t.Errorf("a second time: %v, want three objects", p.changes)
	}
}

// TestApplyingGoesOnAfterARefusal, and notes it.
func TestApplyingGoesOnAfterARefusal(t *testing.T) {
	s := newStage(t)
	stranger := &corev1.Service{}
	stranger.Name, stranger.Namespace = "m-p", s.namespace
	stranger.Spec.Ports = []corev1.ServicePort{{Port: 80}}
	if err := s.client.Create(t.Context(), stranger); err != nil {
		t.Fatal(err)
	}
	p := s.deploy(staged)
	s.run(applying{s.objects, 0}, p)
	s.wantLive("Service m-p-c", "Deployment m-p-0-c")
	if len(p.refused) != 1 || p.refused[0].object.String() != "Service m-p" {
		t.Errorf("refused are %v", p.refused)
	}
}

// TestApplyingWakesADeploymentOnce: an autoscaler that comes to a Deployment
// without pods does nothing by itself.
func TestApplyingWakesADeploymentOnce(t *testing.T) {
	s := newStage(t)
	s.make(s.deploy(strings.Replace(staged, "name: p,", "name: p, replicas: 0,", 1)))
	scaled := strings.Replace(stagedScaled(), "minReplicas: 1", "minReplicas: 2", 1)
	replicas := func(want int32) {
		t.Helper()
		p := s.deploy(scaled)
		s.run(applying{s.objects, 0}, p)
		if got := wanted(p.workloads["m-p-0-c"]); got != want {
			t.Errorf("there are %d replicas, want %d", got, want)
		}
	}
	replicas(2)
	d := &appsv1.Deployment{}
	d.Name, d.Namespace = "m-p-0-c", s.namespace
	scale := &autoscalingv1.Scale{}
	if err := s.client.SubResource("scale").Update(t.Context(), d, client.WithSubResourceBody(scale), client.FieldOwner("user")); err != nil {
		t.Fatal(err)
	}
	replicas(0)
}

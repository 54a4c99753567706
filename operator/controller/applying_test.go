package controller

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func TestApplyingMakesAllButRoutes(t *testing.T) {
	s := newStage(t)
	p := s.deploy(staged)
	s.run(applying{s.objects}, p)
	s.wantLive("Service m-p", "Service m-p-c", "Deployment m-p-0-c")
	if p.workloads["m-p-0-c"] == nil {
		t.Errorf("the pass knows the Deployments %v", p.workloads)
	}
	p = s.deploy(staged)
	s.run(applying{s.objects}, p)
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
	s.run(applying{s.objects}, p)
	s.wantLive("Service m-p-c", "Deployment m-p-0-c")
	if len(p.refused) != 1 || p.refused[0].object.String() != "Service m-p" {
		t.Errorf("refused are %v", p.refused)
	}
}

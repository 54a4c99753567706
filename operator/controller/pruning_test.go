package controller

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/prime-radiant/radiant/graph"
)

// TestPruning: old pods stay as long as a gateway may still send requests
// there, and until the new ones are complete; Services go last.
func TestPruning(t *testing.T) {
	s := newStage(t)
	s.make(s.deploy(stagedScaled()))
	s.make(s.deploy(stagedNext()))
	prune := pruning{s.objects, time.Minute}
	waits := func(p *pass, want string) {
		t.Helper()
		s.run(prune, p)
		if !slices.Equal(p.waiting, []string{want}) || len(p.changes) != 0 {
			t.Errorf("waiting: %q, want %q; changes: %v", p.waiting, want, p.changes)
		}
	}

	p := s.deploy(stagedNext())
	p.trafficBehind = true
	s.run(prune, p)
	if len(p.changes) != 0 {
		t.Errorf("routes lead there still: %v", p.changes)
	}
	p = s.deploy(stagedNext())
	s.memory.switchedTraffic(p.name())
	waits(p, "old pods are removed when gateways have followed the routes")
	if p.again != time.Minute {
		t.Errorf("the next look is in %s, want a minute", p.again)
	}
	s.clock = s.clock.Add(time.Minute)
	waits(s.deploy(stagedNext()), "Deployment m-p-0-c is removed when Deployment m-q-0-c is complete")

	s.serve("m-q-0-c")
	p = s.deploy(stagedNext())
	s.run(prune, p)
	if got, want := p.changes.String(), "HPA m-p-0-c deleted, Deployment m-p-0-c deleted"; got != want {
		t.Errorf("changes are %q, want %q", got, want)
	}
	p = s.deploy(stagedNext())
	s.run(prune, p)
	if got, want := p.changes.String(), "Service m-p deleted, Service m-p-c deleted"; got != want {
		t.Errorf("changes are %q, want %q", got, want)
	}
}

// unpatchable is a client that one pod cannot be patched by.
type unpatchable struct {
	client.Client
	pod string
}

func (c unpatchable) Patch(ctx context.Context, o client.Object, patch client.Patch, options ...client.PatchOption) error {
	if o.GetName() == c.pod {
		return errors.New("the admission webhook does not answer")
	}
	return c.Client.Patch(ctx, o, patch, options...)
}

// TestAPodThatCannotBeTold keeps nothing else from being done, and the pass fails at its
// end.
func TestAPodThatCannotBeTold(t *testing.T) {
	s := newStage(t)
	s.make(s.deploy(stagedScaled()))
	s.make(s.deploy(stagedNext()))
	s.serve("m-q-0-c")
	p := s.deploy(stagedNext())
	for _, name := range []string{"one", "two"} {
		pod := corev1.Pod{}
		pod.Name, pod.Namespace, pod.Annotations = name, s.namespace, map[string]string{graph.VersionsAnnotation: "{}"}
		pod.Labels = map[string]string{"pod-template-hash": "1"}
		pod.OwnerReferences = []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "m-q-0-c-1", UID: "1", Controller: new(true)}}
		pod.Spec.Containers = []corev1.Container{{Name: "c", Image: "c:1"}}
		if err := s.client.Create(t.Context(), &pod); err != nil {
			t.Fatal(err)
		}
		p.holders = append(p.holders, pod)
	}
	mute := *s.objects
	mute.client = unpatchable{s.client, "one"}
	err := p.run(t.Context(), []step{telling{&mute}, pruning{s.objects, 0}})
	if err == nil || !strings.Contains(err.Error(), "telling pods of versions: telling pod one: the admission webhook") {
		t.Errorf("the error is %v", err)
	}
	if got, want := p.changes.String(), "Pod two configured, HPA m-p-0-c deleted, Deployment m-p-0-c deleted"; got != want {
		t.Errorf("changes are %q, want %q", got, want)
	}
}

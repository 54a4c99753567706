package scaler_test

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/prime-radiant/radiant/operator/scaler"
)

// heard are the SeldonDeployments of which a scaler has told.
type heard struct {
	mu  sync.Mutex
	all []string
}

func (h *heard) tell(_ context.Context, deployment types.NamespacedName) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.all = append(h.all, deployment.Name)
}

// has reports whether it has heard of one since the last time, and of no other.
func (h *heard) has(t *testing.T, name string) bool {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, other := range h.all {
		if other != name {
			t.Errorf("told of %s", other)
		}
	}
	found := slices.Contains(h.all, name)
	h.all = nil
	return found
}

// TestRequestsAreKeptByWhoSaysSo: requests to a Service are said to be kept as long as
// an activator that is ready and says that it serves it is one of its endpoints; and its
// SeldonDeployment is told of with each change.
func TestRequestsAreKeptByWhoSaysSo(t *testing.T) {
	w := newWorld(t)
	p := policy()
	p.InitialReplicas = 0
	w.deployment("zero", p, 0)
	service := &corev1.Service{}
	if err := w.Get(t.Context(), types.NamespacedName{Name: "zero"}, service); err != nil {
		t.Fatal(err)
	}
	name := types.NamespacedName{Namespace: w.namespace, Name: "zero"}
	h := &heard{}
	s, _ := w.startTelling(h.tell)
	said := func(want scaler.Kept) {
		t.Helper()
		var got scaler.Kept
		w.until("it is said "+want.Reason+want.Message, func() bool {
			var ok bool
			got, ok = s.Kept(name, service.UID)
			return ok && got.Kept == want.Kept && got.Reason == want.Reason && strings.Contains(got.Message, want.Message)
		})
		w.until("the SeldonDeployment is told of", func() bool { return h.has(t, "of-zero") })
	}
	said(scaler.Kept{Reason: "NoActivator", Message: "no activator is ready, and nothing else keeps requests to Service zero"})
	if _, ok := s.Kept(name, "another"); ok {
		t.Error("it is said of a Service that is not there any more")
	}
	a := w.activator("10.2.12.1")
	a.hears(false)
	said(scaler.Kept{Message: "no activator serves Service zero yet"})
	a.hears(true)
	said(scaler.Kept{Kept: true})
	if led := w.led("zero"); !slices.Equal(led, []string{"10.2.12.1"}) {
		t.Errorf("requests are said to be kept, and led to %v", led)
	}
	a.hears(false) // As when it begins anew.
	said(scaler.Kept{Message: "no activator serves Service zero yet"})
	a.hears(true)
	said(scaler.Kept{Kept: true})
	gone := &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Name: "activator-10-2-12-1"}}
	if err := w.Delete(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	said(scaler.Kept{Reason: "NoActivator", Message: "no activator is ready"})
	if h.has(t, "of-zero") {
		t.Error("told again, and nothing has changed")
	}
}

// TestWhatCannotBeLedIsSaid: a front for which there is no port.
func TestWhatCannotBeLedIsSaid(t *testing.T) {
	w := newWorld(t)
	w.ports = scaler.PortRange{First: 20000, Last: 20000}
	w.activator("10.2.13.1")
	p := policy()
	p.InitialReplicas = 0
	w.deployment("one", p, 0)
	w.deployment("two", p, 0)
	s, _ := w.start()
	w.until("one is kept, and it is said of the other that no port is left", func() bool {
		kept, full := 0, 0
		for _, name := range []string{"one", "two"} {
			service := &corev1.Service{}
			if err := w.Get(t.Context(), types.NamespacedName{Name: name}, service); err != nil {
				t.Fatal(err)
			}
			k, _ := s.Kept(types.NamespacedName{Namespace: w.namespace, Name: name}, service.UID)
			if k.Kept {
				kept++
			}
			if k.Reason == "NoActivator" && strings.Contains(k.Message, "widen --activator-ports") {
				full++
			}
		}
		return kept == 1 && full == 1
	})
}

// TestToldWhenTheLastPodStays: the SeldonDeployment is told of when its last pod begins
// to stay for want of an activator.
func TestToldWhenTheLastPodStays(t *testing.T) {
	w := newWorld(t)
	p := policy()
	w.deployment("stays", p, 1)
	w.pod("stays")
	w.ready("stays", 1)
	h := &heard{}
	s, _ := w.startTelling(h.tell)
	w.until("it is told of the front", func() bool { return h.has(t, "of-stays") })
	w.until("it is said", func() bool {
		said, _ := s.Said(types.NamespacedName{Namespace: w.namespace, Name: "stays"})
		return said.Reason == "NoActivator"
	})
	w.until("it is told of the pod", func() bool { return h.has(t, "of-stays") })
	w.activator("10.2.14.1")
	w.until("no pods", func() bool { return w.replicas("stays") == 0 })
	w.until("it is told again", func() bool { return h.has(t, "of-stays") })
}

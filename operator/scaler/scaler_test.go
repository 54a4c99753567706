package scaler_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/prime-radiant/radiant/scaling"
)

// scaled counts the writes of replicas.
func (w *world) scaled() int {
	n := 0
	for _, line := range w.wrote() {
		if strings.HasSuffix(line, "/scale") {
			n++
		}
	}
	return n
}

// events lists the reasons of the events in the namespace.
func (w *world) events() []string {
	w.Helper()
	var list corev1.EventList
	if err := w.List(w.Context(), &list); err != nil {
		w.Fatal(err)
	}
	var all []string
	for i := range list.Items {
		all = append(all, list.Items[i].Reason+" "+list.Items[i].Message)
	}
	return all
}

// TestFiveHeldRequestsAreFivePods: one write brings five pods, and none goes as
// long as the requests are held; when they have ended the pods go to the least.
func TestFiveHeldRequestsAreFivePods(t *testing.T) {
	w := newWorld(t)
	p := policy()
	p.MinReplicas = 1
	w.deployment("five", p, 1)
	first := w.pod("five")
	w.ready("five", 1)
	for range 5 {
		first.meter.Begin()
	}
	s, _ := w.start()
	w.until("five pods", func() bool { return w.replicas("five") == 5 })
	if n := w.scaled(); n != 1 {
		t.Errorf("%d writes for one step: %q", n, w.wrote())
	}
	for range 4 {
		w.pod("five")
	}
	w.ready("five", 5)
	w.passes(2 * time.Minute)
	if n := w.scaled(); n != 1 || w.replicas("five") != 5 {
		t.Errorf("%d pods, %d writes while the requests are held: %q", w.replicas("five"), n, w.wrote())
	}
	said, _ := s.Said(types.NamespacedName{Namespace: w.namespace, Name: "five"})
	if said.Desired != 5 || !strings.Contains(said.Message, "requests at once in the last") {
		t.Errorf("said: %+v", said)
	}
	for range 5 {
		first.meter.End()
	}
	w.until("one pod", func() bool {
		n := w.replicas("five")
		w.ready("five", n)
		return n == 1
	})
}

// TestToZeroAndBack: activators are endpoints of the front before the last pod
// goes, and as long as none serves; a request that waits wakes it at once.
func TestToZeroAndBack(t *testing.T) {
	w := newWorld(t)
	a := w.activator("10.2.0.1")
	w.deployment("rest", policy(), 1)
	e := w.pod("rest")
	w.ready("rest", 1)
	_, _ = w.start()
	w.until("no pods", func() bool { return w.replicas("rest") == 0 })
	slice := w.slice("rest")
	if slice == nil || slice.Endpoints[0].Addresses[0] != "10.2.0.1" || *slice.Ports[0].Port != 20000 || *slice.Ports[1].Name != "grpc" {
		t.Fatalf("no pods, and the front leads to %+v", slice)
	}
	want := []string{"PATCH services/rest", "POST endpointslices", "PATCH deployments/rest/scale"}
	if got := w.wrote(); !slices.Equal(got, want) {
		t.Errorf("written %q, want %q", got, want)
	}
	w.unplug(e.ip)
	if err := w.DeleteAllOf(t.Context(), podKind(), client.InNamespace(w.namespace)); err != nil {
		t.Fatal(err)
	}
	w.ready("rest", 0)

	w.passes(2 * time.Minute)
	if got := w.wrote(); len(got) != len(want) {
		t.Errorf("written while nobody asks: %q", got[len(want):])
	}

	m := a.keep(w.namespace + "/rest")
	w.until("one pod", func() bool { return w.replicas("rest") == 1 })
	if w.slice("rest") == nil {
		t.Error("no pod serves, and the front does not lead to the activator")
	}
	w.pod("rest")
	w.ready("rest", 1)
	m.End()
	w.until("the front leads to the pods alone", func() bool { return w.slice("rest") == nil })
	if n := w.replicas("rest"); n != 1 {
		t.Errorf("%d pods", n)
	}
	w.until("events", func() bool {
		all := strings.Join(w.events(), "\n")
		return strings.Contains(all, "ScaledToZero rest: no pods: there were no requests for 1m30s") && strings.Contains(all, "Woken rest: by a gRPC request to rest")
	})
}

// TestStaysWithoutActivator: where nothing keeps requests the last pod stays, and
// it is said why.
func TestStaysWithoutActivator(t *testing.T) {
	w := newWorld(t)
	w.deployment("stays", policy(), 1)
	w.pod("stays")
	w.ready("stays", 1)
	s, _ := w.start()
	w.until("it is said", func() bool {
		said, _ := s.Said(types.NamespacedName{Namespace: w.namespace, Name: "stays"})
		return said.Reason == "NoActivator" && said.Desired == 1
	})
	if w.scaled() != 0 || w.replicas("stays") != 1 {
		t.Errorf("%d pods; written %q", w.replicas("stays"), w.wrote())
	}
}

// TestAnotherScalerGoesOn: one that begins while eight pods have work for eight
// changes nothing.
func TestAnotherScalerGoesOn(t *testing.T) {
	w := newWorld(t)
	p := policy()
	p.MinReplicas, p.MaxReplicas = 1, 20
	w.deployment("eight", p, 8)
	for range 8 {
		w.pod("eight").meter.Begin()
	}
	w.ready("eight", 8)
	for range 3 {
		_, stop := w.start()
		w.passes(50 * time.Second)
		stop()
	}
	if got := w.wrote(); len(got) > 0 {
		t.Errorf("written: %q", got)
	}
}

// TestPodsThatDoNotAnswer count as much as those that do; where none does nothing
// is changed.
func TestPodsThatDoNotAnswer(t *testing.T) {
	w := newWorld(t)
	p := policy()
	p.MinReplicas = 1
	w.deployment("half", p, 4)
	w.deployment("none", p, 4)
	for i := range 4 {
		for _, name := range []string{"half", "none"} {
			e := w.pod(name)
			e.meter.Begin()
			if i%2 == 0 || name == "none" {
				w.unplug(e.ip)
			}
		}
	}
	w.ready("half", 4)
	w.ready("none", 4)
	w.deployment("before", p, 4) // Its pods are from before it was scaled, and tell nothing.
	w.ready("before", 4)
	s, _ := w.start()
	w.passes(3 * time.Minute)
	said, _ := s.Said(types.NamespacedName{Namespace: w.namespace, Name: "half"})
	if said.Desired != 4 || len(w.wrote()) > 0 {
		t.Errorf("said %+v, written %q", said, w.wrote())
	}
	if said, ok := s.Said(types.NamespacedName{Namespace: w.namespace, Name: "none"}); ok {
		t.Errorf("nothing is known of it, and it is said: %+v", said)
	}
}

// TestAlwaysLeadsToActivators: the front of a Deployment with a limit of each pod
// leads to those activators that there are.
func TestAlwaysLeadsToActivators(t *testing.T) {
	w := newWorld(t)
	p := policy()
	p.ContainerConcurrency = 1
	for i := range 4 {
		w.front(fmt.Sprintf("front-%d", i), scaling.Front{Deployment: "limited", Always: true, ContainerConcurrency: 1, HTTPPort: 8000, GRPCPort: 5001, Selector: map[string]string{"a": "b"}})
	}
	w.activator("10.2.1.1")
	w.limited(p, []string{"front-0", "front-1", "front-2", "front-3"})
	w.pod("limited")
	w.ready("limited", 1)
	_, _ = w.start()
	ports := func() map[int32]int {
		all := map[int32]int{}
		for i := range 4 {
			if slice := w.slice(fmt.Sprintf("front-%d", i)); slice != nil {
				all[*slice.Ports[0].Port]++
			}
		}
		return all
	}
	// There are three ports, and so one of the four has none.
	w.until("three fronts led, each at a port of its own", func() bool {
		got := ports()
		return got[20000] == 1 && got[20001] == 1 && got[20002] == 1
	})
}

// TestACopiedServiceGetsAPortOfItsOwn: annotations of a Service are copied with it.
func TestACopiedServiceGetsAPortOfItsOwn(t *testing.T) {
	w := newWorld(t)
	p := policy()
	p.ContainerConcurrency = 1
	names := []string{"first", "second"}
	for _, name := range names {
		w.front(name, scaling.Front{Deployment: "limited", Always: true, ContainerConcurrency: 1, HTTPPort: 8000, GRPCPort: 5001, Selector: map[string]string{"a": "b"}})
		s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: w.namespace}}
		patch := fmt.Appendf(nil, `{"metadata": {"annotations": {%q: "20001"}}}`, scaling.AnnotationFrontPort)
		if err := w.Patch(t.Context(), s, client.RawPatch(types.MergePatchType, patch)); err != nil {
			t.Fatal(err)
		}
	}
	w.activator("10.2.2.1")
	w.limited(p, names)
	w.pod("limited")
	w.ready("limited", 1)
	_, _ = w.start()
	w.until("two ports", func() bool {
		first, second := w.slice("first"), w.slice("second")
		return first != nil && second != nil && *first.Ports[0].Port != *second.Ports[0].Port
	})
}

// TestTheFirstPodsStay: those of a new Deployment stay until they have been ready once,
// though nobody asks, and no operator that begins meanwhile changes that; then the
// requests count.
func TestTheFirstPodsStay(t *testing.T) {
	w := newWorld(t)
	w.activator("10.2.6.1")
	p := policy()
	p.InitialReplicas = 3
	// At the speed of this clock ten minutes since a Deployment was made are over soon.
	clock := w.now
	w.now = func() time.Time { return clock().Add(-time.Hour) }
	w.deployment("first", p, 3)
	p.InitialReplicas = 1
	w.deployment("slow", p, 1)
	for range 2 {
		_, stop := w.start()
		w.passes(2 * time.Minute)
		w.ready("first", 2)
		stop()
	}
	if first, slow := w.replicas("first"), w.replicas("slow"); first != 3 || slow != 1 || w.scaled() > 0 {
		t.Errorf("%d pods of 3, and %d of 1, that have not been ready yet: %q", first, slow, w.wrote())
	}
	s, _ := w.start()
	w.until("it is said", func() bool {
		said, _ := s.Said(types.NamespacedName{Namespace: w.namespace, Name: "first"})
		return said.Reason == "InitialScale" && said.Desired == 3
	})
	for range 3 {
		w.pod("first")
	}
	w.ready("first", 3)
	w.until("no pods, since nobody asks", func() bool {
		n := w.replicas("first")
		w.ready("first", n)
		return n == 0
	})
}

// TestNoPodsAtFirst: a new Deployment without pods stays so, and its front leads to
// activators.
func TestNoPodsAtFirst(t *testing.T) {
	w := newWorld(t)
	w.activator("10.2.7.1")
	p := policy()
	p.InitialReplicas = 0
	w.deployment("none", p, 0)
	_, _ = w.start()
	w.until("its front leads to the activator", func() bool { return w.slice("none") != nil })
	w.passes(time.Minute)
	if n := w.scaled(); n > 0 || w.replicas("none") != 0 {
		t.Errorf("%d pods; written %q", w.replicas("none"), w.wrote())
	}
}

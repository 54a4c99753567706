package scaler_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/operator/scaler"
	"github.com/prime-radiant/radiant/scaling"
)

// served is the port at which activators serve a front, as the scaler says it.
func (w *world) served(front string) string {
	w.Helper()
	s := &corev1.Service{}
	if err := w.Get(w.Context(), types.NamespacedName{Name: front}, s); err != nil {
		w.Fatal(err)
	}
	return s.Annotations[scaling.AnnotationFrontServed]
}

// led are the activators that a front leads to.
func (w *world) led(front string) []string {
	w.Helper()
	slice := w.slice(front)
	if slice == nil {
		return nil
	}
	var all []string
	for _, e := range slice.Endpoints {
		all = append(all, e.Addresses...)
	}
	return all
}

// TestNobodyIsLedToWhoDoesNotServe: a front leads to an activator once that says that
// it serves the front, and the Service is said to be served then; a report that is
// missing changes nothing.
func TestNobodyIsLedToWhoDoesNotServe(t *testing.T) {
	w := newWorld(t)
	p := policy()
	p.ContainerConcurrency = 1
	w.front("limited", scaling.Front{Deployment: "limited", Always: true, ContainerConcurrency: 1, HTTPPort: 8000, GRPCPort: 5001, Selector: map[string]string{"a": "b"}})
	first, second := w.activator("10.2.3.1"), w.activator("10.2.3.2")
	first.hears(false)
	second.hears(false)
	w.limited(p, []string{"limited"})
	w.pod("limited")
	w.ready("limited", 1)
	_, _ = w.start()
	w.until("the front has a port", func() bool { return w.frontPorts()[w.namespace+"/limited"] == 20000 })
	w.passes(20 * time.Second)
	if led, served := w.led("limited"), w.served("limited"); led != nil || served != "" {
		t.Errorf("nobody serves it, and it leads to %v, and is said to be served at %q", led, served)
	}
	second.hears(true)
	w.until("the front is served", func() bool { return w.served("limited") == "20000" })
	if led := w.led("limited"); !slices.Equal(led, []string{"10.2.3.2"}) {
		t.Errorf("it leads to %v, and the second activator alone serves it", led)
	}
	first.hears(true)
	w.unplug("10.2.3.2")
	w.until("the front leads to who tells something", func() bool { return slices.Equal(w.led("limited"), []string{"10.2.3.1"}) })
	w.unplug("10.2.3.1")
	w.passes(20 * time.Second)
	if led := w.led("limited"); !slices.Equal(led, []string{"10.2.3.1"}) {
		t.Errorf("where none tells anything it leads to %v", led)
	}
}

// TestTheOldWayStaysUntilThereIsAnother: what leads a Service to activators goes when
// Kubernetes leads it to a pod, whether it is a front still or not.
func TestTheOldWayStaysUntilThereIsAnother(t *testing.T) {
	w := newWorld(t)
	w.activator("10.2.4.1")
	w.deployment("zero", policy(), 0)
	p := policy()
	p.ContainerConcurrency = 1
	w.front("was", scaling.Front{Deployment: "limited", Always: true, ContainerConcurrency: 1, HTTPPort: 8000, GRPCPort: 5001, Selector: map[string]string{"a": "b"}})
	w.limited(p, []string{"was"})
	_, _ = w.start()
	w.until("both lead to the activator", func() bool { return w.slice("zero") != nil && w.slice("was") != nil })
	w.pod("zero").meter.Begin()
	w.readyAlone("zero", 1)
	w.unmark("was")
	w.passes(20 * time.Second)
	if w.slice("zero") == nil || w.slice("was") == nil {
		t.Errorf("no pod is an endpoint; zero leads to %v, and was to %v", w.led("zero"), w.led("was"))
	}
	w.endpoints("zero", 1)
	w.leadsToPod("was")
	w.until("both lead to pods alone", func() bool { return w.slice("zero") == nil && w.slice("was") == nil })
}

// TestAPortThatClientsAreLedToStaysItsServices: no front gets a port to which the clients
// of a Service that is a front no more are still led, or were a moment ago; and one that is
// a front again does not take its former port from the front that has got it.
func TestAPortThatClientsAreLedToStaysItsServices(t *testing.T) {
	w := newWorld(t)
	w.activator("10.2.10.1")
	p := policy()
	p.ContainerConcurrency = 1
	front := scaling.Front{Deployment: "limited", Always: true, ContainerConcurrency: 1, HTTPPort: 8000, GRPCPort: 5001, Selector: map[string]string{"a": "b"}}
	w.front("was", front)
	w.limited(p, []string{"was", "next", "later"})
	_, _ = w.start()
	w.until("the first front is served", func() bool { return w.served("was") == "20000" })
	// Who has seen the next front has seen before that this one is none any more.
	w.unmark("was")
	w.front("next", front)
	w.until("the next front is served", func() bool { return w.served("next") != "" })
	if was, port := w.slice("was"), w.served("next"); was == nil || port != "20001" {
		t.Errorf("the next front is at port %s, and the clients of the first one are led to %v", port, w.led("was"))
	}
	w.leadsToPod("was")
	w.until("the first leads to its pod alone", func() bool { return w.slice("was") == nil })
	w.passes(40 * time.Second) // Until then gateways may still bring requests of the first one there.
	w.front("later", front)
	w.until("the port that is free again is used", func() bool { return w.served("later") == "20000" })

	w.mark("was", front)
	w.until("the first one is a front again", func() bool { return w.served("was") == "20002" })
	for name, want := range map[string]string{"next": "20001", "later": "20000"} {
		if port := w.frontPorts()[w.namespace+"/"+name]; fmt.Sprint(port) != want || len(w.led(name)) != 1 {
			t.Errorf("front %s is at port %d, want %s, and leads to %v", name, port, want, w.led(name))
		}
	}
}

// TestTheWayStaysAsLongAsAPodMayTake: what leads a Service to activators that is a front
// no more goes after ten minutes without a pod, counted anew if it was a front meanwhile.
func TestTheWayStaysAsLongAsAPodMayTake(t *testing.T) {
	w := newWorld(t)
	w.activator("10.2.11.1")
	clock := w.now
	var ahead atomic.Int64
	w.now = func() time.Time { return clock().Add(time.Duration(ahead.Load())) }
	p := policy()
	p.ContainerConcurrency = 1
	front := scaling.Front{Deployment: "limited", Always: true, ContainerConcurrency: 1, HTTPPort: 8000, GRPCPort: 5001, Selector: map[string]string{"a": "b"}}
	w.front("was", front)
	w.limited(p, []string{"was"})
	_, _ = w.start()
	for range 2 {
		w.until("the front is served", func() bool { return w.served("was") == "20000" })
		w.unmark("was")
		w.passes(20 * time.Second)
		ahead.Add(int64(8 * time.Minute))
		w.passes(20 * time.Second)
		if w.slice("was") == nil {
			t.Fatal("no pod serves after eight minutes, and nothing leads to the activator any more")
		}
		w.mark("was", front)
	}
	w.until("the front is served", func() bool { return w.served("was") == "20000" })
	w.unmark("was")
	w.passes(20 * time.Second)
	ahead.Add(int64(11 * time.Minute))
	w.until("nothing leads to the activator", func() bool { return w.slice("was") == nil })
}

// leadsToPod leads a Service that is no front to a pod, as Kubernetes does.
func (w *world) leadsToPod(service string) {
	w.Helper()
	w.create(&discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Name: service + "-pods", Labels: map[string]string{discoveryv1.LabelServiceName: service}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{"10.3.0.9"}, Conditions: discoveryv1.EndpointConditions{Ready: new(true)}}},
	})
}

// mark makes a Service a front again, which is not known to be served.
func (w *world) mark(service string, f scaling.Front) {
	w.Helper()
	s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: service}}
	patch := fmt.Appendf(nil, `{"metadata": {"labels": {%q: "true"}, "annotations": {%q: %q, %q: null}}}`,
		scaling.LabelFront, scaling.AnnotationFront, written(f), scaling.AnnotationFrontServed)
	if err := w.Patch(w.Context(), s, client.RawPatch(types.MergePatchType, patch)); err != nil {
		w.Fatal(err)
	}
}

// unmark makes a Service no front any more, as when its limit is taken out.
func (w *world) unmark(front string) {
	w.Helper()
	s := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Name: front}}
	patch := fmt.Appendf(nil, `{"metadata": {"labels": {%q: null}, "annotations": {%q: null}}}`, scaling.LabelFront, scaling.AnnotationFront)
	if err := w.Patch(w.Context(), s, client.RawPatch(types.MergePatchType, patch)); err != nil {
		w.Fatal(err)
	}
}

// TestOneActivatorKeepsALimit: a front whose pods have a limit leads to one of two
// activators, stays with it, and goes to the other when that one goes; fronts are
// spread.
func TestOneActivatorKeepsALimit(t *testing.T) {
	w := newWorld(t)
	const fronts = 12
	w.ports = scaler.PortRange{First: 20000, Last: 20000 + fronts}
	p := policy()
	p.ContainerConcurrency = 1
	var names []string
	for i := range fronts {
		names = append(names, fmt.Sprintf("alone-%d", i))
		w.front(names[i], scaling.Front{Deployment: "limited", Always: true, ContainerConcurrency: 1, HTTPPort: 8000, GRPCPort: 5001, Selector: map[string]string{"a": "b"}})
	}
	w.activator("10.2.5.1")
	w.limited(p, names)
	w.pod("limited")
	w.ready("limited", 1)
	_, _ = w.start()
	ledTo := func() (all []string) {
		for _, name := range names {
			led := w.led(name)
			if len(led) != 1 {
				return nil
			}
			all = append(all, led[0])
		}
		return all
	}
	w.until("all lead to the first", func() bool { return len(ledTo()) == fronts })
	w.activator("10.2.5.2")
	w.passes(20 * time.Second)
	if all := ledTo(); len(all) != fronts || slices.Contains(all, "10.2.5.2") {
		t.Errorf("when the second one came they lead to %v", all)
	}
	gone := &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Name: "activator-10-2-5-1"}}
	if err := w.Delete(t.Context(), gone); err != nil {
		t.Fatal(err)
	}
	w.until("all lead to the second", func() bool { all := ledTo(); return len(all) == fronts && !slices.Contains(all, "10.2.5.1") })

	// When both are there at first, some lead to each.
	w.activator("10.2.5.3")
	w.passes(5 * time.Second)
	for i := range fronts {
		if err := w.Delete(t.Context(), &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Name: names[i] + "-activator-ipv4"}}); err != nil {
			t.Fatal(err)
		}
	}
	w.until("some lead to each", func() bool {
		all := ledTo()
		return slices.Contains(all, "10.2.5.2") && slices.Contains(all, "10.2.5.3")
	})
}

// TestTwoActivatorsKeepALimitTogether runs the activators of the program: whichever a
// front leads to, none of its pods has more requests at once than it may, and none is
// left idle.
func TestTwoActivatorsKeepALimitTogether(t *testing.T) {
	const limit, all = 2, 300
	w := newWorld(t)
	labels := map[string]string{v1.LabelApp: "own", scaling.LabelScaled: "true"}
	free, at := listen(t)
	_ = free.Close()
	w.ports = scaler.PortRange{First: int32(at), Last: int32(at)}
	first, port := listen(t)
	second, err := net.Listen("tcp", net.JoinHostPort("127.0.0.2", strconv.Itoa(port)))
	if err != nil {
		t.Fatal(err)
	}
	var most, answered [2]atomic.Int64
	for i, l := range []net.Listener{first, second} {
		var now atomic.Int64
		pod := &http.Server{ReadHeaderTimeout: patience, Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/predict" {
				return
			}
			n := now.Add(1)
			defer now.Add(-1)
			for seen := most[i].Load(); n > seen && !most[i].CompareAndSwap(seen, n); seen = most[i].Load() {
			}
			time.Sleep(5 * time.Millisecond)
			answered[i].Add(1)
			_, _ = io.WriteString(rw, "y")
		})}
		go func() { _ = pod.Serve(l) }()
		t.Cleanup(func() { _ = pod.Close() })
	}
	w.podAt("own-1", labels, "127.0.0.1")
	w.podAt("own-2", labels, "127.0.0.2")
	p := policy()
	p.ContainerConcurrency, p.MinReplicas = limit, 1
	w.front("own-node", scaling.Front{Deployment: "own", Selector: labels, Always: true, HTTPPort: int32(port), ContainerConcurrency: limit})
	w.deploymentWith("own", scaling.Scaled{Policy: p, Predictor: "caller", ReportPort: 8000, Nodes: []string{"node"}, Fronts: []string{"own-node"}}, 2)
	hosts := map[string]string{"10.2.8.1": "127.0.0.1", "10.2.8.2": "127.0.0.2"}
	for ip, host := range hosts {
		w.realActivatorAt(ip, host)
	}
	_, _ = w.start()
	w.until("the front leads to an activator", func() bool { return len(w.led("own-node")) > 0 })
	led := w.led("own-node")
	var clients sync.WaitGroup
	for range 20 {
		clients.Go(func() {
			for range all / 20 {
				host := hosts[led[rand.IntN(len(led))]]
				answer, err := http.Post("http://"+net.JoinHostPort(host, strconv.Itoa(at))+"/predict", "text/plain", strings.NewReader("x"))
				if err != nil {
					t.Error(err)
					return
				}
				_ = answer.Body.Close()
				if answer.StatusCode != http.StatusOK {
					t.Errorf("answered %s", answer.Status)
				}
			}
		})
	}
	clients.Wait()
	for i := range most {
		if m, n := most[i].Load(), answered[i].Load(); m != limit || n < all/4 {
			t.Errorf("pod %d had %d requests at once, and %d altogether; want %d at once, and its share of %d", i, m, n, limit, all)
		}
	}
}

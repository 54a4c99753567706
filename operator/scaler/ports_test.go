package scaler

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"github.com/prime-radiant/radiant/scaling"
)

// TestWhoHasAPort: in any world a front has the port that its annotation names, unless
// clients of others alone are led there, or an older front has it to which clients are
// led, or all if none are.
func TestWhoHasAPort(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		w := someWorld(random, 1+random.IntN(6), 3)
		p := portsOf(w, nil, 1)
		for _, f := range w.fronts {
			led := w.ledAt[f.port]
			want := f.port != 0 && (len(led) == 0 || slices.Contains(led, f.name))
			for _, other := range w.fronts {
				if other.port == f.port && (holder{other.made, other.uid}).isOlder(holder{f.made, f.uid}) && (len(led) == 0 || slices.Contains(led, other.name)) {
					want = false
				}
			}
			if got := p.has(&f); got != want {
				t.Fatalf("front %s has its port: %t, want %t; of %+v, led %v", f.name, got, want, w.fronts, w.ledAt)
			}
		}
	}
}

// TestPortsAreGivenOnce: in any world the fronts that have no port get different ones,
// that no other has and to which nobody else's clients are led.
func TestPortsAreGivenOnce(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	const most = 12
	within := PortRange{1, most}
	for range 2000 {
		w := someWorld(random, 1+random.IntN(6), 3)
		unseen := map[types.NamespacedName]given{{Name: "unseen"}: {port: int32(1 + random.IntN(4))}}
		p := portsOf(w, unseen, within.First)
		has := map[int32]types.NamespacedName{}
		for name, g := range unseen {
			has[g.port] = name
		}
		for _, f := range w.fronts {
			if p.has(&f) {
				has[f.port] = f.name
			}
		}
		for _, f := range w.fronts {
			if p.has(&f) {
				continue
			}
			port := p.free(&f, within)
			if other, taken := has[port]; port == 0 || taken {
				t.Fatalf("front %s gets port %d, which is that of %q; of %+v, led %v", f.name, port, other, w.fronts, w.ledAt)
			}
			has[port] = f.name
			if slices.ContainsFunc(w.ledAt[port], func(name types.NamespacedName) bool { return name != f.name }) {
				t.Fatalf("front %s gets port %d, to which clients are led of %v", f.name, port, w.ledAt[port])
			}
		}
	}
}

// TestAPortThatIsLeftRests: nobody gets a port that was another front's a moment ago; the
// front itself gets it again.
func TestAPortThatIsLeftRests(t *testing.T) {
	now := time.Unix(0, 0)
	s := New(Options{Ports: PortRange{1, 9}, Now: func() time.Time { return now }})
	one, two := front{name: types.NamespacedName{Name: "one"}, uid: "1"}, front{name: types.NamespacedName{Name: "two"}, uid: "2"}
	tick := func(fronts ...front) *ports {
		w := &world{fronts: map[types.NamespacedName]front{}}
		for _, f := range fronts {
			w.fronts[f.name] = f
		}
		return s.findPorts(w, nil)
	}
	had := one
	had.port = 1
	tick(had)
	for _, after := range []time.Duration{0, restTime - time.Second} {
		now = time.Unix(0, 0).Add(after)
		if port := tick(two).free(&two, s.options.Ports); port != 2 {
			t.Errorf("after %s another front gets port %d", after, port)
		}
		if port := tick(one).free(&one, s.options.Ports); port != 1 {
			t.Errorf("after %s the front gets port %d", after, port)
		}
	}
	now = time.Unix(0, 0).Add(restTime)
	if port := tick(two).free(&two, s.options.Ports); port != 1 {
		t.Errorf("after %s another front gets port %d", restTime, port)
	}
}

// TestAnOperatorThatBeginsKnowsWhatRests: it gives nobody a port at which activators still
// serve another Service, and gives that one its own.
func TestAnOperatorThatBeginsKnowsWhatRests(t *testing.T) {
	now := time.Unix(0, 0)
	s := New(Options{Ports: PortRange{1, 9}, Now: func() time.Time { return now }})
	named := func(name string, port int32) front {
		return front{name: types.NamespacedName{Namespace: "ns", Name: name}, uid: types.UID(name), port: port}
	}
	one, two, three := named("one", 0), named("two", 0), named("three", 2)
	serve := map[string]scaling.Report{"10.0.0.1": {Ports: map[string]int32{"ns/one": 1, "ns/three": 2}}}
	ports := func(kept map[string]scaling.Report) *ports {
		w := &world{fronts: map[types.NamespacedName]front{three.name: three}}
		return s.findPorts(w, kept)
	}
	if p := ports(serve).free(&two, s.options.Ports); p != 3 {
		t.Errorf("another Service gets port %d", p)
	}
	if p := ports(nil).free(&one, s.options.Ports); p != 1 {
		t.Errorf("a Service that is served gets port %d", p)
	}
	now = now.Add(restTime)
	if p := ports(nil).free(&two, s.options.Ports); p != 1 {
		t.Errorf("when it has rested another Service gets port %d", p)
	}
}

// someWorld is one of fronts that are copies of each other, and of Services that are no
// fronts any more.
func someWorld(random *rand.Rand, fronts, ports int) *world {
	w := &world{fronts: map[types.NamespacedName]front{}, ledAt: map[int32][]types.NamespacedName{}}
	for i := range fronts {
		name := types.NamespacedName{Name: fmt.Sprint(i)}
		w.fronts[name] = front{name: name, uid: types.UID(name.Name), made: int64(random.IntN(3)), port: int32(random.IntN(ports + 1))}
		if port := int32(random.IntN(ports + 1)); port > 0 {
			w.ledAt[port] = append(w.ledAt[port], name)
		}
	}
	if port := int32(random.IntN(ports + 1)); port > 0 {
		w.ledAt[port] = append(w.ledAt[port], types.NamespacedName{Name: "was"})
	}
	return w
}

// BenchmarkPorts is what it takes at a tick to find out who has which port, of fronts of
// which half have none yet: the time for each front does not grow with their number.
func BenchmarkPorts(b *testing.B) {
	for _, n := range []int{50, 500, 5000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			w := &world{fronts: map[types.NamespacedName]front{}, ledAt: map[int32][]types.NamespacedName{}}
			for i := range n {
				f := front{name: types.NamespacedName{Namespace: "ns", Name: fmt.Sprint(i)}, uid: types.UID(fmt.Sprint(i))}
				if i%2 == 0 {
					f.port = int32(20000 + i)
					w.ledAt[f.port] = append(w.ledAt[f.port], f.name)
				}
				w.fronts[f.name] = f
			}
			within := PortRange{20000, 29999}
			for b.Loop() {
				p := portsOf(w, nil, within.First)
				for _, f := range w.fronts {
					if !p.has(&f) && p.free(&f, within) == 0 {
						b.Fatal("no port is left")
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/front")
		})
	}
}

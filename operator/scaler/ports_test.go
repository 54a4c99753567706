package scaler

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"k8s.io/apimachinery/pkg/types"
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

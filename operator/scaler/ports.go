package scaler

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/types"

	"github.com/prime-radiant/radiant/scaling"
)

// PortRange is a range of TCP ports.
type PortRange struct{ First, Last int32 }

// ParsePortRange reads "20000-29999".
func ParsePortRange(text string) (PortRange, error) {
	first, last, ok := strings.Cut(text, "-")
	a, errA := strconv.ParseUint(first, 10, 16)
	b, errB := strconv.ParseUint(last, 10, 16)
	if !ok || errA != nil || errB != nil || a == 0 || a > b {
		return PortRange{}, fmt.Errorf("%q is not a range of ports such as 20000-29999", text)
	}
	return PortRange{int32(a), int32(b)}, nil
}

func (r PortRange) has(port int32) bool { return r.First <= port && port <= r.Last }

// errNoPort says that all ports of the range are taken.
var errNoPort = errors.New("all ports at which activators may take requests are taken; widen --activator-ports")

// given is a port that was written, and the version of the Service that the cache
// showed then: as long as it shows that one, there is nothing to write again.
type given struct {
	port    int32
	version string
}

// ports are who has which port at a tick. They are found out once for all fronts.
type ports struct {
	// holders are the fronts that have a port, of those whose annotations name it: the
	// one whose clients are led there, or, of several or none, the oldest. A Service may
	// be a copy of another, with its annotations, or a front again that was one before.
	holders map[int32]holder
	// led are the ports to which clients of one Service alone are led.
	led map[types.NamespacedName]int32
	// taken are those that no front gets: one has it, or clients are led there.
	taken map[int32]bool
	// next is below all ports that may be free.
	next int32
}

// holder is a front that has a port.
type holder struct {
	made int64
	uid  types.UID
}

func (h holder) isOlder(other holder) bool {
	return h.made < other.made || h.made == other.made && h.uid < other.uid
}

// portsOf finds out who has which port; given are those that the world may not show yet.
func portsOf(w *world, given map[types.NamespacedName]given, first int32) *ports {
	p := &ports{holders: make(map[int32]holder, len(w.fronts)), led: make(map[types.NamespacedName]int32, len(w.ledAt)), taken: make(map[int32]bool, len(w.fronts)), next: first}
	promised := map[int32]bool{}
	for _, g := range given {
		p.taken[g.port], promised[g.port] = true, true
	}
	for port, led := range w.ledAt {
		p.taken[port] = true
		if !promised[port] && !slices.ContainsFunc(led, func(name types.NamespacedName) bool { return name != led[0] }) {
			p.led[led[0]] = port
		}
	}
	for name, f := range w.fronts {
		if f.port == 0 {
			continue
		}
		p.taken[f.port] = true
		if led := w.ledAt[f.port]; len(led) > 0 && !slices.Contains(led, name) {
			continue
		}
		one := holder{f.made, f.uid}
		if before, ok := p.holders[f.port]; !ok || one.isOlder(before) {
			p.holders[f.port] = one
		}
	}
	return p
}

// has reports whether a front has the port that its annotation names.
func (p *ports) has(f *front) bool {
	holder, ok := p.holders[f.port]
	return ok && holder.uid == f.uid
}

// free takes a port for a front: the one to which its clients are led, and nobody
// else's, or else the lowest that is free; 0: none is.
func (p *ports) free(f *front, within PortRange) int32 {
	if port, ok := p.led[f.name]; ok && within.has(port) {
		if _, held := p.holders[port]; !held {
			delete(p.led, f.name)
			return port
		}
	}
	for ; within.has(p.next); p.next++ {
		if !p.taken[p.next] {
			p.taken[p.next] = true
			return p.next
		}
	}
	return 0
}

// givePort gives a front the port at which activators take its requests.
func (s *Scaler) givePort(ctx context.Context, f *front, a *answers) error {
	if a.ports.has(f) {
		delete(s.ports, f.name)
		return nil
	}
	before := s.ports[f.name]
	port := before.port
	if port == 0 || port == f.port { // What was given is another's.
		port = a.ports.free(f, s.options.Ports)
	}
	if port == 0 {
		return errNoPort
	}
	f.port = port
	if before.version == f.version {
		return nil
	}
	s.ports[f.name] = given{port: port}
	if err := s.annotate(ctx, f, scaling.AnnotationFrontPort, port); err != nil {
		return err
	}
	s.ports[f.name] = given{port, f.version}
	return nil
}

// forgetPorts forgets the ports that were given to what is no front any more.
func (s *Scaler) forgetPorts(w *world) {
	maps.DeleteFunc(s.ports, func(name types.NamespacedName, _ given) bool {
		_, is := w.fronts[name]
		return !is
	})
}

package scaler

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

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
var errNoPort = fmt.Errorf("all ports at which activators may take requests are taken, or were less than %.0f s ago; widen --activator-ports", restTime.Seconds())

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
	// taken are those that no front gets, with the Service whose they are: one has it, or
	// clients are led there.
	taken map[int32]types.NamespacedName
	// rest are the ports that were somebody's a moment ago, and before those of fronts.
	rest   map[int32]rested
	before map[types.NamespacedName]int32
	// next is below all ports that may be free.
	next int32
}

// rested is a port that was a front's until a time.
type rested struct {
	of    types.NamespacedName
	until time.Time
}

// restTime is how long a port is nobody's after it was a front's, which alone may have it
// again: gateways that have not heard of the end of a front must not bring its requests
// to another one. Activators serve what is left for less.
const restTime = 30 * time.Second

// findPorts finds out at a tick who has which port, and which rest: those that were
// somebody's at the tick before and are nobody's now, and those at which activators, of
// which these are the reports, still serve what was a front, since an operator that has just
// begun knows of no tick before.
func (s *Scaler) findPorts(w *world, kept map[string]scaling.Report) *ports {
	now, p := s.now(), portsOf(w, s.ports, s.options.Ports.First)
	maps.DeleteFunc(s.rest, func(_ int32, r rested) bool { return now.Sub(r.until) >= restTime })
	for port, name := range s.taken {
		if !p.isTaken(port) {
			s.rest[port] = rested{name, now}
		}
	}
	for _, report := range kept {
		for key, port := range report.Ports {
			if !p.isTaken(port) {
				namespace, name, _ := strings.Cut(key, "/")
				s.rest[port] = rested{types.NamespacedName{Namespace: namespace, Name: name}, now}
			}
		}
	}
	s.taken, p.rest = p.taken, s.rest
	for port, r := range s.rest {
		p.before[r.of] = port
	}
	return p
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
	p := &ports{
		before: map[types.NamespacedName]int32{}, next: first, holders: make(map[int32]holder, len(w.fronts)),
		led: make(map[types.NamespacedName]int32, len(w.ledAt)), taken: make(map[int32]types.NamespacedName, len(w.fronts)),
	}
	promised := map[int32]bool{}
	for _, g := range given {
		promised[g.port] = true
	}
	for port, led := range w.ledAt {
		p.taken[port] = led[0]
		if !promised[port] && !slices.ContainsFunc(led, func(name types.NamespacedName) bool { return name != led[0] }) {
			p.led[led[0]] = port
		}
	}
	for name, f := range w.fronts {
		if f.port == 0 {
			continue
		}
		p.taken[f.port] = name
		if led := w.ledAt[f.port]; len(led) > 0 && !slices.Contains(led, name) {
			continue
		}
		one := holder{f.made, f.uid}
		if before, ok := p.holders[f.port]; !ok || one.isOlder(before) {
			p.holders[f.port] = one
		}
	}
	for name, g := range given {
		p.taken[g.port] = name
	}
	return p
}

// isTaken reports whether no front gets a port.
func (p *ports) isTaken(port int32) bool {
	_, taken := p.taken[port]
	return taken
}

// has reports whether a front has the port that its annotation names.
func (p *ports) has(f *front) bool {
	holder, ok := p.holders[f.port]
	return ok && holder.uid == f.uid
}

// free takes a port for a front: the one to which its clients are led, and nobody
// else's, or that it had a moment ago, or else the lowest that is free; 0: none is.
func (p *ports) free(f *front, within PortRange) int32 {
	if port, ok := p.led[f.name]; ok && within.has(port) {
		if _, held := p.holders[port]; !held {
			delete(p.led, f.name)
			return port
		}
	}
	if port, ok := p.before[f.name]; ok && within.has(port) && !p.isTaken(port) {
		return port
	}
	for within.has(p.next) {
		port := p.next
		p.next++
		if _, rests := p.rest[port]; !rests && !p.isTaken(port) {
			return port
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

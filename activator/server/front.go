package server

import (
	"cmp"
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prime-radiant/radiant/activator/hold"
	"github.com/prime-radiant/radiant/scaling"
)

// errLeft is of a request to a Service that is no front any more.
var errLeft = errors.New("this Service is no longer led to the activator")

// front is a Service whose requests come here. Its pods are followed while there are
// requests, and for a while after.
type front struct {
	activator *Activator
	key       string
	port      int
	listener  net.Listener
	queue     *hold.Queue
	// held are the requests that no pod has yet.
	held *scaling.Meter
	// position is which of its activators this one is.
	position atomic.Pointer[Position]
	// left is set when it is no front any more and clients are, or may be, still led
	// here; unled is since when none should be. Its activator's mu holds both.
	left  bool
	unled time.Time

	mu   sync.Mutex
	spec Front
	// users are the requests under way, used is when there was one last.
	users int
	used  time.Time
	// stop ends the following of its pods; nil: nobody follows.
	stop context.CancelFunc
	// listed is set when it is known which pods there are.
	listed bool
	pods   map[string]*pod // by IP
	// by is the way of the request that waits.
	by string
	// asleep is set while requests wait and there is no pod.
	asleep bool
	closed bool
	// over is set when nobody makes pods for its requests any more.
	over bool

	conns conns
}

func newFront(a *Activator, spec Front, l net.Listener) *front {
	f := &front{
		activator: a, key: spec.key(), port: spec.Port, listener: l, held: scaling.NewMeter(time.Now), spec: spec,
		pods: map[string]*pod{},
	}
	f.queue = hold.New(f.limits(), int(spec.ContainerConcurrency))
	return f
}

// limits are those of the requests that wait.
func (f *front) limits() hold.Limits {
	l := hold.Limits{Most: f.activator.options.Most, Patience: f.activator.options.Patience}
	if f.spec.Timeout.Duration > 0 {
		l.Patience = f.spec.Timeout.Duration
	}
	return l
}

// change takes over what is said of the front now.
func (f *front) change(spec Front) {
	f.mu.Lock()
	defer f.mu.Unlock()
	old := f.spec
	f.spec = spec
	f.queue.Bound(f.limits(), int(spec.ContainerConcurrency))
	if f.stop != nil && !sameLabels(old.Selector, spec.Selector) {
		f.follow()
	}
}

func sameLabels(a, b map[string]string) bool {
	if len(a) != len(b) {
		return false
	}
	for key, value := range a {
		if other, ok := b[key]; !ok || other != value {
			return false
		}
	}
	return true
}

// close lets no more requests in.
func (f *front) close() {
	_ = f.listener.Close()
	f.conns.end()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed, f.asleep = true, false // Another front may wake the Service from now on.
	if f.users == 0 {
		f.unfollow()
	}
	f.activator.wakes.remove(f.key)
}

// end says that the front is closed and that nobody makes pods for it any more: what waits
// is turned away unless there are some.
func (f *front) end() {
	f.mu.Lock()
	f.over = true
	f.mu.Unlock()
	f.look()
}

func (f *front) place(p Position) {
	if old := f.position.Swap(&p); old == nil || *old != p {
		f.mu.Lock()
		f.serveReady()
		f.mu.Unlock()
	}
}

// led reports whether clients of the front are led here.
func (f *front) led() bool {
	p := f.position.Load()
	return p != nil && p.Among > 0
}

// address is where a pod takes requests that come in a way.
func (f *front) address(ip, by string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	port := cmp.Or(f.spec.HTTPPort, f.spec.GRPCPort)
	if by == byGRPC {
		port = cmp.Or(f.spec.GRPCPort, f.spec.HTTPPort)
	}
	return net.JoinHostPort(ip, strconv.Itoa(int(port)))
}

// patience is how long a request waits.
func (f *front) patience() time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.limits().Patience
}

// use is told of a request, which [front.leave] ends.
func (f *front) use() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.users++
	if f.stop == nil && !f.closed {
		f.follow()
	}
}

func (f *front) leave() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.users--
	f.used = time.Now()
	if f.closed && f.users == 0 {
		f.unfollow()
	}
}

// arrived is told that a request waits.
func (f *front) arrived(by string) {
	f.mu.Lock()
	f.by = by
	f.mu.Unlock()
	f.look()
}

// look finds out whether requests wait for a pod and there is none.
func (f *front) look() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.over && f.listed && len(f.pods) == 0 {
		f.queue.Refuse(errLeft)
	}
	asleep := f.listed && len(f.pods) == 0 && f.held.Load().InFlight > 0 && !f.closed
	if asleep == f.asleep {
		return
	}
	f.asleep = asleep
	if asleep {
		f.activator.wakes.add(scaling.Wake{Front: f.key, By: f.by})
	} else {
		f.activator.wakes.remove(f.key)
	}
}

// why says what keeps pods from being ready.
func (f *front) why() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.pods) == 0 {
		if !f.listed {
			return "no pod became ready in time: it is not known which there are"
		}
		return "no pod became ready in time: Deployment " + f.spec.Deployment + " has none"
	}
	var all []string
	for _, p := range f.pods {
		text := "pod " + p.Name
		switch {
		case p.ready:
			text += " answers as many requests as it may"
		case p.Trouble != "":
			text += ": " + p.Trouble
		case p.failure != "":
			text += " is not ready: " + p.failure
		default:
			text += " is not ready"
		}
		all = append(all, text)
	}
	slices.Sort(all)
	return "no pod became ready in time: " + strings.Join(all, "; ")
}

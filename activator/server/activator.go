// Package server keeps the requests to Services whose pods are away, or too few,
// has pods made, and hands the requests on as soon as one is ready
// ([decision 20]). It listens at a port for each such Service, for REST and gRPC
// alike, and knows what runs in the cluster from a [Cluster].
//
// [decision 20]: docs/decisions/0020-scaling-by-requests.md
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/prime-radiant/radiant/scaling"
)

// Options are what an activator depends on.
type Options struct {
	// Host is the address to listen on; empty: all interfaces.
	Host string
	// Most are the requests of one front that may wait; Bytes is what the bodies of
	// all that wait may take; Patience is how long one waits where its front does not
	// say.
	Most     int
	Bytes    int64
	Patience time.Duration
	// Leave bounds the time from the end of Run's context until nobody is led here
	// any more, Drain the time that requests then have to end.
	Leave, Drain time.Duration
	// Settled is how long nobody has to be led here before a listener closes: it takes a
	// while until every node and every gateway has heard. Traefik, for one, looks at what
	// has changed each 2 s (providersThrottleDuration).
	Settled time.Duration
	Cluster Cluster
	// Process names this run of the program.
	Process  string
	Registry prometheus.Registerer
	Log      *slog.Logger
}

// Cluster tells of pods.
type Cluster interface {
	// Follow tells of the pods with these labels, at first and whenever they change,
	// until ctx ends.
	Follow(ctx context.Context, namespace string, labels map[string]string, told func([]Pod))
}

// Front is a Service whose requests come here.
type Front struct {
	Namespace, Name string
	// Port is where its requests come in.
	Port int
	scaling.Front
}

func (f *Front) key() string { return f.Namespace + "/" + f.Name }

// Position says which of the activators of a front this one is; Among is 0 if it is
// none of them, so that clients should find another way.
type Position struct{ Index, Among int }

// Activator is made by [New].
type Activator struct {
	options Options
	began   time.Time
	server  *http.Server
	onward  onward
	memory  *budget
	meters  *meters
	wakes   *wakes
	// draining is set when this program is to end.
	draining atomic.Bool

	mu     sync.Mutex
	fronts map[string]*front
	// placed is what [Activator.Place] said last.
	placed map[string]Position
	// closed is set when no more fronts are taken.
	closed bool
}

// New makes an activator without fronts.
func New(o Options) (*Activator, error) {
	a := &Activator{
		options: o, began: time.Now(), onward: newOnward(), memory: &budget{limit: o.Bytes}, wakes: newWakes(),
		fronts: map[string]*front{},
	}
	a.server = &http.Server{
		Handler: http.HandlerFunc(a.serve), Protocols: new(http.Protocols),
		ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: maxStreams, MaxReceiveBufferPerConnection: connWindow, MaxReceiveBufferPerStream: streamWindow,
		},
		ErrorLog: slog.NewLogLogger(o.Log.Handler(), slog.LevelDebug),
		// Whose request it is says the listener that took its connection. The port would
		// not do: a later front may get it, while connections to the former are kept.
		BaseContext: func(l net.Listener) context.Context {
			return context.WithValue(context.Background(), frontKey{}, l.(frontListener).front)
		},
		ConnContext: func(ctx context.Context, c net.Conn) context.Context { return context.WithValue(ctx, connKey{}, c) },
	}
	a.server.Protocols.SetHTTP1(true)
	a.server.Protocols.SetUnencryptedHTTP2(true)
	var err error
	a.meters, err = newMeters(o.Registry, a)
	return a, err
}

type (
	frontKey struct{}
	connKey  struct{}
)

const (
	headerTimeout = 60 * time.Second
	// idleTimeout is longer than gateways keep their connections, as an executor's is.
	idleTimeout = 100 * time.Second
	maxStreams  = 1000
	// streamWindow and connWindow are the bytes that may be under way to us, as an
	// executor's are.
	streamWindow = 1 << 20
	connWindow   = 4 << 20
)

// Set says which fronts there are. One that there is no more is served for as long as
// clients are led here, as [Activator.Place] says, and for [Options.Settled] after. A front
// that cannot be listened for is an error, and is tried again by the next call.
func (a *Activator) Set(list []Front) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return nil
	}
	wanted, ports := map[string]*Front{}, map[int]string{}
	for i := range list {
		wanted[list[i].key()] = &list[i]
		ports[list[i].Port] = list[i].key()
	}
	for key, f := range a.fronts {
		to, taken := wanted[key], ports[f.port]
		switch {
		case to != nil && to.Port == f.port:
		case to == nil && taken == "":
			f.left = true
		default:
			f.close()
			delete(a.fronts, key)
		}
	}
	a.closeLeft()
	var errs []error
	for key, spec := range wanted {
		if f := a.fronts[key]; f != nil {
			f.left, f.unled = false, time.Time{}
			f.change(*spec)
			continue
		}
		l, err := net.Listen("tcp", net.JoinHostPort(a.options.Host, strconv.Itoa(spec.Port)))
		if err != nil {
			errs = append(errs, fmt.Errorf("listening for %s: %w", key, err))
			continue
		}
		f := newFront(a, *spec, l)
		if at, ok := a.placed[key]; ok {
			f.place(at)
		}
		a.fronts[key] = f
		go func() { _ = a.server.Serve(frontListener{l, f}) }() // It ends with the listener.
	}
	return errors.Join(errs...)
}

// Place says where fronts lead that are led here, by namespace/name.
func (a *Activator) Place(at map[string]Position) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.placed = at
	for key, f := range a.fronts {
		f.place(at[key])
	}
	a.closeLeft()
}

// closeLeft ends what is no front any more and to which nobody has been led for a while.
// The caller holds mu.
func (a *Activator) closeLeft() {
	now, again := time.Now(), false
	for key, f := range a.fronts {
		switch {
		case !f.left || f.led():
			f.unled = time.Time{}
		case f.unled.IsZero():
			f.unled, again = now, true
		case now.Sub(f.unled) >= a.options.Settled:
			f.close()
			if !a.draining.Load() { // Then others may still be led to.
				f.end()
			}
			delete(a.fronts, key)
		}
	}
	if again {
		// Once for all of them: there may be thousands.
		time.AfterFunc(a.options.Settled, func() {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.closeLeft()
		})
	}
}

func (a *Activator) all() []*front {
	a.mu.Lock()
	defer a.mu.Unlock()
	list := make([]*front, 0, len(a.fronts))
	for _, f := range a.fronts {
		list = append(list, f)
	}
	return list
}

// serve answers a request by the front that it came to.
func (a *Activator) serve(w http.ResponseWriter, r *http.Request) {
	f := r.Context().Value(frontKey{}).(*front)
	if c, ok := r.Context().Value(connKey{}).(*frontConn); ok {
		c.busy.Add(1)
		defer c.done()
	}
	// A connection stays when its front has another port: it goes on with the front that
	// the Service has now.
	a.mu.Lock()
	f, there := a.fronts[f.key]
	a.mu.Unlock()
	if !there {
		// Its listener is closed, and this connection is left.
		w.Header().Set("Connection", "close")
		refuse(w, r, errLeft.Error())
		return
	}
	f.serve(w, r)
}

// Run serves until ctx ends. Then it goes on until nobody is led here any more,
// and lets the requests end that it has.
func (a *Activator) Run(ctx context.Context) error {
	<-ctx.Done()
	a.draining.Store(true)
	a.options.Log.Info("draining", "leave", a.options.Leave.String(), "drain", a.options.Drain.String())
	a.leave()
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	end, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.options.Drain)
	defer cancel()
	err := a.server.Shutdown(end)
	for _, f := range a.all() {
		f.close()
	}
	if err != nil {
		_ = a.server.Close()
		return fmt.Errorf("requests were still in flight after %s", a.options.Drain)
	}
	return nil
}

// leave waits until nobody is led here.
func (a *Activator) leave() {
	end := time.Now().Add(a.options.Leave)
	var since time.Time
	for now := time.Now(); now.Before(end); now = time.Now() {
		led := false
		for _, f := range a.all() {
			led = led || f.led()
		}
		switch {
		case led:
			since = time.Time{}
		case since.IsZero():
			since = now
		case now.Sub(since) >= min(a.options.Settled, a.options.Leave/2):
			return
		}
		time.Sleep(min(100*time.Millisecond, a.options.Leave/10))
	}
}

// Package scaler gives Deployments as many pods as their requests want. It asks
// executors and activators what they have to do, lets package scaling decide,
// and writes the scale subresource when the number changes. It leads the
// requests of Deployments without pods to the activators.
//
// One operator of several decides: the leader. What it knows is in memory, and
// comes back within a window when another one leads.
package scaler

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	runtimemetrics "sigs.k8s.io/controller-runtime/pkg/metrics"

	"github.com/prime-radiant/radiant/operator/events"
	"github.com/prime-radiant/radiant/scaling"
)

// FieldManager is the name under which replicas, ports and endpoints are written.
const FieldManager = "radiant-scaler"

// Options are what a scaler depends on.
type Options struct {
	Cluster *rest.Config
	Log     logr.Logger
	// Namespace is the only one that is looked at; empty: all of them. Then
	// OperatorNamespace is where the activators' Service is.
	Namespace, OperatorNamespace string
	// Ports are those at which activators take requests, one for each front.
	Ports PortRange
	// Tick is the time between two decisions; 0: that of package scaling.
	Tick time.Duration
	// Now is the clock; nil: the machine's.
	Now func() time.Time
	// Dial connects to executors and activators; nil: as the system does.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Said is what was decided last about a Deployment.
type Said struct {
	Desired int32
	// Reason is a word, Message a sentence.
	Reason, Message string
}

// Scaler decides for all Deployments of a cluster that have a policy.
type Scaler struct {
	options  Options
	log      logr.Logger
	now      func() time.Time
	asker    *asker
	reader   cache.Cache
	client   client.Client
	recorder events.Recorder
	metrics  *metrics
	streams  *streams

	// changes counts those of what the cache has, and seen is the world as it was read last.
	changes atomic.Int64
	seen    *world
	// workloadsRead and frontsRead are what was read at the tick before: most objects have
	// not changed since.
	workloadsRead map[types.NamespacedName]workload
	frontsRead    map[types.NamespacedName]front
	// components are by the Deployment. Only run uses them.
	components map[types.NamespacedName]*component
	// ports are those given to fronts that the cache may not show yet.
	ports map[types.NamespacedName]given
	// taken are the ports that were somebody's at the tick before, and rest those that were a
	// moment ago.
	taken map[int32]types.NamespacedName
	rest  map[int32]rested
	// posted are the EndpointSlices that the cache may not show yet.
	posted map[types.NamespacedName]posted
	// left is since when EndpointSlices lead Services to activators that are no
	// fronts any more.
	left map[types.UID]time.Time
	// missed is how many reports in a row activators have missed, by address.
	missed map[string]int

	// changed is called with each SeldonDeployment of which [Scaler.Kept], or the
	// absence of activators, says something else than before; nil: nobody is told.
	changed func(ctx context.Context, deployment types.NamespacedName)

	mu   sync.Mutex
	said map[types.NamespacedName]Said
	// keeps are the fronts, by the Service.
	keeps map[types.NamespacedName]keptFront
}

// New makes a scaler, which does nothing before [Scaler.Add].
func New(o Options) *Scaler {
	s := &Scaler{
		options: o, log: o.Log.WithName("scaler"), now: o.Now,
		components: map[types.NamespacedName]*component{}, ports: map[types.NamespacedName]given{},
		rest: map[int32]rested{}, posted: map[types.NamespacedName]posted{}, left: map[types.UID]time.Time{}, said: map[types.NamespacedName]Said{},
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.options.Tick == 0 {
		s.options.Tick = scaling.Tick
	}
	return s
}

// Add has a manager run the scaler, where it leads.
func (s *Scaler) Add(m manager.Manager) error {
	var err error
	if s.metrics, err = newMetrics(runtimemetrics.Registry); err != nil {
		return err
	}
	if s.client, err = client.New(s.options.Cluster, client.Options{HTTPClient: m.GetHTTPClient(), Scheme: m.GetScheme(), Mapper: m.GetRESTMapper()}); err != nil {
		return err
	}
	read, err := newCache(m.GetHTTPClient(), m.GetRESTMapper(), m.GetScheme(), s.options)
	if err != nil {
		return fmt.Errorf("reading what is scaled: %w", err)
	}
	s.reader, s.recorder, s.asker = read, events.New(m, FieldManager), newAsker(s.options.Dial, s.log)
	if err := s.listenTo(context.Background(), read); err != nil {
		return fmt.Errorf("reading what is scaled: %w", err)
	}
	if err := m.Add(read); err != nil {
		return err
	}
	return m.Add(manager.RunnableFunc(s.run))
}

// Said returns what was decided last about a Deployment; false: nothing yet.
func (s *Scaler) Said(deployment types.NamespacedName) (said Said, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	said, ok = s.said[deployment]
	return said, ok
}

// run decides at each tick, and wakes at once, until ctx ends.
func (s *Scaler) run(ctx context.Context) error {
	if !s.reader.WaitForCacheSync(ctx) {
		return nil // Ctx has ended.
	}
	s.streams = newStreams(s.log, s.asker.client.Client)
	ticker := time.NewTicker(s.options.Tick)
	defer ticker.Stop()
	asked := make(chan answers, 1)
	asking := false
	var before time.Time
	for {
		select {
		case <-ctx.Done():
			s.streams.close()
			return nil
		case <-ticker.C:
			if asking {
				continue // The pods are slow to answer: what they say now is for two ticks.
			}
			w, err := s.look(ctx)
			if err != nil {
				s.log.Error(err, "what is scaled cannot be read")
				continue
			}
			s.streams.follow(ctx, w.activators)
			asking = true
			now, seconds := s.now(), 0.0
			if !before.IsZero() {
				seconds = now.Sub(before).Seconds()
			}
			before = now
			go func() {
				a := s.asker.ask(ctx, w)
				a.seconds = seconds
				asked <- a
			}()
		case a := <-asked:
			asking = false
			s.decide(ctx, a)
		case wake := <-s.streams.wakes:
			s.wake(ctx, wake)
		}
	}
}

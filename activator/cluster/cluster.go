// Package cluster tells an activator of the fronts and the pods of a Kubernetes
// cluster. It reads, and writes nothing.
package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/prime-radiant/radiant/activator/server"
	"github.com/prime-radiant/radiant/scaling"
)

// Options are what a cluster is read by.
type Options struct {
	Config *rest.Config
	// Namespace is the only one that is read; empty: all.
	Namespace string
	// Address is the IP by which clients are led to this activator.
	Address string
	Log     *slog.Logger
}

// Cluster implements [server.Cluster].
type Cluster struct {
	options Options
	scheme  *runtime.Scheme
	mapper  meta.RESTMapper
	synced  atomic.Bool
}

// New makes one that has read nothing yet.
func New(o Options) (*Cluster, error) {
	c := &Cluster{options: o, scheme: runtime.NewScheme()}
	for _, add := range []func(*runtime.Scheme) error{corev1.AddToScheme, discoveryv1.AddToScheme} {
		if err := add(c.scheme); err != nil {
			return nil, fmt.Errorf("listing kinds: %w", err)
		}
	}
	// The kinds are known: nobody needs to ask the API server for them.
	m := meta.NewDefaultRESTMapper(nil)
	for _, list := range []string{"", "List"} { // A cache of one namespace looks up lists as well.
		for _, kind := range []string{"Service", "Pod"} {
			m.Add(corev1.SchemeGroupVersion.WithKind(kind+list), meta.RESTScopeNamespace)
		}
		m.Add(discoveryv1.SchemeGroupVersion.WithKind("EndpointSlice"+list), meta.RESTScopeNamespace)
	}
	c.mapper = m
	return c, nil
}

// Synced reports whether all fronts are known.
func (c *Cluster) Synced() bool { return c.synced.Load() }

// told is who is told of fronts: [server.Activator].
type told interface {
	Set(list []server.Front) error
	Place(at map[string]server.Position)
}

// again is how long after a change fronts are looked at, so that many changes are one,
// and retry how long after a failure.
const (
	again = 50 * time.Millisecond
	retry = 5 * time.Second
)

// Watch tells of the fronts until ctx ends.
func (c *Cluster) Watch(ctx context.Context, to told) error {
	marked := labels.SelectorFromSet(labels.Set{scaling.LabelFront: "true"})
	all, err := cache.New(c.options.Config, cache.Options{
		Scheme: c.scheme, Mapper: c.mapper, DefaultNamespaces: namespaces(c.options.Namespace), DefaultTransform: slim,
		ByObject: map[client.Object]cache.ByObject{
			&corev1.Service{}:            {Label: marked},
			&discoveryv1.EndpointSlice{}: {Label: marked},
		},
	})
	if err != nil {
		return fmt.Errorf("reading fronts: %w", err)
	}
	changed := make(chan struct{}, 1)
	for _, kind := range []client.Object{&corev1.Service{}, &discoveryv1.EndpointSlice{}} {
		informer, err := all.GetInformer(ctx, kind, cache.BlockUntilSynced(false))
		if err != nil {
			return fmt.Errorf("reading fronts: %w", err)
		}
		if _, err := informer.AddEventHandler(handler(func() {
			select {
			case changed <- struct{}{}:
			default:
			}
		})); err != nil {
			return fmt.Errorf("reading fronts: %w", err)
		}
	}
	ended := make(chan error, 1)
	go func() { ended <- all.Start(ctx) }()
	if all.WaitForCacheSync(ctx) {
		c.tellAll(ctx, all, to, changed)
	}
	return <-ended
}

// tellAll tells of the fronts at first and whenever there is a change.
func (c *Cluster) tellAll(ctx context.Context, all client.Reader, to told, changed <-chan struct{}) {
	for {
		var later <-chan time.Time
		if err := c.tell(ctx, all, to); err != nil {
			c.options.Log.Warn("fronts", "error", err.Error())
			later = time.After(retry)
		}
		c.synced.Store(true)
		select {
		case <-ctx.Done():
			return
		case <-later:
		case <-changed:
			select {
			case <-ctx.Done():
			case <-time.After(again):
			}
		}
	}
}

func (c *Cluster) tell(ctx context.Context, all client.Reader, to told) error {
	var services corev1.ServiceList
	if err := all.List(ctx, &services); err != nil {
		return fmt.Errorf("listing Services: %w", err)
	}
	var slicesOf discoveryv1.EndpointSliceList
	if err := all.List(ctx, &slicesOf); err != nil {
		return fmt.Errorf("listing EndpointSlices: %w", err)
	}
	var fronts []server.Front
	for i := range services.Items {
		front, ok, err := frontOf(&services.Items[i])
		if err != nil {
			c.options.Log.Warn("a front cannot be read", "namespace", services.Items[i].Namespace, "service", services.Items[i].Name, "error", err.Error())
		}
		if ok {
			fronts = append(fronts, front)
		}
	}
	// First where clients are led: what is no front any more is served until then.
	to.Place(places(slicesOf.Items, c.options.Address))
	return to.Set(fronts)
}

// frontOf reads a front; ok is false where there is none, or none yet.
func frontOf(s *corev1.Service) (f server.Front, ok bool, err error) {
	said, port := s.Annotations[scaling.AnnotationFront], s.Annotations[scaling.AnnotationFrontPort]
	if said == "" || port == "" || s.DeletionTimestamp != nil {
		return f, false, nil
	}
	f.Namespace, f.Name = s.Namespace, s.Name
	if err := json.Unmarshal([]byte(said), &f.Front); err != nil {
		return f, false, fmt.Errorf("reading annotation %s: %w", scaling.AnnotationFront, err)
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil || n == 0 {
		return f, false, fmt.Errorf("annotation %s: %q is not a port number", scaling.AnnotationFrontPort, port)
	}
	f.Port = int(n)
	return f, true, nil
}

// places finds the fronts that are led to an address.
func places(list []discoveryv1.EndpointSlice, address string) map[string]server.Position {
	at := map[string]server.Position{}
	for i := range list {
		var all []string
		for _, e := range list[i].Endpoints {
			all = append(all, e.Addresses...)
		}
		slices.Sort(all)
		all = slices.Compact(all)
		if index, found := slices.BinarySearch(all, address); found {
			at[list[i].Namespace+"/"+list[i].Labels[discoveryv1.LabelServiceName]] = server.Position{Index: index, Among: len(all)}
		}
	}
	return at
}

// slim keeps of an object what is read here: there may be thousands.
func slim(o any) (any, error) {
	switch o := o.(type) {
	case *corev1.Service:
		forget(&o.ManagedFields, &o.OwnerReferences)
		said := map[string]string{}
		for _, name := range []string{scaling.AnnotationFront, scaling.AnnotationFrontPort} {
			if v, ok := o.Annotations[name]; ok {
				said[name] = v
			}
		}
		o.Annotations, o.Spec, o.Status = said, corev1.ServiceSpec{}, corev1.ServiceStatus{}
	case *discoveryv1.EndpointSlice:
		forget(&o.ManagedFields, &o.OwnerReferences)
		o.Annotations, o.Ports = nil, nil
		for i := range o.Endpoints {
			o.Endpoints[i] = discoveryv1.Endpoint{Addresses: o.Endpoints[i].Addresses}
		}
	case *corev1.Pod:
		forget(&o.ManagedFields, &o.OwnerReferences)
		o.Annotations = nil
	}
	return o, nil
}

// forget empties lists that nobody reads.
func forget[A, B any](a *[]A, b *[]B) { *a, *b = nil, nil }

func namespaces(one string) map[string]cache.Config {
	if one == "" {
		return nil
	}
	return map[string]cache.Config{one: {}}
}

func handler(changed func()) toolscache.ResourceEventHandler {
	return toolscache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { changed() }, UpdateFunc: func(any, any) { changed() }, DeleteFunc: func(any) { changed() },
	}
}

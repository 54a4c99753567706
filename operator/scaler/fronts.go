package scaler

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/prime-radiant/radiant/apis/v1"
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

// errNoPort says that all ports of the range are taken.
var errNoPort = errors.New("all ports at which activators may take requests are taken; widen --activator-ports")

// lead sees to it that activators are endpoints of the fronts of a Deployment, if
// they are to keep requests, and notes the EndpointSlices that are wanted. It
// reports whether requests to all fronts are kept when there is no pod.
func (s *Scaler) lead(ctx context.Context, w *workload, world *world, keep bool, wanted map[types.NamespacedName]bool) bool {
	led := len(world.activators) > 0
	for _, name := range w.Fronts {
		f, ok := world.fronts[types.NamespacedName{Namespace: w.name.Namespace, Name: name}]
		if !ok {
			led = false // The cache has not seen it yet.
			continue
		}
		if !keep && !f.Always {
			continue
		}
		if err := s.leadFront(ctx, &f, world, wanted); err != nil {
			s.log.Error(err, "requests cannot be led to activators", "service", f.name)
			led = false
		}
		led = led && s.isLed(&f, world)
	}
	return led
}

// isLed reports whether the cache has seen that a front leads to an activator.
func (s *Scaler) isLed(f *front, world *world) bool {
	return slices.ContainsFunc(families(), func(family discoveryv1.AddressType) bool {
		slice := world.slices[f.slice(family)]
		return slice != nil && len(slice.Endpoints) > 0
	})
}

// leadFront writes the EndpointSlices of a front that differ from what they should be.
func (s *Scaler) leadFront(ctx context.Context, f *front, world *world, wanted map[types.NamespacedName]bool) error {
	if err := s.givePort(ctx, f, world); err != nil {
		return err
	}
	for _, family := range families() {
		addresses := addressesOf(world.activators, family)
		name := f.slice(family)
		live := world.slices[name]
		if len(addresses) == 0 && (live == nil || !f.Always) {
			continue
		}
		wanted[name] = true
		slice := f.endpoints(family, addresses)
		if live != nil && equality.Semantic.DeepEqual(live.Endpoints, slice.Endpoints) && equality.Semantic.DeepEqual(live.Ports, slice.Ports) {
			continue
		}
		if err := s.write(ctx, slice, live == nil); err != nil {
			return fmt.Errorf("writing EndpointSlice %s: %w", name, err)
		}
	}
	return nil
}

// write makes an EndpointSlice, or brings its endpoints and ports to what they
// should be.
func (s *Scaler) write(ctx context.Context, slice *discoveryv1.EndpointSlice, isNew bool) error {
	ctx, cancel := context.WithTimeout(ctx, writeWithin)
	defer cancel()
	if isNew {
		err := s.client.Create(ctx, slice, client.FieldOwner(FieldManager))
		if !apierrors.IsAlreadyExists(err) {
			return err
		}
	}
	base := slice.DeepCopy()
	base.Endpoints, base.Ports = nil, nil
	return s.client.Patch(ctx, slice.DeepCopy(), client.MergeFrom(base), client.FieldOwner(FieldManager))
}

// removeSlices deletes the EndpointSlices that are not wanted any more.
func (s *Scaler) removeSlices(ctx context.Context, world *world, wanted map[types.NamespacedName]bool) {
	for name, slice := range world.slices {
		if wanted[name] {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, writeWithin)
		err := s.client.Delete(ctx, &discoveryv1.EndpointSlice{ObjectMeta: metav1.ObjectMeta{Namespace: name.Namespace, Name: name.Name}},
			client.Preconditions{UID: &slice.UID})
		cancel()
		if client.IgnoreNotFound(err) != nil && !apierrors.IsConflict(err) {
			s.log.Error(err, "requests are still led to activators", "endpointSlice", name)
		}
	}
}

// olderHas reports whether an older front has the port of this one: a Service may be a
// copy of another, with its annotations.
func (w *world) olderHas(f *front) bool {
	for _, other := range w.fronts {
		if other.port == f.port && other.uid != f.uid && (other.made < f.made || other.made == f.made && other.uid < f.uid) {
			return true
		}
	}
	return false
}

// givePort gives a front the port at which activators take its requests: the
// lowest that is free.
func (s *Scaler) givePort(ctx context.Context, f *front, world *world) error {
	if f.port != 0 && !world.olderHas(f) {
		delete(s.ports, f.name)
		return nil
	}
	taken := map[int32]bool{}
	for _, other := range world.fronts {
		taken[other.port] = true
	}
	for _, port := range s.ports {
		taken[port] = true
	}
	port := s.ports[f.name]
	for n := s.options.Ports.First; port == 0 && n <= s.options.Ports.Last; n++ {
		if !taken[n] {
			port = n
		}
	}
	if port == 0 {
		return errNoPort
	}
	s.ports[f.name], f.port = port, port
	ctx, cancel := context.WithTimeout(ctx, writeWithin)
	defer cancel()
	service := serviceMeta()
	service.SetNamespace(f.name.Namespace)
	service.SetName(f.name.Name)
	patch := fmt.Appendf(nil, `{"metadata": {"uid": %q, "annotations": {%q: "%d"}}}`, f.uid, scaling.AnnotationFrontPort, port)
	if err := s.client.Patch(ctx, service, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(FieldManager)); err != nil {
		return fmt.Errorf("giving Service %s a port: %w", f.name, err)
	}
	return nil
}

func families() []discoveryv1.AddressType {
	return []discoveryv1.AddressType{discoveryv1.AddressTypeIPv4, discoveryv1.AddressTypeIPv6}
}

// addressesOf are the addresses of a family, in order.
func addressesOf(activators []activator, family discoveryv1.AddressType) []string {
	var found []string
	for _, a := range activators {
		ip, err := netip.ParseAddr(a.ip)
		if err == nil && ip.Is4() == (family == discoveryv1.AddressTypeIPv4) {
			found = append(found, a.ip)
		}
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// slice names the EndpointSlice of a family that leads a front to activators.
func (f *front) slice(family discoveryv1.AddressType) types.NamespacedName {
	return types.NamespacedName{Namespace: f.name.Namespace, Name: f.name.Name + "-activator-" + strings.ToLower(string(family))}
}

// endpoints are activators as endpoints of a front. REST and gRPC share a port.
func (f *front) endpoints(family discoveryv1.AddressType, addresses []string) *discoveryv1.EndpointSlice {
	name := f.slice(family)
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: name.Namespace, Name: name.Name,
			Labels: map[string]string{
				discoveryv1.LabelServiceName: f.name.Name, discoveryv1.LabelManagedBy: FieldManager, scaling.LabelFront: "true",
			},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "Service", Name: f.name.Name, UID: f.uid}},
		},
		AddressType: family,
	}
	for _, port := range []string{v1.HTTPPortName, v1.GRPCPortName} {
		slice.Ports = append(slice.Ports, discoveryv1.EndpointPort{Name: new(port), Protocol: new(corev1.ProtocolTCP), Port: new(f.port)})
	}
	for _, address := range addresses {
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
			Addresses: []string{address}, Conditions: discoveryv1.EndpointConditions{Ready: new(true)},
		})
	}
	return slice
}

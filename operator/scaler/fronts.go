package scaler

import (
	"context"
	"fmt"
	"hash/fnv"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/scaling"
)

// lead sees to it that activators are endpoints of the fronts of a Deployment, if
// they are to keep requests, and notes the EndpointSlices that are wanted. It
// reports whether requests to all fronts are kept when there is no pod.
func (s *Scaler) lead(ctx context.Context, w *workload, a *answers, keep bool, wanted map[types.NamespacedName]bool) bool {
	led := len(a.activators) > 0
	for _, name := range w.Fronts {
		f, ok := a.fronts[types.NamespacedName{Namespace: w.name.Namespace, Name: name}]
		if !ok {
			led = false // The cache has not seen it yet.
			continue
		}
		err := s.leadOne(ctx, &f, a, keep, wanted)
		if err != nil {
			s.log.Error(err, "requests cannot be led to activators", "service", f.name)
		}
		kept := a.keep(&f, err)
		a.keeps[f.name] = keptFront{Kept: kept, uid: f.uid, owner: w.deployment()}
		led = led && err == nil && (kept.Kept || !keep && !f.Always)
	}
	return led
}

// leadOne is [Scaler.lead] for one front.
func (s *Scaler) leadOne(ctx context.Context, f *front, a *answers, keep bool, wanted map[types.NamespacedName]bool) error {
	// Activators listen long before anybody is led to them.
	if err := s.givePort(ctx, f, a); err != nil {
		return err
	}
	if !keep && !f.Always {
		a.stayLed(f, wanted)
		return nil
	}
	return s.leadFront(ctx, f, a, wanted)
}

// posted is an EndpointSlice that was made, and that the cache may not show yet.
type posted struct {
	addresses []string
	port      int32
	at        time.Time
}

// shownWithin is how long the cache may take to show what was made. What it does not show
// then has been deleted, and is made again.
const shownWithin = 10 * time.Second

// is reports whether what was made a moment ago is what is to be made.
func (p posted) is(f *front, addresses []string, now time.Time) bool {
	return p.port == f.port && now.Sub(p.at) < shownWithin && slices.Equal(p.addresses, addresses)
}

// stayLed keeps activators among the endpoints of a front whose pods serve, until
// Kubernetes has led it to one of them.
func (w *world) stayLed(f *front, wanted map[types.NamespacedName]bool) {
	if w.toPods[f.name] {
		return
	}
	for _, family := range families() {
		if name := f.slice(family); w.slices[name] != nil {
			wanted[name] = true
		}
	}
}

// isLed reports whether the cache has seen that a front leads to an activator.
func isLed(f *front, world *world) bool {
	return slices.ContainsFunc(families(), func(family discoveryv1.AddressType) bool {
		slice := world.slices[f.slice(family)]
		return slice != nil && len(slice.Endpoints) > 0
	})
}

// leadFront writes the EndpointSlices of a front that differ from what they should be.
func (s *Scaler) leadFront(ctx context.Context, f *front, a *answers, wanted map[types.NamespacedName]bool) error {
	for _, family := range families() {
		name := f.slice(family)
		live := a.slices[name]
		addresses := a.serving(f, family)
		if len(addresses) == 0 && (live == nil || !f.Always) {
			continue
		}
		wanted[name] = true
		if live != nil {
			delete(s.posted, name)
		}
		if live != nil && f.isWritten(live, addresses) || live == nil && s.posted[name].is(f, addresses, s.now()) {
			continue
		}
		if err := s.write(ctx, f.endpoints(family, addresses), live == nil); err != nil {
			return fmt.Errorf("writing EndpointSlice %s: %w", name, err)
		}
		if live == nil {
			s.posted[name] = posted{addresses: addresses, port: f.port, at: s.now()}
		}
	}
	if f.Always && f.served != f.port && isLed(f, a.world) {
		return s.annotate(ctx, f, scaling.AnnotationFrontServed, f.port)
	}
	return nil
}

// serving are the addresses of a family at which activators serve a front: of those
// that are ready, those that tell so, and those that were led to at this port
// before, since a report may be missing. Of a front whose requests always pass them
// it is one.
func (a *answers) serving(f *front, family discoveryv1.AddressType) []string {
	key := f.name.String()
	before := a.ledTo(f, family)
	found := slices.DeleteFunc(addressesOf(a.activators, family), func(ip string) bool {
		return a.silent[ip] || a.kept[ip].Ports[key] != f.port && !slices.Contains(before, ip)
	})
	if !f.Always {
		return found
	}
	one := a.alone(f)
	return slices.DeleteFunc(found, func(ip string) bool { return a.named(ip) != one })
}

// alone is the name of the activator that takes all requests to a front: the one that
// does, as long as it is ready; or any that serves the front, another one for another
// front.
func (a *answers) alone(f *front) string {
	key, one := f.name.String(), ""
	for _, family := range families() {
		for _, ip := range a.ledTo(f, family) {
			if name := a.named(ip); name != "" && !a.silent[ip] {
				return name
			}
		}
	}
	for _, other := range a.activators {
		if a.kept[other.ip].Ports[key] == f.port && (one == "" || weight(key, other.name) > weight(key, one)) {
			one = other.name
		}
	}
	return one
}

// named is the name of the activator that has an address and is ready; empty: none is.
func (w *world) named(ip string) string {
	for _, a := range w.activators {
		if a.ip == ip {
			return a.name
		}
	}
	return ""
}

// ledTo are the addresses of a family that a front leads to now, at its port.
func (w *world) ledTo(f *front, family discoveryv1.AddressType) []string {
	live := w.slices[f.slice(family)]
	if live == nil || len(live.Ports) == 0 || live.Ports[0].Port == nil || *live.Ports[0].Port != f.port {
		return nil
	}
	var all []string
	for _, e := range live.Endpoints {
		all = append(all, e.Addresses...)
	}
	return all
}

// weight orders activators for a front, each front in its own way.
func weight(front, activator string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(front + " " + activator)) // It never fails.
	return h.Sum64()
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
			delete(s.left, slice.UID)
			continue
		}
		if s.isLastWay(ctx, world, slice) {
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
	maps.DeleteFunc(s.posted, func(name types.NamespacedName, _ posted) bool { return !wanted[name] })
	there := map[types.UID]bool{}
	for _, slice := range world.slices {
		there[slice.UID] = true
	}
	maps.DeleteFunc(s.left, func(uid types.UID, _ time.Time) bool { return !there[uid] })
}

// leftWithin is how long an EndpointSlice stays at most that leads a Service to
// activators which is no front any more: as long as its first pod may take.
const leftWithin = initialWithin

// isLastWay reports whether a Service that is no front any more does not lead to a pod
// yet: Kubernetes has to find the pods of its selector first.
func (s *Scaler) isLastWay(ctx context.Context, world *world, slice *discoveryv1.EndpointSlice) bool {
	of := types.NamespacedName{Namespace: slice.Namespace, Name: slice.Labels[discoveryv1.LabelServiceName]}
	if _, is := world.fronts[of]; is {
		delete(s.left, slice.UID)
		return false
	}
	now := s.now()
	if _, ok := s.left[slice.UID]; !ok {
		s.left[slice.UID] = now
	}
	if now.Sub(s.left[slice.UID]) > leftWithin {
		return false
	}
	ctx, cancel := context.WithTimeout(ctx, writeWithin)
	defer cancel()
	// Its own EndpointSlices have lost the label with the Service, so that the cache
	// does not have them.
	var all discoveryv1.EndpointSliceList
	if err := s.client.List(ctx, &all, client.InNamespace(of.Namespace), client.MatchingLabels{discoveryv1.LabelServiceName: of.Name}); err != nil {
		s.log.Error(err, "it is not known where a Service leads", "service", of)
		return true
	}
	return !slices.ContainsFunc(all.Items, func(other discoveryv1.EndpointSlice) bool {
		return other.Labels[discoveryv1.LabelManagedBy] != FieldManager && slices.ContainsFunc(other.Endpoints, isServing)
	})
}

// annotate writes a port into an annotation of a front.
func (s *Scaler) annotate(ctx context.Context, f *front, annotation string, port int32) error {
	ctx, cancel := context.WithTimeout(ctx, writeWithin)
	defer cancel()
	service := serviceMeta()
	service.SetNamespace(f.name.Namespace)
	service.SetName(f.name.Name)
	patch := fmt.Appendf(nil, `{"metadata": {"uid": %q, "annotations": {%q: "%d"}}}`, f.uid, annotation, port)
	if err := s.client.Patch(ctx, service, client.RawPatch(types.MergePatchType, patch), client.FieldOwner(FieldManager)); err != nil {
		return fmt.Errorf("writing annotation %s of Service %s: %w", annotation, f.name, err)
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

// isWritten reports whether an EndpointSlice is as [front.endpoints] makes it. It is asked
// of all fronts at each tick.
func (f *front) isWritten(live *discoveryv1.EndpointSlice, addresses []string) bool {
	names := portNames()
	if len(live.Endpoints) != len(addresses) || len(live.Ports) != len(names) {
		return false
	}
	for i, e := range live.Endpoints {
		if len(e.Addresses) != 1 || e.Addresses[0] != addresses[i] || e.Conditions.Ready == nil || !*e.Conditions.Ready {
			return false
		}
	}
	for i, p := range live.Ports {
		if p.Name == nil || *p.Name != names[i] || p.Port == nil || *p.Port != f.port || p.Protocol == nil || *p.Protocol != corev1.ProtocolTCP {
			return false
		}
	}
	return true
}

// portNames are those of the ports of a front.
func portNames() [2]string { return [...]string{v1.HTTPPortName, v1.GRPCPortName} }

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
	for _, port := range portNames() {
		slice.Ports = append(slice.Ports, discoveryv1.EndpointPort{Name: new(port), Protocol: new(corev1.ProtocolTCP), Port: new(f.port)})
	}
	for _, address := range addresses {
		slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
			Addresses: []string{address}, Conditions: discoveryv1.EndpointConditions{Ready: new(true)},
		})
	}
	return slice
}

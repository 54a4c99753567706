package controller

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/operator/reach"
)

// addresses knows where ways take requests: what the installation says, else
// what the status of an object says. Objects are read one by one, since most
// installations have one Gateway, which may be anywhere in the cluster.
type addresses struct{ objects client.Reader }

// targets says where a question is to be sent.
func (a addresses) targets(ctx context.Context, namespace string, q expand.Question) ([]reach.Target, error) {
	if q.Obstacle != "" {
		return nil, errors.New(q.Obstacle)
	}
	var places []place
	var err error
	switch {
	case q.Address != "":
		var p place
		p, err = parsePlace(q.Address)
		places = []place{p}
	case q.Ingress != "":
		places, err = a.ofIngress(ctx, types.NamespacedName{Namespace: namespace, Name: q.Ingress})
	default:
		places, err = a.ofGateways(ctx, q.Gateways, routeKind(q))
	}
	if err == nil && len(places) == 0 {
		err = errors.New("nothing says where it takes requests")
	}
	if err != nil {
		return nil, fmt.Errorf("%w; %s can", err, q.Setting)
	}
	targets := make([]reach.Target, len(places))
	for i, p := range places {
		to := url.URL{Scheme: p.scheme, Host: cmp.Or(q.Host, p.host, p.address), Path: q.Path}
		targets[i] = reach.Target{URL: to.String(), Address: p.address, Headers: q.Headers, Loose: q.Loose, GRPC: q.GRPC}
	}
	return targets, nil
}

// place is where requests are taken: http or https, host:port, and the name by
// which they ask; "": any.
type place struct{ scheme, address, host string }

// parsePlace reads a URL, or host:port.
func parsePlace(text string) (place, error) {
	if !strings.Contains(text, "://") {
		text = "http://" + text
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return place{}, fmt.Errorf("%q is neither a URL nor host:port", text)
	}
	port := cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	return place{scheme: u.Scheme, address: net.JoinHostPort(u.Hostname(), port)}, nil
}

// ofIngress is where the controller of an Ingress says that it takes requests.
func (a addresses) ofIngress(ctx context.Context, name types.NamespacedName) ([]place, error) {
	i := &networkingv1.Ingress{}
	if err := a.objects.Get(ctx, name, i); err != nil {
		return nil, fmt.Errorf("reading Ingress %s: %w", name, err)
	}
	for _, at := range i.Status.LoadBalancer.Ingress {
		if host := cmp.Or(at.IP, at.Hostname); host != "" {
			return []place{{scheme: "http", address: net.JoinHostPort(host, "80")}}, nil
		}
	}
	return nil, fmt.Errorf("the status of Ingress %s has no address", name.Name)
}

// ofGateways is where Gateways say that they take requests. One that does not
// say is left out, unless none does.
func (a addresses) ofGateways(ctx context.Context, names []expand.GatewayName, route gatewayv1.Kind) ([]place, error) {
	var places []place
	var errs []error
	for _, name := range names {
		p, err := a.ofGateway(ctx, name, route)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		places = append(places, p)
	}
	if len(places) > 0 {
		return places, nil
	}
	return nil, errors.Join(errs...)
}

func (a addresses) ofGateway(ctx context.Context, name expand.GatewayName, route gatewayv1.Kind) (place, error) {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(gatewayGVK())
	if err := a.objects.Get(ctx, types.NamespacedName{Namespace: name.Namespace, Name: name.Name}, u); err != nil {
		return place{}, fmt.Errorf("reading Gateway %s/%s: %w", name.Namespace, name.Name, err)
	}
	g := &gatewayv1.Gateway{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, g); err != nil {
		return place{}, fmt.Errorf("reading Gateway %s/%s: %w", name.Namespace, name.Name, err)
	}
	if len(g.Status.Addresses) == 0 {
		return place{}, fmt.Errorf("the status of Gateway %s/%s has no address", name.Namespace, name.Name)
	}
	l := listenerOf(g, gatewayv1.SectionName(name.Listener), route)
	if l == nil {
		return place{}, fmt.Errorf("gateway %s/%s has no listener that takes a route of the kind %s", name.Namespace, name.Name, route)
	}
	p := place{scheme: "http", address: net.JoinHostPort(g.Status.Addresses[0].Value, strconv.Itoa(int(l.Port)))}
	if l.Protocol == gatewayv1.HTTPSProtocolType {
		p.scheme = "https"
	}
	if l.Hostname != nil {
		p.host = expand.SomeHost(string(*l.Hostname))
	}
	return p, nil
}

func gatewayGVK() schema.GroupVersionKind { return gatewayv1.SchemeGroupVersion.WithKind("Gateway") }

// routeKind is that of the route which leads a question.
func routeKind(q expand.Question) gatewayv1.Kind {
	if q.GRPC {
		return "GRPCRoute"
	}
	return "HTTPRoute"
}

// listenerOf is the listener of a name, else one that takes routes of a kind, in
// plain text if there is one; nil: there is none.
func listenerOf(g *gatewayv1.Gateway, name gatewayv1.SectionName, route gatewayv1.Kind) *gatewayv1.Listener {
	for _, protocol := range []gatewayv1.ProtocolType{gatewayv1.HTTPProtocolType, gatewayv1.HTTPSProtocolType} {
		for i := range g.Spec.Listeners {
			l := &g.Spec.Listeners[i]
			if l.Protocol == protocol && (name == l.Name || name == "" && takes(l, route)) {
				return l
			}
		}
	}
	return nil
}

func takes(l *gatewayv1.Listener, route gatewayv1.Kind) bool {
	return l.AllowedRoutes == nil || len(l.AllowedRoutes.Kinds) == 0 ||
		slices.ContainsFunc(l.AllowedRoutes.Kinds, func(k gatewayv1.RouteGroupKind) bool { return k.Kind == route })
}

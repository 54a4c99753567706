package controller

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/operator/reach"
)

// gateways is the definition of the kind, as far as the API server needs to
// know it.
func gateways() []byte {
	return []byte(`{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition,
metadata: {name: gateways.gateway.networking.k8s.io, annotations: {api-approved.kubernetes.io: "unapproved, for a test"}},
spec: {group: gateway.networking.k8s.io, scope: Namespaced, names: {plural: gateways, kind: Gateway}, versions: [{name: v1, served: true, storage: true,
schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}}]}}`)
}

// TestAddresses: where a way takes requests is what the installation says, else
// what the status of its object says.
func TestAddresses(t *testing.T) {
	s := newStage(t)
	if err := TestServer.Install(t.Context(), gateways()); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		`{metadata: {name: plain}, spec: {listeners: [{name: other, protocol: TCP, port: 1}, {name: web, protocol: HTTP, port: 8080}]},
status: {addresses: [{type: IPAddress, value: 10.1.2.3}]}}`,
		`{metadata: {name: secure}, spec: {listeners: [
{name: grpc, protocol: HTTP, port: 81, allowedRoutes: {kinds: [{kind: GRPCRoute}]}}, {name: web, protocol: HTTPS, port: 443, hostname: "*.example.com"}]},
status: {addresses: [{value: "fd00::1"}]}}`,
		`{metadata: {name: fresh}, spec: {listeners: [{name: web, protocol: HTTP, port: 80}]}}`,
	} {
		u := &unstructured.Unstructured{Object: parsed(t, text)}
		u.SetGroupVersionKind(gatewayGVK())
		u.SetNamespace(s.namespace)
		// The kind is served a moment after it is defined.
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
			err := s.client.Create(t.Context(), u)
			if err == nil {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal(err)
			}
		}
	}
	ingress := &networkingv1.Ingress{}
	ingress.Name, ingress.Namespace = "m", s.namespace
	ingress.Spec.DefaultBackend = &networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{
		Name: "m", Port: networkingv1.ServiceBackendPort{Number: 80}}}
	if err := s.client.Create(t.Context(), ingress); err != nil {
		t.Fatal(err)
	}
	ingress.Status.LoadBalancer.Ingress = []networkingv1.IngressLoadBalancerIngress{{Hostname: "lb.example.com"}}
	if err := s.client.Status().Update(t.Context(), ingress); err != nil {
		t.Fatal(err)
	}

	gateway := func(names ...string) expand.Question {
		q := expand.Question{Setting: "GATEWAY_API_ADDRESS", Path: "/seldon/a/b/ready"}
		for _, name := range names {
			name, listener, _ := strings.Cut(name, "/")
			q.Gateways = append(q.Gateways, expand.GatewayName{Namespace: s.namespace, Name: name, Listener: listener})
		}
		return q
	}
	with := func(q expand.Question, change func(*expand.Question)) expand.Question { change(&q); return q }
	for name, test := range map[string]struct {
		question expand.Question
		want     string // URL and address of each target, or the error
	}{
		"a setting": {with(gateway("plain"), func(q *expand.Question) { q.Address = "https://in.example.com" }),
			"https://in.example.com:443/seldon/a/b/ready at in.example.com:443"},
		"a setting and a host": {with(gateway("plain"), func(q *expand.Question) { q.Address, q.Host = "in.example.com:80", "models.example.com" }),
			"http://models.example.com/seldon/a/b/ready at in.example.com:80"},
		"a wrong setting": {with(gateway("plain"), func(q *expand.Question) { q.Address = "ftp://x" }),
			`"ftp://x" is neither a URL nor host:port; GATEWAY_API_ADDRESS can`},
		"a Gateway":             {gateway("plain"), "http://10.1.2.3:8080/seldon/a/b/ready at 10.1.2.3:8080"},
		"its listener":          {gateway("plain/web"), "http://10.1.2.3:8080/seldon/a/b/ready at 10.1.2.3:8080"},
		"no such listener":      {gateway("plain/other"), "gateway " + s.namespace + "/plain has no listener that takes a route of the kind HTTPRoute; GATEWAY_API_ADDRESS can"},
		"a host of a Gateway's": {gateway("secure"), "https://any.example.com/seldon/a/b/ready at [fd00::1]:443"},
		"one that says nothing": {gateway("fresh"), "the status of Gateway " + s.namespace + "/fresh has no address; GATEWAY_API_ADDRESS can"},
		"one of two":            {gateway("fresh", "plain"), "http://10.1.2.3:8080/seldon/a/b/ready at 10.1.2.3:8080"},
		"calls": {with(gateway("secure"), func(q *expand.Question) { q.GRPC, q.Path = true, "/grpc.health.v1.Health/Check" }),
			"http://[fd00::1]:81/grpc.health.v1.Health/Check at [fd00::1]:81 over gRPC"},
		"an Ingress":  {expand.Question{Ingress: "m", Path: "/x"}, "http://lb.example.com:80/x at lb.example.com:80"},
		"nothing":     {expand.Question{Setting: "ISTIO_ADDRESS"}, "nothing says where it takes requests; ISTIO_ADDRESS can"},
		"an obstacle": {expand.Question{Obstacle: "it asks for headers by a pattern"}, "it asks for headers by a pattern"},
	} {
		t.Run(name, func(t *testing.T) {
			targets, err := addresses{s.direct}.targets(t.Context(), s.namespace, test.question)
			if got := told(targets, err); got != test.want {
				t.Error(cmp.Diff(test.want, got))
			}
		})
	}
	_, err := addresses{s.direct}.targets(t.Context(), s.namespace, gateway("missing"))
	if !apierrors.IsNotFound(err) {
		t.Errorf("of a Gateway that is not there: %v", err)
	}
}

func told(targets []reach.Target, err error) string {
	if err != nil {
		return err.Error()
	}
	var lines []string
	for _, t := range targets {
		line := fmt.Sprintf("%s at %s", t.URL, t.Address)
		if t.GRPC {
			line += " over gRPC"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

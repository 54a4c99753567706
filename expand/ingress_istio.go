package expand

import (
	"errors"
	"strconv"

	"k8s.io/apimachinery/pkg/runtime/schema"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

const (
	settingIstioGateway = "ISTIO_GATEWAY"
	settingIstioTLSMode = "ISTIO_TLS_MODE"

	annotationIstioGateway        = "seldon.io/istio-gateway"
	annotationIstioHost           = "seldon.io/istio-host"
	annotationIstioRetries        = "seldon.io/istio-retries"
	annotationIstioRetriesTimeout = "seldon.io/istio-retries-timeout"

	// istioGRPC matches the methods of the gRPC services that executors serve.
	istioGRPC = `/(seldon\.protos|tensorflow\.serving|inference|grpc\.health\.v1|grpc\.reflection\.v1(alpha)?)\..+`
)

func istioGVK(kind string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: "networking.istio.io", Version: "v1alpha3", Kind: kind}
}

// istioWay is routing by Istio.
func istioWay() Way {
	return Way{
		Name: "Istio",
		Settings: []Setting{
			{Name: "ISTIO_ENABLED", Value: "istio.enabled", Doc: "route by Istio", Default: "false", Words: flags()},
			{Name: settingIstioGateway, Value: "istio.gateway", Doc: "Istio's Gateway: name or namespace/name", Default: "seldon-gateway"},
			// Empty is whatever the mesh does by itself.
			{Name: settingIstioTLSMode, Value: "istio.tlsMode", Doc: "how Istio connects to predictors",
				Words: []string{"DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"}},
		},
		Annotations: []v1.RouteAnnotation{
			{Name: annotationIstioGateway}, {Name: annotationIstioHost},
			{Name: annotationIstioRetries, Number: true}, {Name: annotationIstioRetriesTimeout, Number: true},
		},
		Prefix: "istio-",
		Kinds: []Kind{
			routeKind(istioGVK("DestinationRule"), "destinationrules", RankNamed, v1.ConditionIstio),
			routeKind(istioGVK("VirtualService"), "virtualservices", RankRoute, v1.ConditionIstio),
		},
		route:  routeIstio,
		limits: istioLimits,
	}
}

func istioLimits(r *routing) []limit {
	if r.config[settingIstioTLSMode] != "" {
		return nil
	}
	return r.eachTLS("Istio connects in plain text, and the executor speaks TLS: set ISTIO_TLS_MODE")
}

// routeIstio makes a VirtualService for the deployment and one for each
// explainer, and a DestinationRule for each Service.
func routeIstio(r *routing) ([]Object, error) {
	retries, err := r.istioRetries()
	if err != nil {
		return nil, err
	}
	route := func(match map[string]any, port func(*backend) int32) map[string]any {
		http := map[string]any{"match": []any{match}, "route": r.istioDestinations(port)}
		if s := r.shadow; s != nil {
			http["mirror"] = istioDestination(r.host(s), s.predictor, port(s))
			if s.weight > 0 {
				http["mirrorPercentage"] = map[string]any{"value": int64(s.weight)}
			}
		}
		if retries != nil {
			http["retries"] = retries
		}
		return http
	}
	rest := route(map[string]any{"uri": map[string]any{"prefix": r.prefix()}}, func(b *backend) int32 { return b.http })
	rest["rewrite"] = map[string]any{"uri": "/"}
	grpc := route(map[string]any{
		"uri": map[string]any{"regex": istioGRPC},
		"headers": map[string]any{
			"seldon":    map[string]any{"exact": r.deployment.Name},
			"namespace": map[string]any{"exact": r.deployment.Namespace},
		},
	}, func(b *backend) int32 { return b.grpc })

	objects := []Object{r.virtualService(r.deployment.ID(), rest, grpc)}
	for _, b := range r.predictors() {
		objects = append(objects, r.destinationRule(b, r.host(b), r.istioPolicy()))
	}
	for i := range r.explainers {
		e := &r.explainers[i]
		// Within its namespace a Service goes by its short name.
		destination := istioDestination(e.service.Name, e.predictor, e.http)
		objects = append(objects,
			r.virtualService(cut(e.service.Name, "-http"), map[string]any{
				"match":   []any{map[string]any{"uri": map[string]any{"prefix": r.explainerPrefix(e)}}},
				"rewrite": map[string]any{"uri": "/"},
				"route":   []any{map[string]any{"destination": destination, "weight": int64(100)}},
			}),
			r.destinationRule(e, e.service.Name, nil))
	}
	return objects, nil
}

func (r *routing) istioRetries() (map[string]any, error) {
	attempts, err := r.number(annotationIstioRetries, 0)
	seconds, timeoutErr := r.number(annotationIstioRetriesTimeout, 1)
	if err := errors.Join(err, timeoutErr); err != nil || attempts == 0 {
		return nil, err
	}
	return map[string]any{
		"attempts":      attempts,
		"perTryTimeout": strconv.FormatInt(seconds, 10) + "s",
		"retryOn":       "gateway-error,connect-failure,refused-stream",
	}, nil
}

func (r *routing) istioDestinations(port func(*backend) int32) []any {
	var destinations []any
	for i := range r.backends {
		b := &r.backends[i]
		d := map[string]any{"destination": istioDestination(r.host(b), b.predictor, port(b))}
		if b.weight > 0 {
			d["weight"] = int64(b.weight)
		}
		destinations = append(destinations, d)
	}
	return destinations
}

func istioDestination(host, subset string, port int32) map[string]any {
	return map[string]any{"host": host, "subset": subset, "port": map[string]any{"number": int64(port)}}
}

func (r *routing) virtualService(name string, routes ...map[string]any) Object {
	http := make([]any, len(routes))
	for i := range routes {
		http[i] = routes[i]
	}
	return r.object(istioGVK("VirtualService"), name, map[string]any{
		"hosts":    anys(r.list(annotationIstioHost, "*")),
		"gateways": anys([]string{r.text(annotationIstioGateway, r.config[settingIstioGateway])}),
		"http":     http,
	})
}

// istioPolicy keeps idle connections for a while, or connects as the
// installation says.
func (r *routing) istioPolicy() map[string]any {
	if mode := r.config[settingIstioTLSMode]; mode != "" {
		return map[string]any{"tls": map[string]any{"mode": mode}}
	}
	return map[string]any{"connectionPool": map[string]any{"http": map[string]any{"idleTimeout": "60s"}}}
}

func (r *routing) destinationRule(b *backend, host string, policy map[string]any) Object {
	spec := map[string]any{
		"host":    host,
		"subsets": []any{map[string]any{"name": b.predictor, "labels": map[string]any{"version": b.version}}},
	}
	if policy != nil {
		spec["trafficPolicy"] = policy
	}
	return r.object(istioGVK("DestinationRule"), b.service.Name, spec)
}

func anys(list []string) []any {
	to := make([]any, len(list))
	for i := range list {
		to[i] = list[i]
	}
	return to
}

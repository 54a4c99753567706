package expand

import (
	"errors"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

const (
	settingIstioGateway = "ISTIO_GATEWAY"
	settingIstioTLSMode = "ISTIO_TLS_MODE"
	settingIstioAddress = "ISTIO_ADDRESS"

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

// istioWay is the way by Istio.
func istioWay() Way {
	return Way{
		Name: "Istio",
		Settings: []Setting{
			{Name: "ISTIO_ENABLED", Value: "istio.enabled", Doc: "route by Istio", Default: "false", Words: flags()},
			{Name: settingIstioGateway, Value: "istio.gateway", Doc: "Istio's Gateway: name or namespace/name", Default: "seldon-gateway"},
			// Empty is whatever the mesh does by itself.
			{Name: settingIstioTLSMode, Value: "istio.tlsMode", Doc: "how Istio connects to predictors",
				Words: []string{"DISABLE", "SIMPLE", "MUTUAL", "ISTIO_MUTUAL"}},
			addressSetting(settingIstioAddress, "istio.address", "it is not asked"),
		},
		Annotations: []v1.WayAnnotation{
			{Name: annotationIstioGateway}, {Name: annotationIstioHost},
			{Name: annotationIstioRetries, Number: true}, {Name: annotationIstioRetriesTimeout, Number: true},
		},
		Prefix: "istio-",
		Kinds: []Kind{
			wayKind(istioGVK("DestinationRule"), "destinationrules", RankNamed, v1.ConditionIstio),
			wayKind(istioGVK("VirtualService"), "virtualservices", RankTraffic, v1.ConditionIstio),
		},
		Gateways: map[string]string{settingIstioGateway: annotationIstioGateway},
		Address:  settingIstioAddress,
		objects:  istioObjects,
		limits:   istioLimits,
		ask:      askIstio,
	}
}

func istioLimits(t *traffic) []limit {
	if t.config[settingIstioTLSMode] != "" {
		return nil
	}
	return t.eachTLS("Istio connects in plain text, and the executor speaks TLS: set ISTIO_TLS_MODE")
}

// istioObjects makes a VirtualService for the deployment and one for each
// explainer, and a DestinationRule for each Service.
func istioObjects(t *traffic) ([]Object, error) {
	retries, err := t.istioRetries()
	if err != nil {
		return nil, err
	}
	rule := func(matches []any, port func(*backend) int32, named *backend) map[string]any {
		http := map[string]any{"match": istioNamed(matches, named), "route": t.istioDestinations(port, named)}
		if s := t.shadow; s != nil && s != named {
			http["mirror"] = istioDestination(t.host(s), s.predictor, port(s))
			if s.weight > 0 {
				http["mirrorPercentage"] = map[string]any{"value": int64(s.weight)}
			}
		}
		if retries != nil {
			http["retries"] = retries
		}
		return http
	}
	var rules []map[string]any
	// The first rule that matches is taken: those of predictors that are named, and
	// then the one for all.
	for _, named := range append(t.named(), nil) {
		rest := rule(istioPaths(t.prefix()), func(b *backend) int32 { return b.http }, named)
		rest["rewrite"] = map[string]any{"uri": "/"}
		grpc := rule([]any{map[string]any{
			"uri": map[string]any{"regex": istioGRPC},
			"headers": map[string]any{
				"seldon":    map[string]any{"exact": t.deployment.Name},
				"namespace": map[string]any{"exact": t.deployment.Namespace},
			},
		}}, func(b *backend) int32 { return b.grpc }, named)
		rules = append(rules, rest, grpc)
	}

	objects := []Object{t.virtualService(t.deployment.ID(), rules...)}
	for _, b := range t.predictors() {
		objects = append(objects, t.destinationRule(b, t.host(b), t.istioPolicy()))
	}
	for i := range t.explainers {
		e := &t.explainers[i]
		// Within its namespace a Service goes by its short name.
		destination := istioDestination(e.service.Name, e.predictor, e.http)
		objects = append(objects,
			t.virtualService(cut(e.service.Name, "-http"), map[string]any{
				"match":   istioPaths(t.explainerPrefix(e)),
				"rewrite": map[string]any{"uri": "/"},
				"route":   []any{map[string]any{"destination": destination, "weight": int64(100)}},
			}),
			t.destinationRule(e, e.service.Name, nil))
	}
	return objects, nil
}

// istioNamed makes matches those of requests that name a predictor; nil: of any.
func istioNamed(matches []any, named *backend) []any {
	if named == nil {
		return matches
	}
	header := map[string]any{"headers": map[string]any{
		strings.ToLower(v1.HeaderPredictor): map[string]any{"exact": named.predictor},
	}}
	all := make([]any, len(matches))
	for i, m := range matches {
		all[i] = merged(m.(map[string]any), header)
	}
	return all
}

// istioPaths matches what begins with prefix, and the path that lacks its last
// slash and nothing else: a prefix without the slash would match longer names.
// What matched is what a rewrite replaces.
func istioPaths(prefix string) []any {
	return []any{
		map[string]any{"uri": map[string]any{"prefix": prefix}},
		map[string]any{"uri": map[string]any{"exact": strings.TrimSuffix(prefix, "/")}},
	}
}

func (t *traffic) istioRetries() (map[string]any, error) {
	attempts, err := t.number(annotationIstioRetries, 0)
	seconds, timeoutErr := t.number(annotationIstioRetriesTimeout, 1)
	if err := errors.Join(err, timeoutErr); err != nil || attempts == 0 {
		return nil, err
	}
	return map[string]any{
		"attempts":      attempts,
		"perTryTimeout": strconv.FormatInt(seconds, 10) + "s",
		"retryOn":       "gateway-error,connect-failure,refused-stream",
	}, nil
}

func (t *traffic) istioDestinations(port func(*backend) int32, named *backend) []any {
	var destinations []any
	for _, b := range t.led(named) {
		d := map[string]any{"destination": istioDestination(t.host(b), b.predictor, port(b))}
		if b.weight > 0 && named == nil {
			d["weight"] = int64(b.weight)
		}
		destinations = append(destinations, d)
	}
	return destinations
}

func istioDestination(host, subset string, port int32) map[string]any {
	return map[string]any{"host": host, "subset": subset, "port": map[string]any{"number": int64(port)}}
}

func (t *traffic) virtualService(name string, rules ...map[string]any) Object {
	http := make([]any, len(rules))
	for i := range rules {
		http[i] = rules[i]
	}
	return t.object(istioGVK("VirtualService"), name, map[string]any{
		"hosts":    anys(t.list(annotationIstioHost, "*")),
		"gateways": anys([]string{t.text(annotationIstioGateway, t.config[settingIstioGateway])}),
		"http":     http,
	})
}

// istioPolicy keeps idle connections for a while, or connects as the
// installation says.
func (t *traffic) istioPolicy() map[string]any {
	if mode := t.config[settingIstioTLSMode]; mode != "" {
		return map[string]any{"tls": map[string]any{"mode": mode}}
	}
	return map[string]any{"connectionPool": map[string]any{"http": map[string]any{"idleTimeout": "60s"}}}
}

func (t *traffic) destinationRule(b *backend, host string, policy map[string]any) Object {
	spec := map[string]any{
		"host":    host,
		"subsets": []any{map[string]any{"name": b.predictor, "labels": map[string]any{"version": b.version}}},
	}
	if policy != nil {
		spec["trafficPolicy"] = policy
	}
	return t.object(istioGVK("DestinationRule"), b.service.Name, spec)
}

func anys(list []string) []any {
	to := make([]any, len(list))
	for i := range list {
		to[i] = list[i]
	}
	return to
}

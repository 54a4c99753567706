package expand

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

// GatewayMirror is a way to copy requests to a shadow.
type GatewayMirror string

// The ways to copy requests: the Gateway API's own filter; a service of
// Traefik, which does not know that filter (REST alone); not at all.
const (
	MirrorByFilter  GatewayMirror = "RequestMirror"
	MirrorByTraefik GatewayMirror = "TraefikService"
	MirrorNot       GatewayMirror = "none"
)

const (
	settingGatewayParents     = "GATEWAY_API_GATEWAY"
	settingGatewayGRPCParents = "GATEWAY_API_GRPC_GATEWAY"
	settingGatewayMirror      = "GATEWAY_API_MIRROR"
	settingGatewayAddress     = "GATEWAY_API_ADDRESS"

	// Calls over gRPC name a deployment by these headers.
	headerGRPCDeployment = "seldon"
	headerGRPCNamespace  = "namespace"

	annotationGateway     = "seldon.io/gateway"
	annotationGatewayGRPC = "seldon.io/gateway-grpc"
	annotationGatewayHost = "seldon.io/gateway-host"
)

// gatewayWay is the way by the Gateway API.
func gatewayWay() Way {
	const condition = v1.ConditionRoutes
	mirrors := []string{string(MirrorByFilter), string(MirrorByTraefik), string(MirrorNot)}
	service := wayKind(traefikGVK("TraefikService"), "traefikservices", RankNamed, condition)
	service.When = Choice{settingGatewayMirror, string(MirrorByTraefik)}
	return Way{
		Name: "the Gateway API",
		Settings: []Setting{
			{Name: "GATEWAY_API_ENABLED", Value: "gatewayAPI.enabled", Doc: "route by the Gateway API", Default: "false", Words: flags()},
			{Name: settingGatewayParents, Value: "gatewayAPI.gateway",
				Doc: "Gateways that routes attach to, separated by commas: name, namespace/name or namespace/name/listener"},
			{Name: settingGatewayGRPCParents, Value: "gatewayAPI.grpcGateway", Doc: "those of GRPCRoutes, where they differ"},
			{Name: settingGatewayMirror, Value: "gatewayAPI.mirror", Doc: "how a shadow gets its copies", Default: string(MirrorByFilter), Words: mirrors},
			addressSetting(settingGatewayAddress, "gatewayAPI.address", "the status of the Gateways says it"),
		},
		Annotations: []v1.WayAnnotation{
			{Name: annotationGateway, Faults: gatewayFaults}, {Name: annotationGatewayGRPC, Faults: gatewayFaults},
			{Name: annotationGatewayHost, Faults: hostFaults},
		},
		Prefix: "gateway",
		Kinds: []Kind{
			wayKind(gatewayv1.SchemeGroupVersion.WithKind("HTTPRoute"), "httproutes", RankTraffic, condition),
			wayKind(gatewayv1.SchemeGroupVersion.WithKind("GRPCRoute"), "grpcroutes", RankTraffic, condition),
			service,
		},
		Gateways: map[string]string{settingGatewayParents: annotationGateway, settingGatewayGRPCParents: annotationGatewayGRPC},
		Address:  settingGatewayAddress,
		objects:  gatewayObjects,
		limits:   gatewayLimits,
		ask:      askGateway,
		askGRPC:  askGatewayGRPC,
	}
}

func traefikGVK(kind string) schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: "traefik.io", Version: "v1alpha1", Kind: kind}
}

func gatewayLimits(t *traffic) []limit {
	limits := t.eachTLS("a Gateway connects in plain text, and the executor speaks TLS: write a BackendTLSPolicy for its Service")
	for _, b := range t.named()[len(t.gatewayNamed()):] {
		limits = append(limits, b.limit("name", fmt.Sprintf("gets no requests that name it by the header %s: a route has %d rules at most", v1.HeaderPredictor, gatewayRules)))
	}
	switch s := t.shadow; {
	case s == nil:
	case t.config[settingGatewayMirror] == string(MirrorNot):
		limits = append(limits, s.limit("shadow", "gets no requests: GATEWAY_API_MIRROR is none"))
	case t.config[settingGatewayMirror] == string(MirrorByTraefik):
		limits = append(limits, s.limit("shadow", "gets copies of REST requests alone: Traefik does not mirror gRPC"))
	}
	return limits
}

// gatewayRules is the number of rules that a route may have.
const gatewayRules = 16

// gatewayNamed are the predictors that have a rule of their own: as many as there is
// room for beside the one for all and those of explainers. Of several rules with
// one path the Gateway API takes the one with the most headers.
func (t *traffic) gatewayNamed() []*backend {
	all := t.named()
	return all[:min(len(all), max(0, gatewayRules-1-len(t.explainers)))]
}

// gatewayObjects makes one HTTPRoute for the deployment and its explainers, and
// one GRPCRoute.
func gatewayObjects(t *traffic) ([]Object, error) {
	parents, err := t.gatewayParents(annotationGateway, t.config[settingGatewayParents])
	if err == nil && len(parents) == 0 {
		err = fmt.Errorf("no Gateway is named: set GATEWAY_API_GATEWAY, or the annotation %s", annotationGateway)
	}
	grpcParents, grpcErr := t.gatewayParents(annotationGatewayGRPC, t.config[settingGatewayGRPCParents])
	if len(grpcParents) == 0 {
		grpcParents = parents
	}
	timeout, timeoutErr := t.number(annotationRESTTimeout, 0)
	if err := errors.Join(err, grpcErr, timeoutErr); err != nil {
		return nil, err
	}
	var hostnames []gatewayv1.Hostname
	for _, host := range t.list(annotationGatewayHost, "") {
		hostnames = append(hostnames, gatewayv1.Hostname(host))
	}
	mirror := t.gatewayMirror()
	http := &gatewayv1.HTTPRoute{
		TypeMeta:   metav1.TypeMeta{APIVersion: gatewayv1.GroupVersion.String(), Kind: "HTTPRoute"},
		ObjectMeta: t.meta(t.deployment.ID()),
		Spec: gatewayv1.HTTPRouteSpec{
			CommonRouteSpec: gatewayv1.CommonRouteSpec{ParentRefs: parents},
			Hostnames:       hostnames,
			Rules:           []gatewayv1.HTTPRouteRule{t.gatewayREST(mirror, timeout, nil)},
		},
	}
	for _, b := range t.gatewayNamed() {
		http.Spec.Rules = append(http.Spec.Rules, t.gatewayREST(mirror, timeout, b))
	}
	for i := range t.explainers {
		e := &t.explainers[i]
		rule := httpRule(t.explainerPrefix(e))
		rule.BackendRefs = []gatewayv1.HTTPBackendRef{{BackendRef: gatewayv1.BackendRef{
			BackendObjectReference: serviceReference(e, e.http),
		}}}
		http.Spec.Rules = append(http.Spec.Rules, rule)
	}
	grpc := &gatewayv1.GRPCRoute{
		TypeMeta:   metav1.TypeMeta{APIVersion: gatewayv1.GroupVersion.String(), Kind: "GRPCRoute"},
		ObjectMeta: t.meta(t.deployment.ID()),
		Spec: gatewayv1.GRPCRouteSpec{
			CommonRouteSpec: gatewayv1.CommonRouteSpec{ParentRefs: grpcParents},
			Hostnames:       hostnames,
			Rules:           []gatewayv1.GRPCRouteRule{t.gatewayGRPC(mirror, nil)},
		},
	}
	for _, b := range t.gatewayNamed() {
		grpc.Spec.Rules = append(grpc.Spec.Rules, t.gatewayGRPC(mirror, b))
	}
	return append([]Object{http, grpc}, t.traefikMirrors(mirror)...), nil
}

// gatewayParents reads the Gateways of a setting.
func (t *traffic) gatewayParents(annotation, otherwise string) ([]gatewayv1.ParentReference, error) {
	var parents []gatewayv1.ParentReference
	for _, text := range t.list(annotation, otherwise) {
		parent, err := gatewayParent(text)
		if err != nil {
			return nil, err
		}
		parents = append(parents, parent)
	}
	return parents, nil
}

// gatewayFaults says what is wrong with the name of a Gateway.
func gatewayFaults(name string) []string {
	parts := strings.Split(name, "/")
	if slices.ContainsFunc(parts, func(p string) bool { return len(validation.IsDNS1123Subdomain(p)) > 0 }) || len(parts) > 3 {
		return []string{"write name, namespace/name or namespace/name/listener"}
	}
	return nil
}

// hostFaults says what is wrong with a host, which may begin with "*.".
func hostFaults(host string) []string {
	if strings.HasPrefix(host, "*.") {
		return validation.IsWildcardDNS1123Subdomain(host)
	}
	return validation.IsDNS1123Subdomain(host)
}

func gatewayParent(text string) (gatewayv1.ParentReference, error) {
	parts := strings.Split(text, "/")
	for _, part := range parts {
		if part == "" || len(parts) > 3 {
			return gatewayv1.ParentReference{}, fmt.Errorf("%q names no Gateway: write name, namespace/name or namespace/name/listener", text)
		}
	}
	parent := gatewayv1.ParentReference{
		Group: new(gatewayv1.Group(gatewayv1.GroupName)),
		Kind:  new(gatewayv1.Kind("Gateway")),
		Name:  gatewayv1.ObjectName(parts[min(1, len(parts)-1)]),
	}
	if len(parts) > 1 {
		parent.Namespace = new(gatewayv1.Namespace(parts[0]))
	}
	if len(parts) > 2 {
		parent.SectionName = new(gatewayv1.SectionName(parts[2]))
	}
	return parent, nil
}

// gatewayMirror is the way by which the deployment's shadow gets its copies.
func (t *traffic) gatewayMirror() GatewayMirror {
	if t.shadow == nil {
		return MirrorNot
	}
	return GatewayMirror(t.config[settingGatewayMirror])
}

// gatewayREST is the rule for requests that name a predictor; nil: for all others.
// What the shadow answers itself is not copied to it.
func (t *traffic) gatewayREST(mirror GatewayMirror, timeout int64, named *backend) gatewayv1.HTTPRouteRule {
	rule := httpRule(t.prefix())
	if named != nil {
		rule.Matches[0].Headers = []gatewayv1.HTTPHeaderMatch{{
			Type: new(gatewayv1.HeaderMatchExact), Name: v1.HeaderPredictor, Value: named.predictor,
		}}
	}
	if mirror == MirrorByFilter && named != t.shadow {
		rule.Filters = append(rule.Filters, gatewayv1.HTTPRouteFilter{
			Type: gatewayv1.HTTPRouteFilterRequestMirror, RequestMirror: t.mirrorFilter(t.shadow.http),
		})
	}
	for _, b := range t.led(named) {
		ref := t.gatewayBackend(b, b.http, named)
		switch {
		case mirror == MirrorByTraefik && b != t.shadow && t.mirrored(b):
			ref.Group, ref.Kind = new(gatewayv1.Group("traefik.io")), new(gatewayv1.Kind("TraefikService"))
			ref.Name, ref.Port = gatewayv1.ObjectName(t.mirrorName(b)), nil
		case mirror == MirrorByTraefik && named == nil:
			continue
		}
		rule.BackendRefs = append(rule.BackendRefs, gatewayv1.HTTPBackendRef{BackendRef: ref})
	}
	if timeout > 0 {
		rule.Timeouts = &gatewayv1.HTTPRouteTimeouts{Request: new(gatewayDuration(timeout))}
	}
	return rule
}

// gatewayGRPC is the rule for calls that name a predictor; nil: for all others.
func (t *traffic) gatewayGRPC(mirror GatewayMirror, named *backend) gatewayv1.GRPCRouteRule {
	header := func(name, value string) gatewayv1.GRPCHeaderMatch {
		return gatewayv1.GRPCHeaderMatch{Type: new(gatewayv1.GRPCHeaderMatchExact), Name: gatewayv1.GRPCHeaderName(name), Value: value}
	}
	rule := gatewayv1.GRPCRouteRule{Matches: []gatewayv1.GRPCRouteMatch{{Headers: []gatewayv1.GRPCHeaderMatch{
		header(headerGRPCDeployment, t.deployment.Name), header(headerGRPCNamespace, t.deployment.Namespace),
	}}}}
	if named != nil {
		rule.Matches[0].Headers = append(rule.Matches[0].Headers, header(strings.ToLower(v1.HeaderPredictor), named.predictor))
	}
	if mirror == MirrorByFilter && named != t.shadow {
		rule.Filters = []gatewayv1.GRPCRouteFilter{{
			Type: gatewayv1.GRPCRouteFilterRequestMirror, RequestMirror: t.mirrorFilter(t.shadow.grpc),
		}}
	}
	for _, b := range t.led(named) {
		rule.BackendRefs = append(rule.BackendRefs, gatewayv1.GRPCBackendRef{BackendRef: t.gatewayBackend(b, b.grpc, named)})
	}
	return rule
}

// httpRule takes a prefix off the path. The API matches whole elements with and
// without a slash at the end, but Traefik, given the slash, does not rewrite a
// path that ends before it.
func httpRule(prefix string) gatewayv1.HTTPRouteRule {
	prefix = strings.TrimSuffix(prefix, "/")
	return gatewayv1.HTTPRouteRule{
		Matches: []gatewayv1.HTTPRouteMatch{{Path: &gatewayv1.HTTPPathMatch{
			Type: new(gatewayv1.PathMatchPathPrefix), Value: new(prefix),
		}}},
		Filters: []gatewayv1.HTTPRouteFilter{{
			Type: gatewayv1.HTTPRouteFilterURLRewrite,
			URLRewrite: &gatewayv1.HTTPURLRewriteFilter{Path: &gatewayv1.HTTPPathModifier{
				Type: gatewayv1.PrefixMatchHTTPPathModifier, ReplacePrefixMatch: new("/"),
			}},
		}},
	}
}

func (t *traffic) gatewayBackend(b *backend, port int32, named *backend) gatewayv1.BackendRef {
	ref := gatewayv1.BackendRef{BackendObjectReference: serviceReference(b, port)}
	if t.weighted() && named == nil {
		ref.Weight = new(b.weight)
	}
	return ref
}

func serviceReference(b *backend, port int32) gatewayv1.BackendObjectReference {
	return gatewayv1.BackendObjectReference{
		Group: new(gatewayv1.Group("")), Kind: new(gatewayv1.Kind("Service")),
		Name: gatewayv1.ObjectName(b.service.Name), Port: new(gatewayv1.PortNumber(port)),
	}
}

// mirrorFilter copies requests to the shadow. The share has a field only where
// it is not all of them: the standard channel of the Gateway API has no such
// field before 1.3.
func (t *traffic) mirrorFilter(port int32) *gatewayv1.HTTPRequestMirrorFilter {
	f := &gatewayv1.HTTPRequestMirrorFilter{BackendRef: serviceReference(t.shadow, port)}
	if w := t.shadow.weight; w > 0 && w < 100 {
		f.Percent = new(w)
	}
	return f
}

// traefikMirrors puts a service of Traefik in front of each predictor, which
// copies what it hands on to the shadow.
func (t *traffic) traefikMirrors(mirror GatewayMirror) []Object {
	if mirror != MirrorByTraefik {
		return nil
	}
	percent := int64(100)
	if w := t.shadow.weight; w > 0 {
		percent = int64(w)
	}
	copies := map[string]any{
		"kind": "Service", "name": t.shadow.service.Name, "port": int64(t.shadow.http), "percent": percent,
	}
	// Led to pods, Traefik gives up the whole service when the shadow has none,
	// and clients get 404. The address of the Service is always there.
	if t.shadow.service.Spec.ClusterIP != corev1.ClusterIPNone {
		copies["nativeLB"] = true
	}
	var objects []Object
	for i := range t.backends {
		b := &t.backends[i]
		if !t.mirrored(b) {
			continue
		}
		o := t.object(traefikGVK("TraefikService"), t.mirrorName(b), map[string]any{"mirroring": map[string]any{
			"kind": "Service", "name": b.service.Name, "port": int64(b.http), "mirrors": []any{maps.Clone(copies)},
		}})
		objects = append(objects, o)
	}
	return objects
}

// mirrored reports whether a service of Traefik stands in front of a predictor:
// not if it gets no requests, since Traefik gives up the whole route when there
// are no pods behind one of its services.
func (t *traffic) mirrored(b *backend) bool { return !t.weighted() || b.weight > 0 }

func (t *traffic) mirrorName(b *backend) string {
	return t.deployment.WayObjectName(b.predictor + "-mirror")
}

// gatewayDuration writes milliseconds as the Gateway API wants them: whole
// numbers of at most five digits with a unit each.
func gatewayDuration(ms int64) gatewayv1.Duration {
	var text strings.Builder
	for _, unit := range []struct {
		name string
		ms   int64
	}{{"h", 3600_000}, {"m", 60_000}, {"s", 1000}, {"ms", 1}} {
		if n := ms / unit.ms; n > 0 {
			text.WriteString(strconv.FormatInt(n, 10) + unit.name)
			ms -= n * unit.ms
		}
	}
	return gatewayv1.Duration(text.String())
}

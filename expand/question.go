package expand

import (
	"slices"
	"strings"

	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/scaling"
)

// Question is how to find out from outside whether a way leads to a deployment:
// a request that changes nothing, sent to where the way takes requests.
type Question struct {
	// Way is the way's name.
	Way string
	// Setting is that of the installation that says where the way takes requests,
	// Address its value: a URL, or host:port.
	Setting, Address string
	// Gateways are those of the Gateway API whose status says it where Address is
	// empty.
	Gateways []GatewayName
	// Ingress is the object, in the deployment's namespace, whose status says it
	// where Address is empty.
	Ingress string
	// Path and Headers are those of the request. Host is the name that it asks
	// for; empty: any.
	Path    string
	Host    string
	Headers map[string]string
	// GRPC says that it is a call of gRPC's own health check, and not a GET. A
	// deployment is ready all the same if such a call is not answered: not every
	// gateway takes gRPC.
	GRPC bool
	// Loose says that no executor answers, so that any answer will do that a
	// gateway does not give by itself.
	Loose bool
	// Obstacle says why it cannot be asked; empty: it can.
	Obstacle string
}

// GatewayName names a Gateway, and one of its listeners or "" for any.
type GatewayName struct{ Namespace, Name, Listener string }

// Questions lists how to ask whether requests reach a valid deployment: one
// question for each way that is switched on, and one over gRPC where a way has
// other objects for it, of which a gateway may learn later.
func Questions(d *v1.SeldonDeployment, c Config) []Question {
	t := trafficOf(d, c.Ingress, nil)
	if len(t.backends) == 0 {
		return nil
	}
	var all []Question
	for _, way := range c.Ingress.waysOn() {
		q := Question{Way: way.Name, Setting: way.Address, Address: c.Ingress[way.Address]}
		q.Path, q.Loose = t.questionPath()
		q.Path = t.prefix() + q.Path
		way.ask(t, &q)
		all = append(all, q)
		if way.askGRPC != nil && !q.Loose {
			all = append(all, way.askGRPC(t, q)...)
		}
	}
	return all
}

// questionPath is a path, without the deployment's prefix, that answers 200
// when its executors are ready. Where one of them is missing it is one that
// servers of the protocol answer.
func (t *traffic) questionPath() (path string, loose bool) {
	for i := range t.backends {
		p := &t.deployment.Spec.Predictors[t.backends[i].index]
		if !p.NoExecutor() {
			continue
		}
		switch t.deployment.Spec.Protocol.Canonical() {
		case v1.ProtocolV2:
			return "v2/health/ready", true
		case v1.ProtocolTensorFlow:
			return "v1/models/" + p.Graph.Name, true
		}
		return "health/ping", true
	}
	return "ready", false
}

// askHost lets a question ask for the first of some hosts, one of all for "*".
func (q *Question) askHost(hosts []string) {
	if len(hosts) > 0 && hosts[0] != "*" {
		q.Host = SomeHost(hosts[0])
	}
}

// SomeHost is a host that a pattern fits, which may begin with "*.".
func SomeHost(pattern string) string {
	if rest, ok := strings.CutPrefix(pattern, "*."); ok {
		return "any." + rest
	}
	return pattern
}

func askGateway(t *traffic, q *Question) {
	q.askHost(t.list(annotationGatewayHost, ""))
	parents, err := t.gatewayParents(annotationGateway, t.config[settingGatewayParents])
	if err != nil {
		return // There are no routes either.
	}
	q.Gateways = t.gatewayNames(parents)
}

// askGatewayGRPC asks for the GRPCRoute. Where it takes calls is known only of the Gateways of
// the HTTPRoute if the installation says where that is.
func askGatewayGRPC(t *traffic, rest Question) []Question {
	parents, err := t.gatewayParents(annotationGatewayGRPC, t.config[settingGatewayGRPCParents])
	if err != nil {
		return nil // There are no routes either.
	}
	q := rest
	q.GRPC, q.Path = true, scaling.HealthCheck
	q.Headers = map[string]string{headerGRPCDeployment: t.deployment.Name, headerGRPCNamespace: t.deployment.Namespace}
	if names := t.gatewayNames(parents); len(names) > 0 && !slices.Equal(names, rest.Gateways) {
		if rest.Address != "" {
			return nil
		}
		q.Gateways = names
	}
	return []Question{q}
}

// gatewayNames are the Gateways that routes name.
func (t *traffic) gatewayNames(parents []gatewayv1.ParentReference) []GatewayName {
	var names []GatewayName
	for _, parent := range parents {
		name := GatewayName{Namespace: t.deployment.Namespace, Name: string(parent.Name)}
		if parent.Namespace != nil {
			name.Namespace = string(*parent.Namespace)
		}
		if parent.SectionName != nil {
			name.Listener = string(*parent.SectionName)
		}
		names = append(names, name)
	}
	return names
}

func askIstio(t *traffic, q *Question) { q.askHost(t.list(annotationIstioHost, "*")) }

func askPlain(t *traffic, q *Question) {
	q.Ingress = t.deployment.ID()
	q.askHost(t.list(annotationIngressHost, t.config[settingIngressHost]))
}

func askAmbassador(t *traffic, q *Question) {
	if t.text(annotationAmbassadorConfig, "") != "" {
		q.Obstacle = "the annotation " + annotationAmbassadorConfig + " takes the place of its routes"
		return
	}
	spec, err := t.mappingSettings()
	if err != nil {
		return // There are no routes either.
	}
	if spec["regex_headers"] != nil {
		q.Obstacle = "it asks for headers by a pattern"
	}
	headers, _ := spec["headers"].(map[string]any) // nil: none are asked for.
	q.Headers = make(map[string]string, len(headers))
	for name, value := range headers {
		q.Headers[name], _ = value.(string) // matchHeader makes no others.
	}
	path, _ := t.questionPath()
	q.Path = t.ambassadorPrefix() + path
}

package expand_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
)

const routedDeployment = `
metadata: {name: d, annotations: {%s}}
spec:
  predictors:
  - {name: a, traffic: 50, graph: {name: m, implementation: SIMPLE_MODEL}}
  - {name: b, traffic: 30, ssl: {certSecretName: c}, graph: {name: m, implementation: SIMPLE_MODEL}}
  - {name: c, traffic: 20, graph: {name: m, implementation: SIMPLE_MODEL}}
  - {name: s, shadow: true, graph: {name: m, implementation: SIMPLE_MODEL}}
`

func routedBy(t *testing.T, annotations string, env map[string]string) expand.Input {
	t.Helper()
	return input(t, parse(t, strings.Replace(routedDeployment, "%s", annotations, 1)), env)
}

func TestRoutingRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		annotations string
		env         map[string]string
		want        []string
	}{
		"no gateway": {
			``, map[string]string{"GATEWAY_API_ENABLED": "true"},
			[]string{"routing by the Gateway API: no Gateway is named: set GATEWAY_API_GATEWAY, or the annotation seldon.io/gateway"},
		},
		"bad gateway": {
			`seldon.io/gateway: a//b`, map[string]string{"GATEWAY_API_ENABLED": "true"},
			[]string{`"a//b" names no Gateway: write name, namespace/name or namespace/name/listener`},
		},
		"numbers": {
			`seldon.io/istio-retries: some, seldon.io/istio-retries-timeout: 1s, seldon.io/rest-timeout: 5s, seldon.io/ambassador-retries: "-1"`,
			map[string]string{"ISTIO_ENABLED": "true", "AMBASSADOR_ENABLED": "true"},
			[]string{
				`routing by Istio: annotation seldon.io/istio-retries: "some" is not a whole number`,
				`annotation seldon.io/istio-retries-timeout: "1s" is not a whole number`,
				`routing by Ambassador: annotation seldon.io/ambassador-retries: "-1" is not a whole number`,
				`annotation seldon.io/rest-timeout: "5s" is not a whole number`,
			},
		},
		"header": {
			`seldon.io/ambassador-header: ":value"`, map[string]string{"AMBASSADOR_ENABLED": "true", "AMBASSADOR_VERSION": "v2"},
			[]string{`annotation seldon.io/ambassador-header: ":value" is not of the form "name: value"`},
		},
		"time limit of an Ingress": {
			`seldon.io/grpc-timeout: 1m`, map[string]string{"INGRESS_ENABLED": "true"},
			[]string{`routing by Ingress: annotation seldon.io/grpc-timeout: "1m" is not a whole number`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := expand.Expand(routedBy(t, c.annotations, c.env))
			if err == nil {
				t.Fatal("got no error")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error lacks %q:\n%v", want, err)
				}
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	for name, c := range map[string]struct {
		env  map[string]string
		want []string
	}{
		"none": {nil, []string{}},
		"gateway": {map[string]string{"GATEWAY_API_ENABLED": "true"}, []string{
			"warning: spec.predictors[1].ssl: a Gateway connects in plain text, and the executor speaks TLS: write a BackendTLSPolicy for its Service",
		}},
		"gateway of Traefik": {map[string]string{"GATEWAY_API_ENABLED": "true", "GATEWAY_API_MIRROR": "TraefikService"}, []string{
			"warning: spec.predictors[1].ssl: a Gateway connects in plain text, and the executor speaks TLS: write a BackendTLSPolicy for its Service",
			"warning: spec.predictors[3].shadow: gets copies of REST requests alone: Traefik does not mirror gRPC",
		}},
		"gateway that cannot mirror": {map[string]string{"GATEWAY_API_ENABLED": "true", "GATEWAY_API_MIRROR": "none"}, []string{
			"warning: spec.predictors[1].ssl: a Gateway connects in plain text, and the executor speaks TLS: write a BackendTLSPolicy for its Service",
			"warning: spec.predictors[3].shadow: gets no requests: GATEWAY_API_MIRROR is none",
		}},
		"istio":         {map[string]string{"ISTIO_ENABLED": "true"}, []string{"warning: spec.predictors[1].ssl: Istio connects in plain text, and the executor speaks TLS: set ISTIO_TLS_MODE"}},
		"istio and TLS": {map[string]string{"ISTIO_ENABLED": "true", "ISTIO_TLS_MODE": "SIMPLE"}, []string{}},
		"ingress": {map[string]string{"INGRESS_ENABLED": "true"}, []string{
			"warning: spec.predictors[3].shadow: gets no requests: an Ingress cannot copy them; the Gateway API can",
			"warning: spec.predictors[2].traffic: gets no requests: an Ingress of nginx divides them between 2 at most; the Gateway API has no such limit",
			"warning: metadata.name: no gRPC from outside: an Ingress tells deployments apart by host alone; set the annotation seldon.io/ingress-host, with nginx, or use the Gateway API",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			in := routedBy(t, "", c.env)
			got := []string{}
			for _, p := range expand.Warnings(in.Deployment, in.Config) {
				got = append(got, p.Error())
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestWarningsOfAnything: a deployment need not be valid.
func TestWarningsOfAnything(t *testing.T) {
	in := input(t, &v1.SeldonDeployment{}, map[string]string{"INGRESS_ENABLED": "true", "ISTIO_ENABLED": "true"})
	if got := expand.Warnings(in.Deployment, in.Config); len(got) > 0 {
		t.Errorf("got %v", got)
	}
}

// TestNothingToRoute: without a predictor that answers there are no routes.
func TestNothingToRoute(t *testing.T) {
	for _, predictors := range []string{
		"[]", "[{name: s, shadow: true, graph: {name: m, implementation: SIMPLE_MODEL}}]",
	} {
		in := input(t, parse(t, "metadata: {name: d}\nspec: {annotations: {seldon.io/ambassador-config: x}, predictors: "+predictors+"}"), map[string]string{
			"GATEWAY_API_ENABLED": "true", "ISTIO_ENABLED": "true", "AMBASSADOR_ENABLED": "true", "INGRESS_ENABLED": "true",
		})
		objects, err := expand.Expand(in)
		if err != nil {
			t.Errorf("%s: %v", predictors, err)
		}
		for _, o := range objects {
			if kind := o.GetObjectKind().GroupVersionKind().Kind; kind != "Deployment" && kind != "Service" {
				t.Errorf("%s: there is a %s", predictors, kind)
			}
		}
	}
}

// TestKinds: an expansion makes no object of a kind that is not announced.
func TestKinds(t *testing.T) {
	for _, env := range []map[string]string{
		nil,
		{"GATEWAY_API_ENABLED": "true", "GATEWAY_API_GATEWAY": "g", "GATEWAY_API_MIRROR": "TraefikService"},
		{"ISTIO_ENABLED": "true"},
		{"AMBASSADOR_ENABLED": "true", "AMBASSADOR_VERSION": "v3"},
		{"INGRESS_ENABLED": "true", "INGRESS_CONTROLLER": "traefik"},
	} {
		in := routedBy(t, "", env)
		known := map[string]bool{}
		for _, kind := range expand.Kinds(in.Config) {
			known[kind.String()] = true
		}
		objects, err := expand.Expand(in)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range objects {
			if gvk := o.GetObjectKind().GroupVersionKind(); !known[gvk.String()] {
				t.Errorf("with %v, %s is made and not announced", env, gvk)
			}
		}
	}
}

// TestShadowWithoutPods: Traefik gives up a route whose shadow has no pods,
// unless it is led to the Service's own address. A headless one has none.
func TestShadowWithoutPods(t *testing.T) {
	for annotations, want := range map[string]bool{"": true, `seldon.io/headless-svc: "true"`: false} {
		objects, err := expand.Expand(routedBy(t, annotations, map[string]string{
			"GATEWAY_API_ENABLED": "true", "GATEWAY_API_GATEWAY": "g", "GATEWAY_API_MIRROR": "TraefikService",
		}))
		if err != nil {
			t.Fatal(err)
		}
		text, err := expand.Marshal(objects)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(string(text), "nativeLB: true"); want && got != 3 || !want && got != 0 {
			t.Errorf("with the annotations {%s} nativeLB is there %d times", annotations, got)
		}
	}
}

// TestWayAnnotationsAreChecked: names of hosts and Gateways are held to what
// they may be, before anything is applied.
func TestWayAnnotationsAreChecked(t *testing.T) {
	for annotations, want := range map[string][]string{
		`seldon.io/gateway: "a, b/c, b/c/d", seldon.io/gateway-host: "a.example.com, *.example.com", seldon.io/ingress-host: b.example.com`: {},
		`seldon.io/gateway: "a/b/c/d,/x"`: {
			`error: metadata.annotations[seldon.io/gateway]: name "a/b/c/d": write name, namespace/name or namespace/name/listener`,
			`error: metadata.annotations[seldon.io/gateway]: name "/x": write name, namespace/name or namespace/name/listener`,
		},
		`seldon.io/ingress-host: "https://a"`: {
			`error: metadata.annotations[seldon.io/ingress-host]: name "https://a": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`,
		},
		`seldon.io/istio-retries: some, seldon.io/ambassador-circuit-breakers-max-retries: "1"`: {
			`warning: metadata.annotations[seldon.io/istio-retries]: "some" is not a whole number, so that no routes can be made of it`,
		},
	} {
		in := routedBy(t, annotations, nil)
		got := []string{}
		for _, p := range v1.Validate(in.Deployment, in.Config.Rules(in.Servers)) {
			got = append(got, p.Error())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", annotations, diff)
		}
	}
}

// TestMorePredictorsThanRules: a route of the Gateway API has 16 rules at most.
func TestMorePredictorsThanRules(t *testing.T) {
	var text strings.Builder
	text.WriteString("metadata: {name: d}\nspec:\n  predictors:\n")
	for i := range 20 {
		fmt.Fprintf(&text, "  - {name: p%d, traffic: 5, graph: {name: m, implementation: SIMPLE_MODEL}}\n", i)
	}
	in := input(t, parse(t, text.String()), map[string]string{"GATEWAY_API_ENABLED": "true", "GATEWAY_API_GATEWAY": "g"})
	warnings := expand.Warnings(in.Deployment, in.Config)
	if len(warnings) != 5 || !strings.Contains(warnings[0].Error(), "spec.predictors[15].name: gets no requests that name it by the header Seldon-Predictor: a route has 16 rules at most") {
		t.Errorf("got %v", warnings)
	}
	out, err := expand.Expand(in)
	if err != nil {
		t.Fatal(err)
	}
	routes := 0
	for _, o := range out {
		switch route := o.(type) {
		case *gatewayv1.HTTPRoute:
			routes += len(route.Spec.Rules)
		case *gatewayv1.GRPCRoute:
			routes += len(route.Spec.Rules)
		}
	}
	if routes != 32 {
		t.Errorf("the routes have %d rules, want 16 each", routes)
	}
}

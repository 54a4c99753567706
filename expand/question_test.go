package expand

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	v1 "github.com/prime-radiant/radiant/apis/v1"
)

// TestQuestions: each way is asked by a path, a host and headers that its routes
// lead to the deployment by.
func TestQuestions(t *testing.T) {
	const spec = "predictors: [{name: p, graph: {name: c, type: MODEL}}]"
	executor := func(q Question) Question { q.Path = "/seldon/ns/d/ready"; return q }
	health := func(q Question) Question {
		q.GRPC, q.Path, q.Headers = true, "/grpc.health.v1.Health/Check", map[string]string{"seldon": "d", "namespace": "ns"}
		return q
	}
	atWeb := Question{Way: "the Gateway API", Setting: "GATEWAY_API_ADDRESS", Address: "web.infra",
		Gateways: []GatewayName{{"infra", "web", "http"}, {"ns", "own", ""}}}
	web := Question{Way: "the Gateway API", Setting: "GATEWAY_API_ADDRESS", Gateways: []GatewayName{{"ns", "web", ""}}}
	for name, test := range map[string]struct {
		settings    WaySettings
		annotations map[string]string
		spec        string
		want        []Question
	}{
		"no way": {spec: spec},
		"Gateways": {
			settings: WaySettings{"GATEWAY_API_ENABLED": "true", "GATEWAY_API_GATEWAY": "infra/web/http, own", "GATEWAY_API_ADDRESS": "web.infra"}, spec: spec,
			want: []Question{executor(atWeb), health(atWeb)},
		},
		"a Gateway for calls": {
			settings: WaySettings{"GATEWAY_API_ENABLED": "true", "GATEWAY_API_GATEWAY": "web", "GATEWAY_API_GRPC_GATEWAY": "calls"}, spec: spec,
			want: []Question{executor(web), health(Question{Way: web.Way, Setting: web.Setting, Gateways: []GatewayName{{"ns", "calls", ""}}})},
		},
		"a Gateway for calls, which is not at the address": {
			settings: WaySettings{"GATEWAY_API_ENABLED": "true", "GATEWAY_API_GATEWAY": "infra/web/http, own", "GATEWAY_API_GRPC_GATEWAY": "calls", "GATEWAY_API_ADDRESS": "web.infra"},
			spec:     spec, want: []Question{executor(atWeb)},
		},
		"a host of a Gateway, no executor": {
			settings:    WaySettings{"GATEWAY_API_ENABLED": "true", "GATEWAY_API_GATEWAY": "web"},
			annotations: map[string]string{"seldon.io/gateway-host": "*.example.com, other"},
			spec:        `{protocol: v2, predictors: [{name: p, annotations: {seldon.io/no-engine: "true"}, graph: {name: c, type: MODEL}}]}`,
			want: []Question{{Way: "the Gateway API", Setting: "GATEWAY_API_ADDRESS", Gateways: []GatewayName{{"ns", "web", ""}},
				Host: "any.example.com", Path: "/seldon/ns/d/v2/health/ready", Loose: true}},
		},
		"TensorFlow, no executor": {
			settings: WaySettings{"ISTIO_ENABLED": "true"}, annotations: map[string]string{"seldon.io/istio-host": "models.example.com"},
			spec: `{protocol: tensorflow, predictors: [{name: p, annotations: {seldon.io/no-engine: "true"}, graph: {name: c, type: MODEL}}]}`,
			want: []Question{{Way: "Istio", Setting: "ISTIO_ADDRESS", Host: "models.example.com", Path: "/seldon/ns/d/v1/models/c", Loose: true}},
		},
		"Ambassador": {
			settings:    WaySettings{"AMBASSADOR_ENABLED": "true", "AMBASSADOR_SINGLE_NAMESPACE": "true", "AMBASSADOR_ADDRESS": "ambassador:80"},
			annotations: map[string]string{"seldon.io/ambassador-service-name": "other", "seldon.io/ambassador-header": "team: blue"}, spec: spec,
			want: []Question{{Way: "Ambassador", Setting: "AMBASSADOR_ADDRESS", Address: "ambassador:80", Path: "/seldon/other/ready",
				Headers: map[string]string{"team": "blue"}}},
		},
		"Ambassador by a pattern": {
			settings:    WaySettings{"AMBASSADOR_ENABLED": "true"},
			annotations: map[string]string{"seldon.io/ambassador-regex-header": "team: b.*"}, spec: spec,
			want: []Question{executor(Question{Way: "Ambassador", Setting: "AMBASSADOR_ADDRESS", Headers: map[string]string{},
				Obstacle: "it asks for headers by a pattern"})},
		},
		"Ambassador, written by hand": {
			settings: WaySettings{"AMBASSADOR_ENABLED": "true"}, annotations: map[string]string{"seldon.io/ambassador-config": "x"}, spec: spec,
			want: []Question{executor(Question{Way: "Ambassador", Setting: "AMBASSADOR_ADDRESS",
				Obstacle: "the annotation seldon.io/ambassador-config takes the place of its routes"})},
		},
		"two ways": {
			settings: WaySettings{"INGRESS_ENABLED": "true", "INGRESS_HOST": "in.example.com", "ISTIO_ENABLED": "true"}, spec: spec,
			want: []Question{
				executor(Question{Way: "Istio", Setting: "ISTIO_ADDRESS"}),
				executor(Question{Way: "Ingress", Setting: "INGRESS_ADDRESS", Ingress: "d", Host: "in.example.com"}),
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			text := "apiVersion: machinelearning.seldon.io/v1\nkind: SeldonDeployment\nmetadata: {name: d, namespace: ns}\nspec: {" +
				strings.TrimSuffix(strings.TrimPrefix(test.spec, "{"), "}") + "}\n"
			docs, _, err := v1.Decode("", strings.NewReader(text))
			if err != nil || len(docs) != 1 {
				t.Fatal(err, len(docs))
			}
			d := docs[0].Deployment
			d.Spec.Annotations = test.annotations
			c := DefaultConfig()
			c.Ingress = c.Ingress.With(test.settings)
			if diff := cmp.Diff(test.want, Questions(d, c)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

package expand_test

import (
	"reflect"
	"strconv"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/expand/expandtest"
)

// TestValidDeploymentsExpand: whatever validation does not find fault with
// becomes objects that an API server takes, twice the same ones.
func TestValidDeploymentsExpand(t *testing.T) {
	const many = 500
	in := input(t, nil, nil)
	valid := 0
	for seed := range uint64(many) {
		d := expandtest.Valid(seed, in.Config.Rules(in.Servers))
		if d == nil {
			continue
		}
		valid++
		in.Deployment, in.Config.KEDA = d, seed%2 == 0
		in.Config.Ingress = expand.DefaultWays().With(expand.WaySettings{
			"GATEWAY_API_GATEWAY": "g", "ISTIO_GATEWAY": "g", "AMBASSADOR_VERSION": "v2",
		})
		for i, w := range expand.Ways() {
			often := []uint64{3, 5, 7, 11}[i%4]
			in.Config.Ingress[w.Settings[0].Name] = strconv.FormatBool(seed%often == 0)
		}
		objects, err := expand.Expand(in)
		if err != nil {
			t.Error(err)
		}
		check(t, objects)
		if again, err := expand.Expand(in); err != nil || !reflect.DeepEqual(objects, again) {
			t.Errorf("a second expansion differs (error %v)", err)
		}
		if t.Failed() {
			text, _ := yaml.Marshal(d)
			t.Fatalf("of seed %d:\n%s", seed, text)
		}
	}
	if valid < many/4 {
		t.Errorf("only %d of %d deployments are valid: the generator throws too wildly", valid, many)
	}
}

// TestAnythingExpandsOrIsRefused: a deployment with faults ends in objects or
// an error, whatever the installation is.
func TestAnythingExpandsOrIsRefused(t *testing.T) {
	in := input(t, nil, map[string]string{
		"GATEWAY_API_ENABLED": "true", "GATEWAY_API_GATEWAY": "g", "GATEWAY_API_MIRROR": "TraefikService", "ISTIO_ENABLED": "true",
		"AMBASSADOR_ENABLED": "true", "INGRESS_ENABLED": "true", "INGRESS_CONTROLLER": "traefik", "KEDA_ENABLED": "true",
	})
	refused := 0
	for seed := range uint64(300) {
		in.Deployment = expandtest.Deployment(seed)
		if seed%3 == 0 { // Without a part that others lean on.
			p := &in.Deployment.Spec.Predictors[0]
			p.ComponentSpecs, p.Name, p.Graph.Implementation = nil, "", ""
		}
		if _, err := expand.Expand(in); err != nil {
			refused++
		}
		expand.Warnings(in.Deployment, in.Config)
	}
	t.Logf("%d were refused", refused)
}

package controller_test

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/expand/expandtest"
	"github.com/prime-radiant/radiant/manifests"
	"github.com/prime-radiant/radiant/operator/controller"
)

// TestAPIServerTakesWhatValidationTakes: valid deployments, thrown together
// from everything that users write, become objects that the API server takes,
// and that are seen to be as they should be afterwards.
func TestAPIServerTakesWhatValidationTakes(t *testing.T) {
	t.Parallel()
	const many = 100
	w := newWorld(t, server)
	servers, err := manifests.Load()
	if err != nil {
		t.Fatal(err)
	}
	config := expand.DefaultConfig()
	applier := controller.Applier{Client: w.Client, DryRun: true}
	taken := 0
	for seed := uint64(0); taken < many; seed++ {
		if seed == 10*many {
			t.Fatalf("only %d of %d deployments are valid", taken, seed)
		}
		d := expandtest.Valid(seed, config.Rules(servers))
		if d == nil {
			continue
		}
		taken++
		d.Namespace, d.UID = w.namespace, "d9b2d63d-a233-4123-847a-0b8d8e6e8c0b"
		in := expand.Input{Deployment: d, Config: config, Servers: servers}
		in.Config.Ingress["INGRESS_ENABLED"] = "true"
		objects, err := expand.Expand(in)
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range objects {
			desired, err := controller.Prepare(o)
			if err != nil {
				t.Fatal(err)
			}
			answer := &unstructured.Unstructured{}
			err = applier.Apply(t.Context(), desired, nil, answer)
			if err == nil && desired.IsCurrent(answer) {
				continue
			}
			text, _ := yaml.Marshal(d)
			if err != nil {
				t.Fatalf("%v\nof seed %d:\n%s", err, seed, text)
			}
			applied, _ := yaml.Marshal(answer)
			t.Fatalf("%s %s would be applied again\n%s\nof seed %d:\n%s", o.GetObjectKind().GroupVersionKind().Kind, o.GetName(), applied, seed, text)
		}
	}
}

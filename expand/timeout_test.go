package expand_test

import (
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"

	"github.com/prime-radiant/radiant/expand"
)

// TestCallTimeout: the installation's time limit is that of a deployment without
// one, and validation notes where there is none at all, or which one holds unseen.
func TestCallTimeout(t *testing.T) {
	const plain, own = `{}`, `{seldon.io/rest-timeout: "100", seldon.io/grpc-timeout: "200"}`
	for name, c := range map[string]struct {
		annotations, setting, policy string
		rest, grpc                   string
		noted                        string
	}{
		"none":                     {plain, "", "", "", "", "calls have no time limit"},
		"the installation's":       {plain, "3000", "", "3000", "3000", "a call on a node ends after 3000 ms, which is EXECUTOR_CALL_TIMEOUT_MS"},
		"its own":                  {own, "3000", "", "100", "200", ""},
		"its own, by itself":       {own, "", "", "100", "200", ""},
		"of REST alone":            {`{seldon.io/rest-timeout: "100"}`, "3000", "", "100", "3000", ""},
		"by the node's own policy": {plain, "", "policy: {timeout: 1s},", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := parse(t, `
metadata: {name: d}
spec:
  annotations: `+c.annotations+`
  predictors: [{name: p, graph: {name: m, implementation: SKLEARN_SERVER, `+c.policy+` modelUri: "gs://m"}}]`)
			in := input(t, d, map[string]string{"EXECUTOR_CALL_TIMEOUT_MS": c.setting})
			objects, err := expand.Expand(in)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range objects {
				if deployment, ok := o.(*appsv1.Deployment); ok {
					pod := deployment.Spec.Template.Annotations
					if pod["seldon.io/rest-timeout"] != c.rest || pod["seldon.io/grpc-timeout"] != c.grpc {
						t.Errorf("the pod has the limits %q and %q, want %q and %q", pod["seldon.io/rest-timeout"], pod["seldon.io/grpc-timeout"], c.rest, c.grpc)
					}
				}
			}
			said := expand.TimeLimit(d, in.Config)
			if len(said) > 1 || (len(said) == 1) != (c.noted != "") || !strings.Contains(fmt.Sprint(said), c.noted) {
				t.Errorf("said %v, want %q", said, c.noted)
			}
		})
	}
}

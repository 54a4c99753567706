//go:build e2e

package e2e

import (
	"fmt"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/tests/kit/cases"
)

// What is wrong with a pod is in the status in words, and the right YAML heals
// it.
func TestTroubles(t *testing.T) {
	t.Parallel()
	const image = "image: 'seldonio/mock_classifier_rest:1.3'"
	for _, trouble := range []struct {
		name      string
		container string
		// reason is in a condition, words are in the description.
		reason string
		words  []string
	}{
		{"no-image", "image: 'example/nowhere:7'", "ImagePullBackOff", []string{"container classifier", "example/nowhere:7"}},
		{
			"crash", image + ", env: [{name: WORK, value: lots}], terminationMessagePolicy: FallbackToLogsOnError", "CrashLoopBackOff",
			[]string{"container classifier", "exit code 1", `WORK: strconv.Atoi: parsing "lots"`},
		},
		{"node-too-small", image + ", resources: {requests: {memory: 900Gi}}", "Unschedulable", []string{"Insufficient memory"}},
		{
			"out-of-memory", image + ", env: [{name: MEMORY, value: '200'}], resources: {limits: {memory: 64Mi}}", "CrashLoopBackOff",
			[]string{"container classifier", "OOMKilled"},
		},
	} {
		t.Run(trouble.name, func(t *testing.T) {
			t.Parallel()
			namespace := "trouble-" + trouble.name
			w := newWorld(t, namespace)
			w.applyText(oneContainer(trouble.container))
			began := time.Now()
			w.eventually("the status tells of it", func() error {
				status := w.deployment("model").Status
				for _, c := range status.Conditions {
					if c.Reason == trouble.reason {
						return mentions(status.Description, trouble.words...)
					}
				}
				return fmt.Errorf("%s: %s", status.State, status.Description)
			})
			t.Logf("after %.1f s the status says: %s", time.Since(began).Seconds(), w.deployment("model").Status.Description)
			w.applyText(oneContainer(image))
			w.available("model")
			r := cases.Request{
				Transport: "rest", Path: "/seldon/" + namespace + "/model/api/v1.0/predictions",
				BodyFile: "classifier.json", ExpectFile: "classifier.expect.json", Tolerance: 1e-9,
			}
			w.eventually("it answers", func() error { return cases.Run(gatewayREST(), "testdata", r) })
			w.delete("model")
		})
	}
}

// oneContainer is a deployment of one container with these fields.
func oneContainer(fields string) string {
	return fmt.Sprintf(`
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: model}
spec:
  predictors:
  - name: default
    graph: {name: classifier, type: MODEL}
    componentSpecs: [{spec: {containers: [{name: classifier, %s}]}}]
`, fields)
}

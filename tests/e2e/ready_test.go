//go:build e2e

package e2e

import (
	"fmt"
	"sync"
	"testing"
)

// A deployment is ready when requests reach it: the first ones after that, over REST and
// gRPC, are answered, through a gateway that needs a moment to learn of pods.
func TestReady(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "ready")
	const deployments, atOnce = 30, 6
	names := make(chan string)
	var workers sync.WaitGroup
	for range atOnce {
		workers.Go(func() {
			for name := range names {
				if err := w.firstRequest(name); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
	for i := range deployments {
		names <- fmt.Sprintf("fresh-%d", i)
	}
	close(names)
	workers.Wait()
}

// firstRequest makes a deployment, waits until it is ready, sends one request over REST and
// one over gRPC, and deletes the deployment. Its error is that of the request, or of what came
// before it.
func (w *world) firstRequest(name string) error {
	const fresh = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: %s}
spec:
  predictors:
  - name: default
    graph: {name: classifier, type: MODEL}
    componentSpecs:
    - spec:
        terminationGracePeriodSeconds: 1
        containers:
        - name: classifier
          image: seldonio/mock_classifier_rest:1.3
          env: [{name: WORK, value: "0"}]
          resources: {requests: {cpu: 10m, memory: 16Mi}}
`
	if err := w.tryApply(fmt.Sprintf(fresh, name)); err != nil {
		return err
	}
	ask, call := w.rest(name, newTally(0)), w.rpc(name, newTally(0))
	if out, err := w.tryKubectl("wait", "--for=condition=Ready", "sdep/"+name, "--timeout="+patience.String()); err != nil {
		return fmt.Errorf("kubectl wait: %w: %s", err, out)
	}
	if err := ask(w.t.Context()); err != nil {
		return fmt.Errorf("the first request: %w", err)
	}
	if err := call(w.t.Context()); err != nil {
		return fmt.Errorf("the first call over gRPC: %w", err)
	}
	reachable, err := w.tryKubectl("get", "sdep", name, "-o", `jsonpath={.status.conditions[?(@.type=="Reachable")].status}`)
	if err != nil {
		return fmt.Errorf("reading its conditions: %w", err)
	}
	if reachable != "True" {
		return fmt.Errorf("the condition Reachable is %q", reachable)
	}
	_, err = w.tryKubectl("delete", "sdep", name, "--wait=false")
	return err
}

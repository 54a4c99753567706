//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// What happens to pods, to their node and to the operator loses no request of a
// deployment with two pods and a disruption budget, over REST and over gRPC.
func TestNothingIsLost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "faults")
	w.applyText(read(t, "testdata/steady.yaml"))
	w.available("steady")
	for _, f := range []struct {
		name string
		do   func(*world)
	}{
		{"rolling update", (*world).rollingUpdate},
		{"pod deleted", (*world).podDeleted},
		{"node drained", (*world).nodeDrained},
		{"operator restarted", (*world).operatorRestarted},
	} {
		t.Run(f.name, func(t *testing.T) { w.in(t).survives("steady", f.do) })
	}
	w.delete("steady")
}

// in is the same namespace in a part of the test.
func (w *world) in(t *testing.T) *world {
	part := *w
	part.t = t
	return &part
}

// survives sends requests to the deployment while fault happens.
func (w *world) survives(deployment string, fault func(*world)) {
	const before, after = model(0), model(1)
	loads := w.load(deployment, newTally(before, after))
	defer func() {
		for _, l := range loads {
			l.stop(w.t)
		}
	}()
	fault(w)
}

// load sends requests over REST and over gRPC, at a steady rate.
func (w *world) load(deployment string, answers *tally) []*load {
	rest, rpc := w.rest(deployment, answers), w.rpc(deployment, answers)
	w.eventually("REST answers", func() error { return rest(w.t.Context()) })
	w.eventually("gRPC answers", func() error { return rpc(w.t.Context()) })
	return []*load{startLoad("REST", 20, 100, rest), startLoad("gRPC", 20, 20, rpc)}
}

func (w *world) rollingUpdate() {
	w.kubectl("patch", "sdep", "steady", "--type=json", "-p",
		`[{"op": "replace", "path": "/spec/predictors/0/componentSpecs/0/spec/containers/0/env/1/value", "value": "1"}]`)
	w.available("steady")
	w.steady("steady", 2)
	w.ask(100, w.rest("steady", newTally(1)))
}

func (w *world) podDeleted() {
	w.kubectl("delete", "pod", "--wait=false", w.podNames(podsOf("steady"))[0])
	w.steady("steady", 2)
}

// podsOf selects the pods of a deployment, in any namespace.
func podsOf(deployment string) string { return "seldon-deployment-id=" + deployment }

// steady waits until a deployment has so many pods, all ready, and none that ends.
func (w *world) steady(deployment string, pods int) {
	w.t.Helper()
	w.eventually(fmt.Sprintf("there are %d ready pods", pods), func() error {
		list := &corev1.PodList{}
		if err := w.client.List(w.t.Context(), list, client.InNamespace(w.namespace), client.MatchingLabels{"seldon-deployment-id": deployment}); err != nil {
			return err
		}
		ready := 0
		for i := range list.Items {
			if isReady(&list.Items[i]) {
				ready++
			}
		}
		if ready != pods || len(list.Items) != pods {
			return fmt.Errorf("%d pods, %d ready", len(list.Items), ready)
		}
		return nil
	})
}

func isReady(p *corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue && p.DeletionTimestamp == nil
		}
	}
	return false
}

// nodeDrained drains the only node of this deployment's pods. The budget holds
// the second pod until the first one's replacement serves, and that finds no
// place while the node takes no pods.
func (w *world) nodeDrained() {
	node := w.kubectl("get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")
	old := w.podNames(podsOf("steady"))
	// Whatever happens, others get their place back.
	w.t.Cleanup(func() { w.kubectl("uncordon", node) })
	type result struct {
		text string
		err  error
	}
	drained := make(chan result, 1)
	go func() {
		text, err := w.tryKubectl("drain", node, "--pod-selector="+podsOf("steady"), "--ignore-daemonsets", "--timeout="+patience.String())
		drained <- result{text, err}
	}()
	w.eventually("a pod has gone", func() error {
		if left := w.podNames(podsOf("steady")); containsAll(left, old) {
			return fmt.Errorf("there are %v", left)
		}
		return nil
	})
	w.kubectl("uncordon", node)
	r := <-drained
	if r.err != nil {
		w.t.Errorf("kubectl drain: %v\n%s", r.err, r.text)
	}
	w.t.Logf("the budget refused %d evictions", strings.Count(r.text, "disruption budget"))
	w.steady("steady", 2)
	for _, pod := range w.podNames(podsOf("steady")) {
		if containsAll(old, []string{pod}) {
			w.t.Errorf("pod %s was not drained", pod)
		}
	}
}

func containsAll(list, elements []string) bool {
	in := map[string]bool{}
	for _, e := range list {
		in[e] = true
	}
	for _, e := range elements {
		if !in[e] {
			return false
		}
	}
	return true
}

// operatorRestarted restarts the operator; it finds everything as it left it.
func (w *world) operatorRestarted() {
	const operator = "deployment/seldon-controller-manager"
	pods, generation := w.podNames(podsOf("steady")), w.generation()
	w.kubectl("--namespace", "seldon-system", "rollout", "restart", operator)
	w.kubectl("--namespace", "seldon-system", "rollout", "status", operator, "--timeout="+patience.String())
	w.available("steady")
	w.steady("steady", 2)
	if now := w.podNames(podsOf("steady")); !containsAll(now, pods) || w.generation() != generation {
		w.t.Errorf("pods were %v and are %v; the Deployment's generation was %s and is %s", pods, now, generation, w.generation())
	}
}

func (w *world) generation() string {
	return w.kubectl("get", "deployment", "steady-default-0-classifier", "-o", "jsonpath={.metadata.generation}")
}

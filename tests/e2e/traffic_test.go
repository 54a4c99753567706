//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// A new model comes beside the one that answers and gets a share of the
// requests, then all of them, then the old one is removed. No request fails on
// the way.
func TestCanary(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "canary")
	const old, fresh = model(0), model(1)
	alone, _, _ := strings.Cut(read(t, "testdata/canary.yaml"), "  - name: new\n")
	w.applyText(strings.Replace(alone, "traffic: 90", "traffic: 100", 1))
	w.available("canary")
	answers, rpcAnswers := newTally(old, fresh), newTally(old, fresh)
	rest, rpc := w.rest("canary", answers), w.rpc("canary", rpcAnswers)
	w.eventually("REST answers", func() error { return rest(t.Context()) })
	w.eventually("gRPC answers", func() error { return rpc(t.Context()) })

	loads := []*load{startLoad("REST", 20, 100, rest), startLoad("gRPC", 20, 20, rpc)}
	w.applyText(read(t, "testdata/canary.yaml"))
	w.available("canary")
	w.eventually("the new model gets requests", func() error { return answers.some(fresh) })
	counted := newTally(old, fresh)
	w.ask(2000, w.rest("canary", counted))
	within(t, counted.reset()[fresh], 2000, 0.1)
	for name, m := range map[string]model{"old": old, "new": fresh} {
		named := newTally(old, fresh)
		w.ask(100, w.rest("canary", named, name))
		w.ask(100, w.rpc("canary", named, name))
		if err := named.only(m, 200); err != nil {
			t.Errorf("requests that name the predictor %s: %v", name, err)
		}
	}

	w.kubectl("patch", "sdep", "canary", "--type=json", "-p", `[
		{"op": "replace", "path": "/spec/predictors/0/traffic", "value": 0},
		{"op": "replace", "path": "/spec/predictors/1/traffic", "value": 100}]`)
	w.available("canary")
	for name, a := range map[string]*tally{"REST": answers, "gRPC": rpcAnswers} {
		a.reset()
		w.eventually("only the new model answers over "+name, func() error { return a.only(fresh, 100) })
	}
	w.kubectl("patch", "sdep", "canary", "--type=json", "-p", `[{"op": "remove", "path": "/spec/predictors/0"}]`)
	w.eventually("the old predictor is gone", func() error { return w.gone("canary-old-0-classifier") })
	w.available("canary")
	for _, l := range loads {
		l.stop(t)
	}
	for name, a := range map[string]*tally{"REST": answers, "gRPC": rpcAnswers} {
		counts := a.reset()
		t.Logf("%s, once only the new model answered: %d by it, %d by the old one", name, counts[fresh], counts[old])
		if counts[old] > 0 {
			t.Errorf("%s: the old model answered after the promotion", name)
		}
	}
	w.delete("canary")
}

// within checks a count of n trials against its binomial distribution: beyond
// four standard deviations is one run in 16,000.
func within(t *testing.T, count, n int, share float64) {
	t.Helper()
	mean, bound := float64(n)*share, 4*math.Sqrt(float64(n)*share*(1-share))
	t.Logf("%d of %d requests, %.0f +- %.0f are expected", count, n, mean, bound)
	if math.Abs(float64(count)-mean) > bound {
		t.Errorf("%d of %d requests, want %.0f +- %.0f", count, n, mean, bound)
	}
}

// only returns an error unless m alone gave the last answers, at least n. It
// begins anew where another one answered.
func (t *tally) only(m model, n int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if others := len(t.counts); others > 1 || others == 1 && t.counts[m] == 0 {
		counts := t.counts
		t.counts = map[model]int{}
		return fmt.Errorf("answers by BIAS: %v", counts)
	}
	if t.counts[m] < n {
		return fmt.Errorf("%d answers", t.counts[m])
	}
	return nil
}

// some returns an error until m has answered.
func (t *tally) some(m model) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.counts[m] == 0 {
		return fmt.Errorf("answers by BIAS: %v", t.counts)
	}
	return nil
}

// gone returns an error while a Deployment is there.
func (w *world) gone(name string) error {
	err := w.client.Get(w.t.Context(), client.ObjectKey{Namespace: w.namespace, Name: name}, &appsv1.Deployment{})
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("Deployment %s is there", name)
}

// A shadow gets a copy of every request. That it fails, or is not there, no
// client sees.
func TestShadow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "shadow")
	w.applyText(read(t, "testdata/shadow.yaml"))
	w.available("shadow")
	rest := w.rest("shadow", newTally(0))
	w.eventually("REST answers", func() error { return rest(t.Context()) })
	// The address of the shadow's Service leads to it a moment after it is ready.
	w.eventually("the shadow gets copies", func() error {
		if err := rest(t.Context()); err != nil {
			return err
		}
		if w.shadowed() == 0 {
			return errors.New("none so far")
		}
		return nil
	})

	const n = 400
	before := w.shadowed()
	w.ask(n, rest)
	w.eventually("the shadow has its copies", func() error {
		if got := w.shadowed() - before; got < n {
			return fmt.Errorf("%d copies of %d requests", got, n)
		}
		return nil
	})
	t.Logf("the shadow answered %d copies of %d requests, each with 500", w.shadowed()-before, n)

	l := startLoad("REST", 20, 100, rest)
	w.kubectl("patch", "sdep", "shadow", "--type=json", "-p", `[{"op": "replace", "path": "/spec/predictors/1/replicas", "value": 0}]`)
	w.eventually("the shadow has no pods", func() error {
		if pods := w.podNames("seldon.io/shadow=true"); len(pods) > 0 {
			return fmt.Errorf("there are %v", pods)
		}
		return nil
	})
	w.available("shadow")
	l.stop(t)
	w.delete("shadow")
}

// podNames lists the pods that a selector finds.
func (w *world) podNames(selector string) []string {
	w.t.Helper()
	return strings.Fields(w.kubectl("get", "pods", "-l", selector, "-o", "jsonpath={.items[*].metadata.name}"))
}

// shadowed counts the requests that the shadow's executor answered with 500.
func (w *world) shadowed() int {
	w.t.Helper()
	count := 0
	for _, pod := range w.podNames("seldon.io/shadow=true") {
		text := w.kubectl("get", "--raw", "/api/v1/namespaces/"+w.namespace+"/pods/"+pod+":8000/proxy/prometheus")
		for line := range strings.Lines(text) {
			name, labels, _ := strings.Cut(line, "{")
			labels, value, ok := strings.Cut(labels, "} ")
			if !ok || name != "seldon_api_executor_server_requests_seconds_count" || mentions(labels, `code="500"`) != nil {
				continue
			}
			n, err := strconv.Atoi(strings.TrimSpace(value))
			if err != nil {
				w.t.Fatalf("%s: %v", line, err)
			}
			count += n
		}
	}
	return count
}

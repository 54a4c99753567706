//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"testing"
)

// A predictor that is left without pods loses its share of the requests to the
// other one, beside a shadow, and has it back with its pods. No request fails.
func TestWithoutPods(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "without-pods")
	const first, second = model(0), model(1)
	w.applyText(read(t, "testdata/pair.yaml"))
	w.available("pair")
	answers := newTally(first, second)
	rest, rpc := w.rest("pair", answers), w.rpc("pair", newTally(first, second))
	loads := []*load{startLoad("REST", 20, 50, rest), startLoad("gRPC", 20, 20, rpc)}
	w.eventually("both models answer", func() error { return errors.Join(answers.some(first), answers.some(second)) })

	w.kubectl("patch", "sdep", "pair", "--type=json", "-p", `[{"op": "replace", "path": "/spec/predictors/1/replicas", "value": 0}]`)
	w.eventually("the second model has no pods", func() error {
		if pods := w.podNames("version=second"); len(pods) > 0 {
			return fmt.Errorf("there are %v", pods)
		}
		return nil
	})
	w.available("pair")
	answers.reset()
	w.eventually("only the first model answers", func() error { return answers.only(first, 200) })
	w.eventually("the status says so", func() error {
		for _, c := range w.deployment("pair").Status.Conditions {
			if c.Type == "RoutesReady" {
				return mentions(c.Message, "predictor second has no pods that serve: its 50 % of the requests go to the others")
			}
		}
		return errors.New("there is no condition RoutesReady")
	})

	w.kubectl("patch", "sdep", "pair", "--type=json", "-p", `[{"op": "replace", "path": "/spec/predictors/1/replicas", "value": 1}]`)
	w.available("pair")
	w.eventually("the second model answers again", func() error { return answers.some(second) })
	for _, l := range loads {
		l.stop(t)
	}
	w.delete("pair")
}

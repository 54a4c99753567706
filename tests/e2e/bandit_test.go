//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// Replicas of a bandit find each other by their headless Service: rewards that reach
// either of them, by the ingress, are known to both, and outlive the pod that took them.
func TestBandits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "bandits")
	w.applyText(read(t, "testdata/bandit.yaml"))
	w.available("bandit")
	const first, second = 60, 40
	for range first {
		w.reward("bandit", 1, 1)
	}
	for range second {
		w.reward("bandit", 0, 0)
	}
	known := func(pods []string) func() error {
		return func() error {
			for _, pod := range pods {
				n, err := w.rewards(pod)
				if err != nil {
					return fmt.Errorf("%s: %w", pod, err)
				}
				if n != first+second {
					return fmt.Errorf("%s knows of %d rewards", pod, n)
				}
			}
			return nil
		}
	}
	pods := w.podNames(podsOf("bandit"))
	if len(pods) != 2 {
		t.Fatalf("there are the pods %v", pods)
	}
	w.eventually("both replicas know all rewards", known(pods))
	w.kubectl("delete", "pod", pods[0], "--wait=true")
	w.eventually("the new replica knows them too", func() error {
		now := w.podNames(podsOf("bandit"))
		if len(now) != 2 || now[0] == pods[0] || now[1] == pods[0] {
			return fmt.Errorf("there are the pods %v", now)
		}
		return known(now)()
	})
	w.delete("bandit")
}

// reward sends feedback by the ingress for a prediction that went to a child.
func (w *world) reward(deployment string, child int, reward float64) {
	w.t.Helper()
	url := fmt.Sprintf("http://%s/seldon/%s/%s/api/v1.0/feedback", gatewayREST(), w.namespace, deployment)
	body := fmt.Sprintf(`{"response":{"meta":{"routing":{"bandit":%d}}},"reward":%v}`, child, reward)
	resp, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		w.t.Fatalf("feedback is answered with %s", resp.Status)
	}
}

// rewards are how many a pod knows of, its own and those of others.
func (w *world) rewards(pod string) (int, error) {
	address, err := w.tryKubectl("get", "pod", pod, "-o", "jsonpath={.status.podIP}")
	if err != nil {
		return 0, err
	}
	resp, err := http.Get("http://" + address + ":8000/state")
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	var told struct {
		States []struct {
			State map[string]struct{ Count float64 }
		}
	}
	if err := json.NewDecoder(resp.Body).Decode(&told); err != nil {
		return 0, fmt.Errorf("%s: %w", resp.Status, err)
	}
	n := 0
	for _, s := range told.States {
		for _, arm := range s.State {
			n += int(arm.Count)
		}
	}
	return n, nil
}

//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	autoscalingv2 "k8s.io/api/autoscaling/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// KEDA makes an autoscaler of the ScaledObject, which adds a pod under load and
// takes it away again; no request fails meanwhile.
func TestKeda(t *testing.T) {
	w := newWorld(t, "keda")
	w.kubectl("apply", "-f", "testdata/keda.yaml")
	w.available("event-driven")
	ask := w.rest("event-driven", newTally(0))
	w.eventually("the gateway answers", func() error { return ask(t.Context()) })
	const target = "event-driven-default-0-classifier"
	w.eventually("KEDA has made an autoscaler", func() error {
		return w.client.Get(context.Background(), client.ObjectKey{Namespace: w.namespace, Name: "keda-hpa-" + target}, &autoscalingv2.HorizontalPodAutoscaler{})
	})

	series := w.watchReplicas(target, new(atomic.Int64))
	l := startLoad("as many as can be", 8, 0, ask)
	w.eventually("there are two pods", func() error { return series.want(2) })
	l.stop(t)
	l = startLoad("a few", 2, 5, ask)
	w.eventually("there is one pod again", func() error { return series.want(1) })
	w.eventually("the other pod is gone", func() error {
		if pods := w.podNames("seldon-deployment-id=event-driven"); len(pods) != 1 {
			return fmt.Errorf("there are %v", pods)
		}
		return nil
	})
	l.stop(t)
	t.Log("ready pods over time:\n" + series.stop())
	w.writesNoReplicas(target)
	w.delete("event-driven")
	w.eventually("KEDA's autoscaler is gone", func() error {
		return mentions(w.kubectl("get", "hpa"), "No resources found")
	})
}

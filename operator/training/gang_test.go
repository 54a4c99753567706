package training_test

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/prime-radiant/radiant/apis/kubeflow"
)

// node adds a node with so many cores to the cluster, for this test.
func (w *world) node(name, cpu string) {
	w.Helper()
	n := &corev1.Node{}
	n.Name = w.namespace + "-" + name
	c, err := client.New(server.Config(), client.Options{Scheme: scheme(w.TB)})
	if err != nil {
		w.Fatal(err)
	}
	if err := c.Create(w.Context(), n); err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = c.Delete(w.Context(), n) })
	n.Status.Allocatable = corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse(cpu), corev1.ResourceMemory: resource.MustParse("8Gi"), corev1.ResourcePods: resource.MustParse("100"),
	}
	n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	if err := c.Status().Update(w.Context(), n); err != nil {
		w.Fatal(err)
	}
	n.Spec.Taints = nil // There is no controller to take away what new nodes have.
	if err := c.Update(w.Context(), n); err != nil {
		w.Fatal(err)
	}
}

// held lists the pods that the scheduler may not place.
func (w *world) held() string {
	w.Helper()
	list := &corev1.PodList{}
	if err := w.List(w.Context(), list); err != nil {
		w.Fatal(err)
	}
	var names []string
	for i := range list.Items {
		if len(list.Items[i].Spec.SchedulingGates) > 0 {
			names = append(names, list.Items[i].Name)
		}
	}
	return strings.Join(names, " ")
}

func (w *world) awaitHeld(want string) {
	w.Helper()
	w.eventually(func() string {
		if got := w.held(); got != want {
			return fmt.Sprintf("%q are held back, want %q", got, want)
		}
		return ""
	})
}

// TestAllStartOrNone: pods of a job that starts as one are held back until the nodes have
// room for all of them, beside those of other jobs; the status says what for. A pod of a
// job that runs is not held back.
func TestAllStartOrNone(t *testing.T) {
	w := newWorld(t)
	w.node("a", "2")
	w.node("b", "1")
	w.start()
	job := func(name string) string {
		text := strings.Replace(tfJob("", ", annotations: {radiant.io/start: all, radiant.io/restart: all}"), "name: dist", "name: "+name, 1)
		return strings.ReplaceAll(text, "image: trainer", "image: trainer, resources: {requests: {cpu: 1}}")
	}
	w.apply(job("dist"))
	w.awaitHeld(allPods)
	w.eventually(func() string {
		got := message(w.status("dist"), kubeflow.JobCreated)
		want := "TFJobWaiting: TFJob dist waits for room: there is room for 3 of its 4 pods: no node that dist-worker-1 may run on has cpu 1 free beside the others"
		if got != want {
			return fmt.Sprintf("the status says %q, want %q", got, want)
		}
		return ""
	})
	w.node("c", "1")
	w.awaitHeld("")
	if got := w.names(&corev1.PodList{}); got != allPods {
		t.Errorf("there are %s", got)
	}
	w.eventually(func() string {
		if got := message(w.status("dist"), kubeflow.JobCreated); got != "TFJobCreated: TFJob dist has room for all of its pods" {
			return "the status says " + got
		}
		return ""
	})

	// What the first is about to take, the second does not get, until that has ended.
	w.apply(job("more"))
	more := strings.ReplaceAll(allPods, "dist", "more")
	w.awaitHeld(more)
	w.runs("dist-ps-0", "dist-ps-1", "dist-worker-0", "dist-worker-1")
	w.await("dist", kubeflow.JobRunning)
	w.eventually(func() string {
		if got := message(w.status("more"), kubeflow.JobCreated); !strings.Contains(got, "there is room for 0 of its 4 pods") {
			return "the status says " + got
		}
		return ""
	})
	if got := w.held(); got != more {
		t.Errorf("%q are held back, want %q", got, more)
	}
	w.ends("dist-worker-0", 0)
	w.await("dist", kubeflow.JobSucceeded)
	w.awaitHeld("")
}

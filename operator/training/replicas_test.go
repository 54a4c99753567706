package training_test

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/prime-radiant/radiant/apis/kubeflow"
	"github.com/prime-radiant/radiant/train"
)

// TestReplicasOfARunningJob: the API server refuses another number of pods for a job
// that runs. One that is suspended may be changed, and resumes with pods that know each
// other; what is no longer needed goes.
func TestReplicasOfARunningJob(t *testing.T) {
	w := newWorld(t)
	w.start()
	workers := func(n int, more string) string {
		return strings.Replace(tfJob(more, ""), "worker: {replicas: 2", fmt.Sprintf("worker: {replicas: %d", n), 1)
	}
	w.apply(workers(2, ""))
	w.awaitPods(allPods)
	w.await("dist", kubeflow.JobCreated)
	for _, text := range []string{workers(3, ""), workers(1, ""), strings.Replace(workers(2, ""), "worker:", "Evaluator:", 1)} {
		if err := w.tryApply(text); err == nil || !strings.Contains(err.Error(), "a job that runs keeps its replicas, since its pods know each other by them; suspend it") {
			t.Errorf("the API server says %v of\n%s", err, text)
		}
	}
	// Anything else may change.
	w.apply(workers(2, "runPolicy: {backoffLimit: 7}"))

	for _, c := range []struct {
		n    int
		pods string
	}{{3, allPods + " dist-worker-2"}, {1, "dist-ps-0 dist-ps-1 dist-worker-0"}} {
		w.apply(workers(c.n, "runPolicy: {suspend: true}"))
		w.await("dist", kubeflow.JobSuspended)
		w.awaitPods("")
		w.apply(workers(c.n, "runPolicy: {suspend: false}"))
		w.awaitPods(c.pods)
		if got := w.names(&corev1.ServiceList{}); got != c.pods {
			t.Errorf("Services are %s, want %s", got, c.pods)
		}
		told := ""
		for _, e := range w.pod("dist-worker-0").Spec.Containers[0].Env {
			if e.Name == train.TFConfig {
				told = e.Value
			}
		}
		if n := strings.Count(told, "dist-worker-"); n != c.n {
			t.Errorf("worker 0 is told of %d workers: %s", n, told)
		}
	}
}

// TestSlotsOfARunningJob: the same of an MPIJob, whose hosts are in a ConfigMap.
func TestSlotsOfARunningJob(t *testing.T) {
	w := newWorld(t)
	w.start()
	job := func(slots, workers int, suspend bool) string {
		return fmt.Sprintf(`
apiVersion: kubeflow.org/v2beta1
kind: MPIJob
metadata: {name: ring}
spec:
  slotsPerWorker: %d
  runPolicy: {suspend: %v}
  mpiReplicaSpecs:
    Launcher: {template: {spec: {containers: [{name: mpi, image: i}]}}}
    Worker: {replicas: %d, template: {spec: {containers: [{name: mpi, image: i}]}}}
`, slots, suspend, workers)
	}
	hosts := func() string {
		m := &corev1.ConfigMap{}
		if err := w.Get(t.Context(), client.ObjectKey{Name: "ring-config"}, m); err != nil {
			t.Fatal(err)
		}
		return m.Data["hostfile"]
	}
	w.apply(job(2, 2, false))
	w.awaitPods("ring-launcher ring-worker-0 ring-worker-1")
	w.await("ring", kubeflow.JobCreated)
	for _, text := range []string{job(4, 2, false), job(2, 3, false)} {
		if err := w.tryApply(text); err == nil || !strings.Contains(err.Error(), "a job that runs keeps its replicas, and its slots") {
			t.Errorf("the API server says %v of\n%s", err, text)
		}
	}
	w.apply(job(4, 1, true))
	w.await("ring", kubeflow.JobSuspended)
	w.awaitPods("")
	w.apply(job(4, 1, false))
	w.awaitPods("ring-launcher ring-worker-0")
	if got := hosts(); got != "ring-worker-0 slots=4\n" {
		t.Errorf("the hosts are %q", got)
	}
}

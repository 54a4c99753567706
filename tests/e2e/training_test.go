//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// A TFJob runs in pods that find each other by name, and ends by worker 0. A worker
// that is lost has all start again where the job asks for it, or fails the job,
// which says so.
func TestTrainingJob(t *testing.T) {
	t.Parallel()
	written, err := os.ReadFile("testdata/tfjob.yaml")
	if err != nil {
		t.Fatal(err)
	}
	job := strings.NewReplacer("dist-mnist", "lasting", "WORK\", \"1\"", "WORK\", \"3600\"").Replace(string(written))

	t.Run("succeeds", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, "train-well")
		began := time.Now()
		// The file is as it was; what its program is written for is said beside it.
		w.applyText(strings.Replace(string(written), "name: dist-mnist", "name: dist-mnist\n  annotations: {radiant.io/strategy: multiworkermirrored}", 1))
		w.awaitJob("tfjob/dist-mnist", "Succeeded")
		for i, name := range []string{"dist-mnist-worker-0", "dist-mnist-worker-1"} {
			w.eventually("the log of "+name, func() error {
				want := fmt.Sprintf(`hostname %s cluster {"worker": ["dist-mnist-worker-0.train-well.svc:2222", "dist-mnist-worker-1.train-well.svc:2222"]}`, name)
				out, err := w.tryKubectl("logs", name)
				if err != nil && i > 0 { // By cleanPodPolicy the one that still ran is gone.
					return nil
				}
				return mentions(out, want, "sum of all ranks 11")
			})
		}
		w.eventually("what still ran is gone", func() error {
			if out := w.kubectl("get", "pods", "-o", "name"); strings.Contains(out, "-ps-") {
				return fmt.Errorf("there are %s", out)
			}
			return nil
		})
		t.Logf("a job of two workers, which meet and end: %.1f s", time.Since(began).Seconds())
	})

	t.Run("all start again", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, "train-again")
		w.applyText(strings.Replace(job, "name: lasting", "name: lasting\n  annotations: {radiant.io/strategy: multiworkermirrored, radiant.io/restart: all}", 1))
		meet := func() {
			for _, name := range []string{"lasting-worker-0", "lasting-worker-1"} {
				w.eventually(name+" meets the other", func() error {
					out, err := w.tryKubectl("logs", name)
					if err != nil {
						return err
					}
					return mentions(out, "sum of all ranks 11")
				})
			}
		}
		meet()
		w.awaitJob("tfjob/lasting", "Running")
		before := w.kubectl("get", "pods", "-l", "training.kubeflow.org/replica-type=worker", "-o", "jsonpath={.items[*].metadata.uid}")
		began := time.Now()
		w.kubectl("delete", "pod", "lasting-worker-1")
		w.eventually("both are made anew", func() error {
			after := w.kubectl("get", "pods", "-l", "training.kubeflow.org/replica-type=worker", "-o", "jsonpath={.items[*].metadata.uid}")
			for _, uid := range strings.Fields(before) {
				if strings.Contains(after, uid) || len(strings.Fields(after)) != 2 {
					return fmt.Errorf("pods are %s, and were %s", after, before)
				}
			}
			return nil
		})
		meet()
		w.awaitJob("tfjob/lasting", "Running")
		if n := w.kubectl("get", "tfjob", "lasting", "-o", "jsonpath={.status.restarts}"); n != "1" {
			t.Errorf("there are %s restarts", n)
		}
		t.Logf("a worker was deleted; all had met again after %.1f s", time.Since(began).Seconds())
	})

	t.Run("fails", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t, "train-badly")
		failing := strings.NewReplacer("name: dist-mnist", "name: badly\n  annotations: {radiant.io/strategy: multiworkermirrored}",
			`CODE", "0"`, `CODE", "7"`).Replace(string(written))
		w.applyText(strings.Replace(failing, `WORK", "1"`, `WORK", "30" if me == 0 else "0"`, 1))
		began := time.Now()
		w.awaitJob("tfjob/badly", "Failed")
		message := w.kubectl("get", "tfjob", "badly", "-o", `jsonpath={.status.conditions[?(@.type=="Failed")].message}`)
		if want := "badly-worker-1 failed with exit code 7; its restartPolicy is Never"; message != want {
			t.Errorf("the job failed by %q, want %q", message, want)
		}
		t.Logf("it failed %.1f s after it was applied", time.Since(began).Seconds())
	})
}

// awaitJob waits until a condition of a job, as KIND/NAME, is true.
func (w *world) awaitJob(name, condition string) {
	w.t.Helper()
	w.eventually(name+" is "+condition, func() error {
		status := w.kubectl("get", name, "-o", fmt.Sprintf(`jsonpath={.status.conditions[?(@.type==%q)].status}`, condition))
		if status != "True" {
			return fmt.Errorf("conditions are %s", w.kubectl("get", name, "-o", "jsonpath={.status.conditions}"))
		}
		return nil
	})
}

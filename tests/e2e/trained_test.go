//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/tests/kit/long"
	"github.com/prime-radiant/radiant/tests/kit/programs"
)

// leastAccuracy is what a trained model has to know of the held-out digits.
const leastAccuracy = 0.97

// The article's TFJob, unchanged, trains with real TensorFlow on two workers: by an
// annotation that the command line adds, and in an overlay, from whose folder the
// trained model is served. The parameter servers, which have nothing to do then, go.
func TestTFJob(t *testing.T) {
	t.Parallel()
	t.Run("annotated", func(t *testing.T) {
		w := newWorld(t, "tf-annotated")
		w.applyText(w.kubectl("annotate", "--local", "-o", "yaml", "-f", "testdata/article/tfjob.yaml", "radiant.io/strategy=multiworkermirrored"))
		logs := w.trained("mnist-tf-job")
		t.Logf("two workers trained for %.1f s; loss %v", seconds(t, logs[0]), losses(logs[0]))
		w.eventually("the parameter servers are gone", func() error {
			if pods := w.kubectl("get", "pods", "-o", "name"); strings.Contains(pods, "-ps-") {
				return fmt.Errorf("there are %s", pods)
			}
			return nil
		})
	})
	t.Run("in an overlay, and served", func(t *testing.T) {
		long.Only(t)
		w := newWorld(t, "tf-served")
		w.claim()
		w.kubectl("create", "secret", "generic", storesSecret)
		w.kubectl("apply", "-k", "testdata/article")
		logs := w.trained("mnist-tf-job")
		t.Logf("two workers trained for %.1f s", seconds(t, logs[0]))
		w.applyText(read(t, "testdata/trained.yaml"))
		w.available("mnist")
		if accuracy := w.askDigits("mnist"); accuracy < leastAccuracy {
			t.Errorf("the served model knows %v of the digits, want %v", accuracy, leastAccuracy)
		}
		w.delete("mnist")
	})
}

// A worker of TensorFlow that is killed half way takes the others with it. Where all
// start again, training goes on at the last checkpoint; elsewhere the job fails.
func TestTFJobSurvives(t *testing.T) {
	long.Only(t)
	epochs := func(w *world) string {
		return strings.Replace(w.kubectl("kustomize", "testdata/article"), `- "8"`, `- "10"`, 1)
	}
	half := func(w *world, worker *programs.Output) {
		w.eventually("half of the epochs are done", func() error { return mentions(worker.String(), "Epoch 6/10") })
		w.kill("mnist-tf-job-worker-1", "tensorflow")
	}
	t.Run("again", func(t *testing.T) {
		w := newWorld(t, "tf-again")
		w.claim()
		w.applyText(epochs(w))
		worker := w.follow("mnist-tf-job-worker-0")
		half(w, worker)
		w.awaitJob("tfjob/mnist-tf-job", "Succeeded")
		w.eventually("worker 0 tells its weights", func() error { return mentions(worker.String(), "weights ") })
		trained := all(worker.String(), `Epoch (\d+)/10`)
		t.Logf("epochs of worker 0: %v", trained)
		if strings.Count(worker.String(), "Epoch 1/10") != 1 || trained[len(trained)-1] != "10" || len(trained) > 12 {
			t.Errorf("epochs are %v: want 1 once, 10 at the end, and two trained twice at most", trained)
		}
		if n := w.kubectl("get", "tfjob", "mnist-tf-job", "-o", "jsonpath={.status.restarts}"); n != "1" {
			t.Errorf("there are %s restarts", n)
		}
	})
	t.Run("never", func(t *testing.T) {
		w := newWorld(t, "tf-never")
		w.claim()
		w.applyText(strings.Replace(epochs(w), "radiant.io/restart: all", "example.com/restart: none", 1))
		half(w, w.follow("mnist-tf-job-worker-0"))
		began := time.Now()
		w.awaitJob("tfjob/mnist-tf-job", "Failed")
		took, message := time.Since(began), w.kubectl("get", "tfjob", "mnist-tf-job", "-o", `jsonpath={.status.conditions[?(@.type=="Failed")].message}`)
		if want := "mnist-tf-job-worker-1 failed with exit code 137; its restartPolicy is Never"; message != want || took > 30*time.Second {
			t.Errorf("after %.1f s the job failed by %q, want %q", took.Seconds(), message, want)
		}
		t.Logf("failed after %.1f s: %s", took.Seconds(), message)
	})
}

// trained waits until a job of two workers has succeeded, and returns what they
// printed: losses that fall, and equal weights.
func (w *world) trained(job string) []string {
	w.t.Helper()
	outputs := []*programs.Output{w.follow(job + "-worker-0"), w.follow(job + "-worker-1")}
	w.awaitJob("tfjob/"+job, "Succeeded")
	logs := make([]string, len(outputs))
	var weights []string
	for i, o := range outputs {
		w.eventually(fmt.Sprintf("worker %d tells its weights", i), func() error { return mentions(o.String(), "weights ") })
		logs[i] = o.String()
		weights = append(weights, all(logs[i], `weights (\w+)`)...)
	}
	falls(w.t, losses(logs[0]))
	equal(w.t, weights, len(logs))
	return logs
}

// follow collects what a pod prints, from its start on, and what one of its name
// prints after that.
func (w *world) follow(pod string) *programs.Output {
	ctx, cancel := context.WithCancel(context.Background())
	var output programs.Output
	done := make(chan struct{})
	go func() {
		defer close(done)
		last := ""
		for ; ctx.Err() == nil; time.Sleep(200 * time.Millisecond) {
			state, err := w.tryKubectl("get", "pod", pod, "-o", "jsonpath={.metadata.uid} {.status.containerStatuses[0].state}")
			uid, rest, _ := strings.Cut(state, " ")
			if err != nil || uid == last || !strings.Contains(rest, "running") && !strings.Contains(rest, "terminated") {
				continue
			}
			cmd := exec.CommandContext(ctx, "kubectl", "--namespace", w.namespace, "logs", "--follow", pod)
			cmd.Stdout = &output
			if err := cmd.Run(); err == nil {
				last = uid
			}
		}
	}()
	w.t.Cleanup(func() {
		cancel()
		<-done
		if w.t.Failed() {
			w.t.Logf("%s:\n%s", pod, output.String())
		}
	})
	return &output
}

// claim makes the volume claim "models", of a folder of this machine, and returns
// that folder.
func (w *world) claim() string {
	w.t.Helper()
	folder := w.t.TempDir()
	if err := os.Chmod(folder, 0o755); err != nil {
		w.t.Fatal(err)
	}
	w.applyText(strings.NewReplacer("NAMESPACE", w.namespace, "FOLDER", folder).Replace(read(w.t, "testdata/claim.yaml")))
	w.t.Cleanup(func() { w.kubectl("delete", "persistentvolume", "models-"+w.namespace, "--wait=false") })
	return folder
}

// askDigits asks a served model about the held-out digits, from a pod, and returns how
// much of them it knows.
func (w *world) askDigits(deployment string) float64 {
	w.t.Helper()
	w.tryKubectl("delete", "pod", "ask")
	w.kubectl("run", "ask", "--image=docker.io/tf-dist-mnist-test:1.0", "--restart=Never", "--image-pull-policy=IfNotPresent", "--command", "--",
		"python3", "/opt/train-mnist/ask.py", "/opt/digits", fmt.Sprintf("http://%s/seldon/%s/%s", gatewayREST(), w.namespace, deployment))
	w.eventually("the digits are asked", func() error {
		if phase := w.kubectl("get", "pod", "ask", "-o", "jsonpath={.status.phase}"); phase != "Succeeded" {
			out, _ := w.tryKubectl("logs", "ask")
			return fmt.Errorf("%s: %s", phase, out)
		}
		return nil
	})
	out := w.kubectl("logs", "ask")
	w.t.Logf("%s", strings.TrimSpace(out))
	return decimal(w.t, all(out, `accuracy ([0-9.]+)`)[0])
}

// losses are those that Keras prints, epoch by epoch.
func losses(log string) []string { return all(log, ` - loss: ([0-9.]+)`) }

// seconds is how long a worker trained.
func seconds(t *testing.T, log string) float64 {
	t.Helper()
	return decimal(t, all(log, `weights \w+ after ([0-9.]+) s`)[0])
}

// all returns what the group of a pattern finds.
func all(text, pattern string) []string {
	var found []string
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		found = append(found, m[1])
	}
	return found
}

func decimal(t *testing.T, text string) float64 {
	t.Helper()
	n, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// falls expects the last loss to be less than half of the first.
func falls(t *testing.T, losses []string) {
	t.Helper()
	if len(losses) < 2 || decimal(t, losses[len(losses)-1]) > decimal(t, losses[0])/2 {
		t.Errorf("losses are %v", losses)
	}
}

// equal expects so many digests, which are all the same.
func equal(t *testing.T, digests []string, count int) {
	t.Helper()
	if len(digests) != count {
		t.Fatalf("there are %d of %d digests", len(digests), count)
	}
	for _, d := range digests {
		if d != digests[0] {
			t.Errorf("weights differ: %v", digests)
		}
	}
}

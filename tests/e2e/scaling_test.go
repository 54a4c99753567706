//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/tests/kit/long"
	"github.com/prime-radiant/radiant/tests/kit/programs"
)

// Training and serving scale, each by a number in a manifest: the article's TFJob on
// one worker and on two, and what it wrote served by one pod and by three.
func TestScalesBothWays(t *testing.T) {
	long.Only(t)
	w := newWorld(t, "scales")
	w.claim()
	w.kubectl("create", "secret", "generic", storesSecret)
	scene := w.watchScene()
	var took []float64
	for _, workers := range []int{1, 2} {
		manifest := strings.NewReplacer(
			"Worker:\n      replicas: 2", fmt.Sprintf("Worker:\n      replicas: %d", workers),
			"/models/checkpoints", fmt.Sprintf("/models/checkpoints-%d", workers),
			"name: mnist-tf-job", fmt.Sprintf("name: mnist-%d", workers),
		).Replace(w.kubectl("kustomize", "testdata/article"))
		if got := strings.Count(manifest, "replicas: 2"); got != workers {
			t.Fatalf("the manifest has another form: %d\n%s", got, manifest)
		}
		w.applyText(manifest)
		output := w.follow(fmt.Sprintf("mnist-%d-worker-0", workers))
		scene.follow(output)
		w.awaitJob(fmt.Sprintf("tfjob/mnist-%d", workers), "Succeeded")
		w.eventually("the worker tells its weights", func() error { return mentions(output.String(), "weights ") })
		took = append(took, seconds(t, output.String()))
		falls(t, losses(output.String()))
	}
	t.Logf("training took %.1f s on one worker and %.1f s on two of the same machine: ratio %.2f", took[0], took[1], took[0]/took[1])

	w.applyText(read(t, "testdata/trained.yaml"))
	w.available("mnist")
	if accuracy := w.askDigits("mnist"); accuracy < leastAccuracy {
		t.Errorf("the served model knows %v of the digits, want %v", accuracy, leastAccuracy)
	}
	send := w.oneDigit("mnist", &scene.asked)
	w.eventually("the gateway answers", func() error { return send(t.Context()) })
	l := startLoad("REST", 8, 0, send)
	one := scene.rate(30 * time.Second)
	w.kubectl("patch", "sdep", "mnist", "--type=json", "--patch", `[{"op": "replace", "path": "/spec/predictors/0/replicas", "value": 3}]`)
	w.eventually("there are three pods", func() error { return scene.serve(3) })
	three := scene.rate(30 * time.Second)
	l.stop(t)
	t.Logf("%.0f requests per second by one pod, %.0f by three pods of the same machine: ratio %.2f", one, three, three/one)
	keep(t, "training.svg", scene.picture())
	w.delete("mnist")
}

// scene is what training and serving are doing over time.
type scene struct {
	asked  atomic.Int64
	start  time.Time
	cancel context.CancelFunc
	done   sync.WaitGroup

	mu      sync.Mutex
	output  *programs.Output
	workers chart
	epochs  chart
	serving chart
	answers chart
}

func (w *world) watchScene() *scene {
	ctx, cancel := context.WithCancel(context.Background())
	s := &scene{
		start: time.Now(), cancel: cancel,
		workers: chart{title: "workers that train", stepped: true}, epochs: chart{title: "epochs trained", stepped: true},
		serving: chart{title: "pods that serve", stepped: true}, answers: chart{title: "answers per second"},
	}
	ready := func(selector, field string) float64 {
		out, err := w.tryKubectl("get", "pods", "-l", selector, "-o", `jsonpath={range .items[*]}{`+field+`}{"\n"}{end}`)
		if err != nil {
			return 0
		}
		return float64(strings.Count(out, "True") + strings.Count(out, "Running"))
	}
	s.done.Go(func() {
		last, before := time.Now(), int64(0)
		for ctx.Err() == nil {
			workers, serving := ready("training.kubeflow.org/replica-type=worker", ".status.phase"), ready(podsOf("mnist"), `.status.conditions[?(@.type=="Ready")].status`)
			now, asked := time.Now(), s.asked.Load()
			s.mu.Lock()
			at, epochs := now.Sub(s.start), 0
			if s.output != nil && workers > 0 {
				epochs = len(losses(s.output.String()))
			}
			s.workers.points = append(s.workers.points, sample{at, workers})
			s.epochs.points = append(s.epochs.points, sample{at, float64(epochs)})
			s.serving.points = append(s.serving.points, sample{at, serving})
			s.answers.points = append(s.answers.points, sample{at, float64(asked-before) / now.Sub(last).Seconds()})
			s.mu.Unlock()
			last, before = now, asked
			time.Sleep(time.Second)
		}
	})
	w.t.Cleanup(func() {
		cancel()
		s.done.Wait()
	})
	return s
}

// follow counts the epochs that a worker prints from now on.
func (s *scene) follow(output *programs.Output) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.output = output
}

// serve expects so many ready pods.
func (s *scene) serve(pods float64) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if last := s.serving.points[len(s.serving.points)-1].value; last != pods {
		return fmt.Errorf("%v pods serve", last)
	}
	return nil
}

// rate is how many answers there were in each second of a while.
func (s *scene) rate(while time.Duration) float64 {
	before, began := s.asked.Load(), time.Now()
	time.Sleep(while)
	return float64(s.asked.Load()-before) / time.Since(began).Seconds()
}

func (s *scene) picture() string {
	s.cancel()
	s.done.Wait()
	return picture([]chart{s.workers, s.epochs, s.serving, s.answers})
}

// oneDigit asks a served model about one digit, and counts answers.
func (w *world) oneDigit(deployment string, answered *atomic.Int64) request {
	url := fmt.Sprintf("http://%s/seldon/%s/%s/api/v1.0/predictions", gatewayREST(), w.namespace, deployment)
	body := []byte(read(w.t, "../../samples/mnist/request.json"))
	// Each request has a connection of its own, so that pods that come are asked as well.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			return err
		}
		req.Header.Set("Content-Type", "application/json")
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", resp.Status, text)
		}
		answered.Add(1)
		return nil
	}
}

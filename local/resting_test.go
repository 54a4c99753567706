package local

import (
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/prime-radiant/radiant/local/localtest"
)

// lazy is a deployment that may be without pods after two seconds.
const lazy = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: lazy}
spec:
  predictors:
  - name: main
    graph: {name: clf, type: MODEL}
    componentSpecs:
    - scaleSpec: {minReplicas: 0, window: 2s, scaleToZeroGracePeriod: 0s}
      spec: {containers: [{name: clf, image: "example.com/clf:1"}]}
`

// What nobody asks does not run, and runs again when somebody does: requests wait for
// it, and none is lost.
func TestWhatNobodyAsksDoesNotRun(t *testing.T) {
	t.Parallel()
	s := newSession(t, lazy)
	s.options.BinDir = programs(t)
	s.options.Exec = map[string]string{"clf": execAct("model", "clf")}
	s.start()
	const path = "/seldon/default/lazy/api/v1.0/predictions"
	first := s.modelPID(path)
	s.screen.Await(t, "deployment lazy, predictor main: no process runs")
	if localtest.Alive(first) {
		t.Error("the model still runs")
	}
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			answer, err := http.Post("http://"+s.address+path, "application/json", strings.NewReader(`{"data":{"ndarray":[[1]]}}`))
			if err != nil {
				t.Error(err)
				return
			}
			_ = answer.Body.Close()
			if answer.StatusCode != http.StatusOK {
				t.Errorf("a request that waited: %s", answer.Status)
			}
		})
	}
	all.Wait()
	if n := strings.Count(s.screen.Await(t, "woken by a request"), "woken by a request"); n != 1 {
		t.Errorf("it was woken %d times:\n%s", n, s.screen)
	}
	second := s.modelPID(path)
	if second == first {
		t.Error("the model is the one that had ended")
	}
	s.stop()
	if localtest.Alive(second) {
		t.Error("the model is still there")
	}
}

// With initialScale 0 nothing runs before somebody asks.
func TestNothingRunsAtFirst(t *testing.T) {
	t.Parallel()
	s := newSession(t, strings.Replace(lazy, "minReplicas: 0", "minReplicas: 0, initialScale: 0", 1))
	s.options.BinDir = programs(t)
	s.options.Exec = map[string]string{"clf": execAct("model", "clf")}
	s.start()
	if text := s.screen.Await(t, "no process runs until somebody asks"); strings.Contains(text, "woken") {
		t.Errorf("it was woken by nobody:\n%s", text)
	}
	pid := s.modelPID("/seldon/default/lazy/api/v1.0/predictions")
	s.screen.Await(t, "woken by a request")
	s.stop()
	if localtest.Alive(pid) {
		t.Error("the model is still there")
	}
}

// With initialScale 0 as well a change takes the place of what runs when it is ready,
// and not before.
func TestAChangeOfWhatRunsIsReadyFirst(t *testing.T) {
	t.Parallel()
	mode := func(value string) string {
		return strings.NewReplacer(
			"minReplicas: 0, window: 2s", "minReplicas: 0, initialScale: 0, window: 1h",
			`image: "example.com/clf:1"`, `image: "example.com/clf:1", env: [{name: MODE, value: "`+value+`"}]`,
		).Replace(lazy)
	}
	s := newSession(t, mode("good"))
	s.options.BinDir = programs(t)
	s.options.Exec = map[string]string{"clf": `case $MODE in bad) echo pid $$; exec sleep 600;; esac; ` + execAct("model", "$MODE")}
	s.options.Watch = []string{s.file}
	s.start()
	const path = "/seldon/default/lazy/api/v1.0/predictions"
	pid := s.modelPID(path)
	s.write(mode("bad"))
	localtest.Eventually(t, "the new process runs", func() bool { return len(localtest.PIDs(s.screen.String())) == 1 })
	if now := s.modelPID(path); now != pid {
		t.Error("the old one does not answer any more")
	}
	s.write(mode("better"))
	s.screen.Await(t, "deployment lazy: the change is served")
	if now := s.modelPID(path); now == pid {
		t.Error("the change does not answer")
	}
	localtest.Eventually(t, "the old one is gone", func() bool { return !localtest.Alive(pid) })
	s.stop()
}

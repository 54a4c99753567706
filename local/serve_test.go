package local

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/local/localtest"
	"github.com/prime-radiant/radiant/local/process"
)

// withModel is a deployment whose model is fetched, with the executor in
// front.
const withModel = `
apiVersion: machinelearning.seldon.io/v1alpha2
kind: SeldonDeployment
metadata: {name: fetched, namespace: team}
spec:
  predictors:
  - name: main
    replicas: 3
    graph: {name: clf, type: MODEL, modelUri: ./the-model, endpoint: {type: REST}}
    componentSpecs:
    - spec:
        containers:
        - {name: clf, image: "example.com/clf:1"}
`

func TestAModelThatAServerDoesNotHaveYetIsAwaited(t *testing.T) {
	t.Parallel()
	var there atomic.Bool
	models := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !there.Load() {
			http.NotFound(w, r)
			return
		}
		fmt.Fprint(w, "iris")
	}))
	defer models.Close()
	s := newSession(t, strings.Replace(withModel, "./the-model", models.URL+"/name", 1))
	s.options.BinDir = programs(t)
	s.options.Exec = map[string]string{"clf": execAct("model", `"$(cat $MLSERVER_MODEL_URI/name)"`)}
	s.run()
	s.screen.Await(t,
		"fetched/main/clf-model-initializer: it failed: exit code", "Init:CrashLoopBackOff", models.URL,
		"fetched-main-0-clf asks for 3 replicas; one runs here")
	there.Store(true)
	text := s.screen.Await(t, "address known\n")
	code, body := s.post("/seldon/team/fetched/api/v1.0/predictions", `{"data":{"ndarray":[[1]]}}`)
	if code != http.StatusOK || !strings.Contains(body, `"names":["iris"]`) {
		t.Errorf("status %d: %s", code, body)
	}
	if !strings.Contains(text, "(executor)") {
		t.Errorf("the table lacks the executor:\n%s", text)
	}
	pid := s.modelPID("/seldon/team/fetched/api/v1.0/predictions")
	s.stop()
	if localtest.Alive(pid) {
		t.Error("the model is still there")
	}
}

// pair is a canary of two predictors with a shadow.
const pair = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: pair}
spec:
  predictors:
  - name: main
    traffic: 75
    graph: {name: clf, type: MODEL}
    componentSpecs: [{spec: {containers: [{name: clf, image: "example.com/clf:1"}]}}]
  - name: canary
    traffic: 25
    graph: {name: clf, type: MODEL}
    componentSpecs: [{spec: {containers: [{name: clf, image: "example.com/clf:2"}]}}]
  - name: dark
    shadow: true
    graph: {name: clf, type: MODEL}
    componentSpecs: [{spec: {containers: [{name: clf, image: "example.com/clf:3"}]}}]
`

func TestPredictorsShareTheTrafficThroughTheirExecutors(t *testing.T) {
	t.Parallel()
	s := newSession(t, pair)
	s.options.BinDir = programs(t)
	s.options.Exec = map[string]string{
		"main/clf": execAct("model", "main"), "canary/clf": execAct("model", "canary"), "pair/dark/clf": execAct("model", "dark"),
	}
	next := 0
	s.options.Random = func(n int) int { next++; return (next - 1) % n }
	s.start()
	count := map[string]int{}
	for range 100 {
		_, body := s.post("/seldon/default/pair/api/v0.1/predictions", `{"data":{"ndarray":[[1]]}}`)
		for _, name := range []string{"main", "canary", "dark"} {
			if strings.Contains(body, fmt.Sprintf("[%q]", name)) {
				count[name]++
			}
		}
	}
	if count["main"] != 75 || count["canary"] != 25 || count["dark"] != 0 {
		t.Errorf("answers by predictor: %v", count)
	}
	s.screen.Await(t, "main (75%)", "canary (25%)", "dark (shadow)")
	answer, err := http.Get("http://" + s.address + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	metrics, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"main", "canary", "dark"} {
		sample := regexp.MustCompile(`seldon_api_executor_server_requests_seconds_count\{[^}]*predictor_name="` + name + `"[^}]*\} [1-9]`)
		if !sample.Match(metrics) {
			t.Errorf("/metrics counts no request of predictor %s", name)
		}
	}
	s.stop()
}

// apart is a graph over two pods: the second one is reached by its Service in
// a cluster.
const apart = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: apart}
spec:
  annotations: {seldon.io/engine-separate-pod: "true"}
  predictors:
  - name: main
    graph:
      name: ab
      implementation: RANDOM_ABTEST
      parameters: [{name: ratioA, value: "0.5", type: FLOAT}]
      children:
      - {name: a, type: MODEL}
      - {name: b, type: MODEL}
    componentSpecs:
    - spec: {containers: [{name: a, image: "example.com/a"}]}
    - spec: {containers: [{name: b, image: "example.com/b"}]}
`

func TestAGraphOverSeveralPods(t *testing.T) {
	t.Parallel()
	s := newSession(t, apart)
	s.options.BinDir = programs(t)
	s.options.Exec = map[string]string{"a": execAct("model", "a"), "b": execAct("model", "b")}
	s.start()
	seen := map[string]bool{}
	localtest.Eventually(t, "both models answer", func() bool {
		_, body := s.post("/seldon/default/apart/api/v1.0/predictions", `{"data":{"ndarray":[[1]]}}`)
		for _, name := range []string{"a", "b"} {
			if strings.Contains(body, fmt.Sprintf("[%q]", name)) {
				seen[name] = true
			}
		}
		return len(seen) == 2
	})
	s.stop()
}

func TestAModelServerThatDiesAtStart(t *testing.T) {
	s := newSession(t, fmt.Sprintf(alone, "x"))
	s.options.Exec = map[string]string{"clf": execAct("die")}
	free, err := net.Listen("tcp", process.Address(0))
	if err != nil {
		t.Fatal(err)
	}
	s.options.Port = free.Addr().(*net.TCPAddr).Port
	free.Close()
	s.options.pace.waiting = 20 * time.Millisecond
	s.run()
	// Lines about the wait may stand between these two.
	lastWords, end := "alone/main/clf | OSError: model.joblib is damaged\n", "alone/main/clf: it ended: exit code 3; CrashLoopBackOff: starting again in 20ms\n    log: "
	text := s.screen.Await(t, lastWords, end, "waiting for alone/main/clf (", "s): it ended: exit code 3: OSError: model.joblib is damaged\n")
	answer, err := http.Post("http://"+process.Address(int32(s.options.Port))+"/seldon/default/alone/api/v1.0/predictions", "application/json", strings.NewReader(`{}`))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	const why = "is not ready: alone/main/clf: it ended: exit code 3: OSError: model.joblib is damaged"
	if body, _ := io.ReadAll(answer.Body); answer.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), why) {
		t.Errorf("a request gets %s %s, want 503 with %q", answer.Status, body, why)
	}
	if strings.Index(text, lastWords) > strings.Index(text, end) {
		t.Errorf("the end is announced before the last words:\n%s", text)
	}
	s.stop()
	if text := s.screen.String(); !strings.Contains(text, "stopping; Ctrl-C again") {
		t.Errorf("a stop that was asked for is not announced:\n%s", text)
	}
	if strings.Contains(s.screen.String(), "Press Ctrl-C") {
		t.Error("it was announced as ready")
	}
}

// TestAModelServerThatListensElsewhere: a program that does not heed the port it
// is told is what everything waits for, and that is said.
func TestAModelServerThatListensElsewhere(t *testing.T) {
	s := newSession(t, fmt.Sprintf(alone, "x"))
	s.options.Exec = map[string]string{"clf": "sleep 600"}
	s.options.pace.waiting = 20 * time.Millisecond
	s.run()
	text := s.screen.Await(t, "waiting for alone/main/clf", "; alone/main/clf: nothing listens on its port ", " tells it")
	if !strings.Contains(text, ", which $PREDICTIVE_UNIT_HTTP_SERVICE_PORT tells it") && !strings.Contains(text, ", which $MLSERVER_HTTP_PORT tells it") {
		t.Errorf("no variable is named:\n%s", text)
	}
	s.stop()
}

func TestWhatIsWrongBeforeAnythingStarts(t *testing.T) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	port := listener.Addr().(*net.TCPAddr).Port
	one := fmt.Sprintf(alone, "x")
	for name, c := range map[string]struct {
		text   string
		change func(*Options)
		want   []string
	}{
		"an image without a stand-in": {one, nil, []string{
			"deployment alone: predictor main: container clf: image example.com/clf:1 has no stand-in on this machine",
			"--exec clf='COMMAND'", "or start Docker or Podman, which then runs the image"}},
		"a server that is not installed": {strings.ReplaceAll(one, "example.com/clf:1", "nvcr.io/nvidia/tritonserver:21.08-py3"), nil, []string{
			"image nvcr.io/nvidia/tritonserver:21.08-py3: tritonserver is not on PATH; install it", "--exec clf='COMMAND'"}},
		"an executor that was not built": {pair, func(o *Options) { o.Exec = map[string]string{"clf": "true"} }, []string{
			"predictor main: container seldon-container-engine: executor is not in ",
			"keep radiant, executor and storage-initializer in one folder (make build)\n",
			"predictor canary: container seldon-container-engine"}},
		"a name that no container has": {one, func(o *Options) { o.Exec = map[string]string{"clf": "true", "clff": "true"} }, []string{
			"--exec clff: there is no container of this name; there are alone/main/clf"}},
		"a port that is taken": {one, func(o *Options) { o.Port = port }, []string{
			fmt.Sprintf("port %d on localhost is taken by local.test (process %d): stop it, or choose another port with --port", port, os.Getpid())}},
		"the same deployment twice": {one + "\n---\n" + one, func(o *Options) { o.Exec = map[string]string{"clf": "true"} }, []string{
			"deployment default/alone is defined twice"}},
		"a Secret and another command": {strings.Replace(one, "emptyDir: {}", "secret: {secretName: s3cr3t}", 1), func(o *Options) { o.Exec = map[string]string{"clf": "true"} }, []string{
			"volume scratch needs a Secret s3cr3t, which exists in a cluster only", "--volume scratch=DIR"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSession(t, c.text)
			if c.change != nil {
				c.change(&s.options)
			}
			err := Run(context.Background(), s.options)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("missing %q in:\n%v", want, err)
				}
			}
			if s.screen.String() != "" {
				t.Errorf("something was started:\n%s", s.screen)
			}
		})
	}
}

func TestACommandThatIsNotThere(t *testing.T) {
	s := newSession(t, fmt.Sprintf(alone, "x"))
	s.options.Exec = map[string]string{"clf": "no-such-program --port 1"}
	s.run()
	s.screen.Await(t, "alone/main/clf: it ended: exit code 127; CrashLoopBackOff", "no-such-program: not found")
	s.stop()
}

func TestAContainerCanBeLeftOut(t *testing.T) {
	text := strings.Replace(fmt.Sprintf(alone, "x"), "volumes: [", "- {name: sidecar, image: example.com/agent}\n        volumes: [", 1)
	s := newSession(t, text)
	s.options.Exec = map[string]string{"clf": execAct("model"), "sidecar": ""}
	s.start()
	s.screen.Await(t, "note: alone/main/sidecar is left out, as --exec asks")
	s.stop()
}

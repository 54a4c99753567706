package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/prime-radiant/radiant/apis/kubeflow"
	"github.com/prime-radiant/radiant/apis/manifest"
	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/local/localtest"
	"github.com/prime-radiant/radiant/manifests"
)

// session is a running Run.
type session struct {
	t       *testing.T
	screen  *localtest.Screen
	address string
	file    string
	options Options
	cancel  context.CancelFunc
	done    chan error
}

// newSession prepares a run of one file.
func newSession(t *testing.T, text string) *session {
	t.Helper()
	servers, err := manifests.Load()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	s := &session{t: t, screen: localtest.NewScreen(), file: filepath.Join(dir, "deployment.yaml"), done: make(chan error, 1)}
	s.write(text)
	p := quick()
	s.options = Options{
		Load:     func() (Loaded, error) { return load(s.file) },
		BinDir:   filepath.Join(dir, "bin"),
		CacheDir: filepath.Join(dir, "cache"),
		Environ:  os.Environ(),
		Servers:  servers,
		Python:   manifests.Python(),
		Config:   expand.DefaultConfig(),
		Out:      s.screen,
		Random:   rand.IntN,
		Abort:    make(chan struct{}),
		pace:     &p,
		engine:   func() string { return "" },
	}
	return s
}

// write replaces the file the way many editors do.
func (s *session) write(text string) {
	s.t.Helper()
	if err := os.WriteFile(s.file+"~", []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	if err := os.Rename(s.file+"~", s.file); err != nil {
		s.t.Fatal(err)
	}
}

func load(file string) (Loaded, error) {
	f, err := os.Open(file)
	if err != nil {
		return Loaded{}, err
	}
	defer f.Close()
	docs, problems, err := manifest.Read(filepath.Base(file), f, append(kubeflow.ManifestKinds(), v1.ManifestKind()))
	if err := errors.Join(err, problems.Err()); err != nil {
		return Loaded{}, err
	}
	var loaded Loaded
	for _, d := range docs {
		if d, ok := v1.DocumentOf(d); ok {
			loaded.Sources = append(loaded.Sources, Source{Deployment: d.Deployment, File: file, Dir: filepath.Dir(file), Locate: d.Locate})
		}
		if d, ok := kubeflow.DocumentOf(d); ok {
			loaded.Jobs = append(loaded.Jobs, d.Job)
		}
	}
	return loaded, nil
}

// run starts Run and stops it at the end of the test.
func (s *session) run() {
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	addresses := make(chan string, 1)
	s.options.Started = func(address string) { addresses <- address }
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		err := Run(ctx, s.options)
		fmt.Fprintln(s.screen, "Run ended:", err)
		s.done <- err
	}()
	s.t.Cleanup(func() { cancel(); <-finished })
	go func() {
		select {
		case s.address = <-addresses:
			s.screen.Write([]byte("address known\n"))
		case <-finished:
		}
	}()
}

// start runs until everything is ready.
func (s *session) start() {
	s.t.Helper()
	s.run()
	s.screen.Await(s.t, "address known\n")
}

// stop ends Run and expects it to end well.
func (s *session) stop() {
	s.t.Helper()
	s.cancel()
	if err := <-s.done; err != nil {
		s.t.Errorf("Run ended with %v", err)
	}
}

func (s *session) post(path, body string) (int, string) {
	s.t.Helper()
	response, err := http.Post("http://"+s.address+path, "application/json", strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// alone is a deployment of one model without an executor.
const alone = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: alone}
spec:
  predictors:
  - name: main
    annotations: {seldon.io/no-engine: "true"}
    graph: {name: clf, type: MODEL}
    componentSpecs:
    - spec:
        containers:
        - name: clf
          image: example.com/clf:1
          args: [--verbose]
          env:
          - {name: MODE, value: "%s"}
          - {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
          volumeMounts: [{name: scratch, mountPath: /scratch}]
        volumes: [{name: scratch, emptyDir: {}}]
`

func TestAContainerSeesWhatItWouldInAPod(t *testing.T) {
	s := newSession(t, fmt.Sprintf(alone, "in /scratch/here"))
	s.options.Exec = map[string]string{"clf": execAct("model", "first", `"$@"`)}
	s.options.Environ = append(s.options.Environ, "FROM_SHELL=yes", "MODE=overridden")
	s.start()
	_, text := s.post("/seldon/default/alone/env", "")
	var seen struct {
		Env, Args []string
		Dir       string
	}
	if err := json.Unmarshal([]byte(text), &seen); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	folder := ""
	for _, e := range seen.Env {
		if v, ok := strings.CutPrefix(e, "MODE=in "); ok {
			folder = filepath.Dir(v)
		}
	}
	if info, err := os.Stat(folder); err != nil || !info.IsDir() || filepath.Base(folder) != "scratch" {
		t.Errorf("the mount is not a folder: %q, %v", folder, err)
	}
	for _, want := range []string{"FROM_SHELL=yes", "POD=alone-main-0-clf-local", "PREDICTIVE_UNIT_ID=clf", "PREDICTOR_ID=main", "SELDON_DEPLOYMENT_ID=alone"} {
		if !slices.Contains(seen.Env, want) {
			t.Errorf("%s is not in the environment", want)
		}
	}
	if dir, _ := os.Getwd(); seen.Dir != dir {
		t.Errorf("the command runs in %s, want the current folder %s", seen.Dir, dir)
	}
	if want := []string{"first", "--verbose"}; !slices.Equal(seen.Args, want) {
		t.Errorf("args %q, want %q", seen.Args, want)
	}
	s.stop()
	if _, err := os.Stat(folder); !os.IsNotExist(err) {
		t.Errorf("the folder of the volume is still there: %v", err)
	}
	log := filepath.Join(s.options.CacheDir, "local", "1", "logs", "default.alone.main.clf.log")
	if text, err := os.ReadFile(log); err != nil || string(text) != "first listens\nfirst stops\n" {
		t.Errorf("log %q, %v", text, err)
	}
	s.screen.Await(t, "alone/main/clf | first listens\n", "alone/main/clf | first stops\n")
}

// modelPID asks the model for the id of its process.
func (s *session) modelPID(path string) int {
	s.t.Helper()
	_, text := s.post(path, "{}")
	var answer struct{ Data struct{ Ndarray [][]int } }
	if err := json.Unmarshal([]byte(text), &answer); err != nil || len(answer.Data.Ndarray) != 1 {
		s.t.Fatalf("answer %s", text)
	}
	return answer.Data.Ndarray[0][0]
}

func TestNothingIsLeftAfterAStop(t *testing.T) {
	s := newSession(t, fmt.Sprintf(alone, "x"))
	s.options.Exec = map[string]string{"clf": execAct("model") + " & wait"}
	s.start()
	pid := s.modelPID("/seldon/default/alone/predict")
	if !localtest.Alive(pid) {
		t.Fatal("the model does not run")
	}
	s.stop()
	localtest.Eventually(t, "the model is gone", func() bool { return !localtest.Alive(pid) })
	if _, err := http.Get("http://" + s.address + "/"); err == nil {
		t.Error("the gateway still answers")
	}
}

func TestTheTableAndTheCurlLine(t *testing.T) {
	s := newSession(t, fmt.Sprintf(alone, "x"))
	s.options.Exec = map[string]string{"main/clf": "  " + execAct("model")}
	if err := os.WriteFile(filepath.Join(filepath.Dir(s.file), "request.json"), []byte(`{"data":{"ndarray":[[5]]}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	s.start()
	_, port, _ := net.SplitHostPort(s.address)
	text := s.screen.Await(t, "Press Ctrl-C to stop.")
	for _, want := range []string{
		"alone (namespace default, protocol seldon)",
		"main       clf   --exec RADIANT_TEST_ACT=model",
		"curl -s http://localhost:" + port + "/seldon/default/alone/api/v1.0/predictions -H 'Content-Type: application/json' -d @" + filepath.Dir(s.file) + "/request.json",
		"grpcurl -plaintext -H 'seldon: alone' -H 'namespace: default' -d @ localhost:" + port + " seldon.protos.Seldon/Predict",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("missing %q in:\n%s", want, text)
		}
	}
	if strings.Contains(text, "in a browser") {
		t.Errorf("a page of the executor is announced where there is none:\n%s", text)
	}
	s.stop()
}

// TestQuiet: warnings are printed, and nothing else.
func TestQuiet(t *testing.T) {
	s := newSession(t, fmt.Sprintf(alone, "x"))
	s.options.Exec = map[string]string{"clf": "echo hello; " + execAct("model")}
	s.options.Quiet = true
	files := s.options.Load
	s.options.Load = func() (Loaded, error) {
		loaded, err := files()
		loaded.Warnings = []string{"warning: mind this"}
		return loaded, err
	}
	s.start()
	s.stop()
	text := s.screen.Await(t, "Run ended: <nil>\n")
	if want := "warning: mind this\naddress known\nRun ended: <nil>\n"; text != want {
		t.Errorf("printed is %q, want %q", text, want)
	}
}

func TestAChangeLosesNoRequest(t *testing.T) {
	s := newSession(t, fmt.Sprintf(alone, "0"))
	s.options.Exec = map[string]string{"clf": execAct("abrupt", "v$MODE")}
	s.options.Watch = []string{s.file}
	s.start()
	pid := s.modelPID("/seldon/default/alone/predict")

	var (
		wg    sync.WaitGroup
		count atomic.Int64
		seen  sync.Map
		stop  = make(chan struct{})
	)
	for range 4 {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				code, body := s.post("/seldon/default/alone/predict?sleep=50ms", `{"data":{"ndarray":[[1]]}}`)
				if code != http.StatusOK {
					t.Errorf("status %d: %s", code, body)
					return
				}
				var answer struct{ Data struct{ Names []string } }
				if err := json.Unmarshal([]byte(body), &answer); err != nil {
					t.Errorf("%v in %s", err, body)
					return
				}
				seen.Store(answer.Data.Names[0], true)
				count.Add(1)
			}
		})
	}
	served := func(version string) func() bool {
		return func() bool { _, ok := seen.Load(version); return ok }
	}
	for _, mode := range []string{"1", "2", "3"} {
		s.write(fmt.Sprintf(alone, mode))
		localtest.Eventually(t, "version "+mode+" answers", served("v"+mode))
	}
	close(stop)
	wg.Wait()
	if !served("v0")() {
		t.Error("the first version never answered")
	}
	t.Logf("%d requests over three changes", count.Load())
	localtest.Eventually(t, "the first version is gone", func() bool { return !localtest.Alive(pid) })
	s.stop()
}

func TestAWrongChangeChangesNothing(t *testing.T) {
	s := newSession(t, fmt.Sprintf(alone, "0"))
	s.options.Exec = map[string]string{"clf": execAct("model")}
	s.options.Watch = []string{filepath.Dir(s.file)}
	s.start()
	pid := s.modelPID("/seldon/default/alone/predict")

	s.write("apiVersion: machinelearning.seldon.io/v1\nkind: SeldonDeployment\nmetadata: {name: alone}\nspec: {predictors: 3}\n")
	s.screen.Await(t, "deployment.yaml:4:", "not applied: what runs keeps running")
	// A container that cannot run is found before anything is touched.
	s.write(strings.Replace(fmt.Sprintf(alone, "0"), "volumes: [", "- {name: other, image: example.com/other}\n        volumes: [", 1))
	s.screen.Await(t, "container other: image example.com/other has no stand-in on this machine")
	// The way back to what runs starts nothing anew.
	s.write(fmt.Sprintf(alone, "0"))
	// Traffic is the gateway's business alone.
	s.write(strings.Replace(fmt.Sprintf(alone, "0"), "name: main", "name: main\n    traffic: 100", 1))
	s.screen.Await(t, "deployment alone: the change is served")
	if now := s.modelPID("/seldon/default/alone/predict"); now != pid {
		t.Errorf("process %d was replaced by %d, though nothing of it changed", pid, now)
	}
	s.stop()
}

func TestAChangeThatIsNeverReadyGivesWayToTheNext(t *testing.T) {
	t.Parallel()
	s := newSession(t, fmt.Sprintf(alone, "good"))
	s.options.Exec = map[string]string{"clf": `case $MODE in bad) echo pid $$; exec sleep 600;; esac; ` + execAct("model", "$MODE")}
	s.options.Watch = []string{s.file}
	s.start()
	pid := s.modelPID("/seldon/default/alone/predict")
	s.write(fmt.Sprintf(alone, "bad"))
	localtest.Eventually(t, "the new process runs", func() bool { return len(localtest.PIDs(s.screen.String())) == 1 })
	if now := s.modelPID("/seldon/default/alone/predict"); now != pid {
		t.Error("the old one does not answer any more")
	}
	s.write(fmt.Sprintf(alone, "better"))
	s.screen.Await(t, "deployment alone: the change is served")
	if _, text := s.post("/seldon/default/alone/predict", "{}"); !strings.Contains(text, "better") {
		t.Errorf("answer %s", text)
	}
	bad := localtest.PIDs(s.screen.String())[0]
	localtest.Eventually(t, "the first two are gone", func() bool { return !localtest.Alive(bad) && !localtest.Alive(pid) })
	s.stop()
}

func TestDeploymentsComeAndGo(t *testing.T) {
	t.Parallel()
	one := fmt.Sprintf(alone, "x")
	two := strings.ReplaceAll(one, "alone", "second")
	s := newSession(t, one)
	s.options.Exec = map[string]string{"clf": execAct("model")}
	s.options.Watch = []string{s.file}
	s.start()
	pid := s.modelPID("/seldon/default/alone/predict")
	s.write(one + "\n---\n" + two)
	localtest.Eventually(t, "both answer", func() bool {
		code, _ := s.post("/seldon/default/second/predict", "{}")
		return code == http.StatusOK
	})
	text := s.screen.Await(t, "second (namespace default, protocol seldon)", "/seldon/default/second/api/v1.0/predictions -H")
	if n := strings.Count(text, "alone (namespace default"); n != 1 {
		t.Errorf("the first one was announced %d times:\n%s", n, text)
	}
	if now := s.modelPID("/seldon/default/alone/predict"); now != pid {
		t.Error("the first one was started anew")
	}
	s.write(two)
	localtest.Eventually(t, "the first one is gone", func() bool {
		code, _ := s.post("/seldon/default/alone/predict", "{}")
		return code == http.StatusNotFound && !localtest.Alive(pid)
	})
	if code, _ := s.post("/seldon/default/second/predict", "{}"); code != http.StatusOK {
		t.Error("the second one does not answer")
	}
	s.stop()
}

func TestATakenPortMovesThePredictor(t *testing.T) {
	s := newSession(t, strings.Replace(fmt.Sprintf(alone, "x"), "args:", "readinessProbe: {httpGet: {path: /ready, port: http}}\n          args:", 1))
	port, went := filepath.Join(filepath.Dir(s.file), "port"), filepath.Join(filepath.Dir(s.file), "go")
	// The first process says its port and waits until somebody else has it.
	s.options.Exec = map[string]string{"clf": fmt.Sprintf(`if mkdir %s.d; then echo $PREDICTIVE_UNIT_HTTP_SERVICE_PORT > %s; mv %s %s.ready; while ! test -e %s; do sleep 0.02; done; echo address in use; exit 1; fi; `,
		port, port, port, port, went) + execAct("model")}
	s.run()
	var text []byte
	localtest.Eventually(t, "the process says its port", func() bool {
		var err error
		text, err = os.ReadFile(port + ".ready")
		return err == nil
	})
	l, err := net.Listen("tcp", ":"+strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := os.WriteFile(went, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.screen.Await(t, "alone/main/clf: port "+strings.TrimSpace(string(text))+" was taken by another program", "deployment alone, predictor main: choosing other ports", "address known")
	if code, body := s.post("/seldon/default/alone/predict", "{}"); code != http.StatusOK {
		t.Errorf("status %d: %s", code, body)
	}
	s.stop()
}

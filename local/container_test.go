package local

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/prime-radiant/radiant/local/localtest"
	"github.com/prime-radiant/radiant/local/process"
)

// newTestHost returns a host that prints on the screen.
func newTestHost(t *testing.T, s *localtest.Screen) *host {
	h := &host{spawn: process.NewSpawner(), console: &console{out: s}, ports: process.NewPortBook(), pace: quick(), abort: make(chan struct{})}
	t.Cleanup(func() { h.spawn.Close(); h.ports.Close() })
	return h
}

// newTestContainer makes a container that runs a command of the test.
func newTestContainer(t *testing.T, h *host, spec *corev1.Container, run process.Command) *container {
	dir := t.TempDir()
	out, err := process.OpenOutput(filepath.Join(dir, "log"), func(line string) { h.console.line(spec.Name, "", line) }, nil)
	if err != nil {
		t.Fatal(err)
	}
	layout := containerLayout{spec: spec, label: "main/" + spec.Name, command: run, work: filepath.Join(dir, "work")}
	layout.within = func(words []string) process.Command {
		return process.Command{Program: words[0], Args: words[1:], Env: run.Env}
	}
	c := newContainer(layout, h, out, 5*time.Second)
	c.portTaken = func(int32) {}
	return c
}

// unseen is an output whose lines are kept and not shown.
func unseen(t *testing.T) *process.Output {
	t.Helper()
	out, err := process.OpenOutput(filepath.Join(t.TempDir(), "log"), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// runInBackground runs the container until the test ends.
func runInBackground(t *testing.T, c *container) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); c.run(ctx) }()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

func shellCommand(script string) process.Command {
	return process.Command{Program: "/bin/sh", Args: []string{"-c", script}, Env: os.Environ()}
}

func TestAServerThatDiesIsStartedAgainAndSaysWhy(t *testing.T) {
	s := localtest.NewScreen()
	h := newTestHost(t, s)
	c := newTestContainer(t, h, &corev1.Container{Name: "clf"}, actCommand("die"))
	c.out = unseen(t)
	runInBackground(t, c)
	text := s.Await(t, "starting again in 20ms", "starting again in 40ms", "starting again in 100ms")
	want := "main/clf: it ended: exit code 3; CrashLoopBackOff: starting again in 20ms\n    OSError: model.joblib is damaged" + c.out.Where() + "\n"
	if !strings.Contains(text, want) {
		t.Errorf("missing %q in:\n%s", want, text)
	}
}

func TestAServerThatWasKilledIsNotQuoted(t *testing.T) {
	s := localtest.NewScreen()
	h := newTestHost(t, s)
	c := newTestContainer(t, h, &corev1.Container{Name: "clf"}, shellCommand("echo KeyError: long ago; kill -9 $$"))
	c.out = unseen(t)
	runInBackground(t, c)
	s.Await(t, "main/clf: it ended: signal: killed; CrashLoopBackOff: starting again in 20ms"+c.out.Where()+"\n")
}

func TestReadinessAndLiveness(t *testing.T) {
	s := localtest.NewScreen()
	h := newTestHost(t, s)
	port, err := h.ports.Take(0)
	if err != nil {
		t.Fatal(err)
	}
	get := func(path string) corev1.ProbeHandler {
		return corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: path, Port: intstr.FromString("http")}}
	}
	alarm := filepath.Join(t.TempDir(), "alarm")
	spec := &corev1.Container{
		Name:           "clf",
		Ports:          []corev1.ContainerPort{{Name: "http", ContainerPort: port}},
		ReadinessProbe: &corev1.Probe{ProbeHandler: get("/ready"), PeriodSeconds: 1, FailureThreshold: 1, InitialDelaySeconds: 3600},
		LivenessProbe: &corev1.Probe{PeriodSeconds: 1, FailureThreshold: 1, ProbeHandler: corev1.ProbeHandler{
			Exec: &corev1.ExecAction{Command: []string{"/bin/sh", "-c", "test ! -e " + alarm + " || { echo the alarm rings; exit 1; }"}},
		}},
	}
	run := actCommand("model")
	run.Env = append(run.Env, "PREDICTIVE_UNIT_HTTP_SERVICE_PORT="+strconv.Itoa(int(port)))
	c := newTestContainer(t, h, spec, run)
	stop := runInBackground(t, c)
	localtest.Eventually(t, "ready", c.ready.Load)
	if _, err := http.Get("http://" + process.Address(port) + "/unready"); err != nil {
		t.Fatal(err)
	}
	s.Await(t, "main/clf: not ready any more", "status 503 not now")
	if c.ready.Load() {
		t.Error("it still counts as ready")
	}
	if err := os.WriteFile(alarm, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.Await(t, "main/clf: liveness probe failed", "the alarm rings", "CrashLoopBackOff")
	os.Remove(alarm)
	s.Await(t, "main/clf: ready again\n")
	stop()
	if !strings.HasSuffix(s.String(), "model stops\n") {
		t.Errorf("the model was not asked to stop:\n%s", s)
	}
}

func TestAStartupProbeThatFailsStartsAgain(t *testing.T) {
	s := localtest.NewScreen()
	h := newTestHost(t, s)
	c := newTestContainer(t, h, &corev1.Container{Name: "clf", StartupProbe: &corev1.Probe{
		PeriodSeconds: 1, FailureThreshold: 1,
		ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"/bin/false"}}},
	}}, shellCommand("exec sleep 60"))
	runInBackground(t, c)
	s.Await(t, "main/clf: startup probe failed")
	if c.ready.Load() {
		t.Error("it was ready without having started")
	}
}

func TestHooks(t *testing.T) {
	dir := t.TempDir()
	s := localtest.NewScreen()
	h := newTestHost(t, s)
	touch := func(name string) *corev1.LifecycleHandler {
		return &corev1.LifecycleHandler{Exec: &corev1.ExecAction{Command: []string{"/bin/sh", "-c", "echo $GREETING > " + filepath.Join(dir, name)}}}
	}
	run := shellCommand("exec sleep 60")
	run.Env = append(run.Env, "GREETING=hello")
	c := newTestContainer(t, h, &corev1.Container{Name: "clf", Lifecycle: &corev1.Lifecycle{PostStart: touch("up"), PreStop: touch("down")}}, run)
	stop := runInBackground(t, c)
	localtest.Eventually(t, "ready", c.ready.Load)
	stop()
	for _, name := range []string{"up", "down"} {
		if text, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(text) != "hello\n" {
			t.Errorf("hook %s wrote %q, %v", name, text, err)
		}
	}
}

func TestAPortThatAnotherProgramTookIsReported(t *testing.T) {
	l, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	port := int32(l.Addr().(*net.TCPAddr).Port)
	s := localtest.NewScreen()
	h := newTestHost(t, s)
	run := actCommand("model")
	run.Env = append(run.Env, "PREDICTIVE_UNIT_HTTP_SERVICE_PORT="+strconv.Itoa(int(port)))
	c := newTestContainer(t, h, &corev1.Container{Name: "clf", Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: port}},
		ReadinessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "/never", Port: intstr.FromInt32(port)}}}}, run)
	taken := make(chan int32, 10)
	c.portTaken = func(p int32) { taken <- p }
	runInBackground(t, c)
	if got := <-taken; got != port {
		t.Errorf("port %d was reported, want %d", got, port)
	}
	s.Await(t, "was taken by another program")
}

// shellLayout is a container that runs a script.
func shellLayout(dir, name, script string) containerLayout {
	spec := &corev1.Container{Name: name}
	return containerLayout{spec: spec, label: "main/" + name, command: shellCommand(script), work: filepath.Join(dir, name)}
}

func newTestPod(t *testing.T, h *host, layout *podLayout) *pod {
	t.Helper()
	layout.name, layout.grace = "pod", 5*time.Second
	open := func(c *containerLayout, init bool) (*process.Output, error) {
		return unseen(t), nil
	}
	p, err := newPod(layout, h, open, podEvents{changed: func() {}, portTaken: func(int32) {}})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestInitContainersAreRepeatedUntilTheySucceed(t *testing.T) {
	s := localtest.NewScreen()
	h := newTestHost(t, s)
	dir := t.TempDir()
	ready := filepath.Join(dir, "model")
	p := newTestPod(t, h, &podLayout{
		inits:      []containerLayout{shellLayout(dir, "fetch", "test -e "+ready+" || { echo no model here; exit 7; }")},
		containers: []containerLayout{shellLayout(dir, "clf", "exec sleep 60")},
	})
	p.start("")
	defer p.stop()
	s.Await(t, "main/fetch: it failed: exit code 7; Init:CrashLoopBackOff: trying again in 20ms\n    no model here\n    log: ", "trying again in 40ms")
	if p.ready() {
		t.Error("the pod is ready before its init containers have succeeded")
	}
	if err := os.WriteFile(ready, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	localtest.Eventually(t, "the pod is ready", p.ready)
}

func TestTheExecutorStopsBeforeTheOthers(t *testing.T) {
	h := newTestHost(t, localtest.NewScreen())
	dir := t.TempDir()
	order := filepath.Join(dir, "order")
	script := func(name, pause string) string {
		return "trap 'sleep " + pause + "; echo " + name + " >> " + order + "; exit 0' TERM; touch " + order + "." + name + "; while true; do sleep 0.01; done"
	}
	p := newTestPod(t, h, &podLayout{containers: []containerLayout{
		shellLayout(dir, "model", script("model", "0")), shellLayout(dir, "executor", script("executor", "0.3")),
	}})
	p.start("executor")
	localtest.Eventually(t, "both have set their traps", func() bool {
		_, model := os.Stat(order + ".model")
		_, executor := os.Stat(order + ".executor")
		return model == nil && executor == nil
	})
	p.stop()
	text, err := os.ReadFile(order)
	if err != nil || string(text) != "executor\nmodel\n" {
		t.Errorf("they ended in the order %q, %v", text, err)
	}
}

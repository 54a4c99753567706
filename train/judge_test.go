package train_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/prime-radiant/radiant/train"
)

// TestJudge: the rules of Kubeflow for success and failure. A job is written as its
// types with their policies, and a state as a letter for each replica in the order
// of the plan: r runs, s succeeded, 1 failed with code 1, k was killed, l is lost.
func TestJudge(t *testing.T) {
	for _, c := range []struct {
		name, annotations, spec string
		replicas                string
		states                  string
		restarts                int32
		want                    train.Action
		again                   []int
		message                 string
	}{
		{name: "all run", replicas: "Worker:2:Never", states: "rr"},
		{name: "worker 0 decides", replicas: "Worker:2:Never", states: "sr", want: train.Succeed, message: "TFJob j succeeded"},
		{name: "another worker does not", replicas: "Worker:2:Never", states: "rs"},
		{name: "all workers are asked for", spec: "successPolicy: AllWorkers", replicas: "Worker:2:Never", states: "sr"},
		{name: "all workers", spec: "successPolicy: AllWorkers", replicas: "Worker:2:Never", states: "ss", want: train.Succeed},
		{name: "parameter servers do not count", replicas: "PS:1:Never Worker:1:Never", states: "rs", want: train.Succeed},
		{name: "the chief decides", replicas: "Chief:1:Never Worker:2:Never", states: "srr", want: train.Succeed},
		{name: "with a chief workers do not", replicas: "Chief:1:Never Worker:1:Never", states: "rs"},
		{name: "success comes before failure", replicas: "Worker:2:Never", states: "s1", want: train.Succeed},
		{name: "any failed replica", replicas: "PS:1:Never Worker:1:Never", states: "1r", want: train.Fail, message: "j-ps-0 failed with exit code 1; its restartPolicy is Never"},
		{name: "made anew", replicas: "Worker:2:OnFailure", states: "r1", want: train.Again, again: []int{1}, message: "j-worker-1 failed with exit code 1"},
		{name: "a code that is for good", replicas: "Worker:2:ExitCode", states: "r1", want: train.Fail},
		{name: "a code that is not", replicas: "Worker:2:ExitCode", states: "kr", want: train.Again, again: []int{0}},
		{name: "a lost pod", replicas: "Worker:2:ExitCode", states: "rl", want: train.Again, again: []int{1}, message: "j-worker-1 is lost (Evicted)"},
		{name: "a lost pod that is not made anew", replicas: "Worker:2:Never", states: "rl", want: train.Fail},
		{name: "one may be restarted, the other not", replicas: "PS:1:Never Worker:1:OnFailure", states: "1k", want: train.Fail},
		{name: "together", annotations: "radiant.io/restart: all", replicas: "Worker:2:Never", states: "r1", want: train.Again, again: []int{0, 1}, message: "j-worker-1 failed with exit code 1; all replicas start again"},
		{name: "together, and idle ones stay", annotations: "radiant.io/restart: all, radiant.io/strategy: multiworkermirrored", replicas: "PS:1:Never Worker:2:Never", states: "1rk", want: train.Again, again: []int{1, 2}},
		{name: "together for the last time", annotations: "radiant.io/restart: all", replicas: "Worker:2:Never", states: "r1", restarts: 6, want: train.Fail, message: "j-worker-1 failed with exit code 1, after 6 restarts, which is the limit"},
		{name: "no limit", replicas: "Worker:2:OnFailure", states: "r1", restarts: 1000, want: train.Again, again: []int{1}},
		{name: "a limit", spec: "runPolicy: {backoffLimit: 1}", replicas: "Worker:2:OnFailure", states: "r1", restarts: 1, want: train.Fail},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := "apiVersion: kubeflow.org/v1\nkind: TFJob\nmetadata: {name: j, annotations: {" + c.annotations + "}}\nspec:\n  " + c.spec + "\n  tfReplicaSpecs:\n"
			for _, replica := range strings.Fields(c.replicas) {
				words := strings.Split(replica, ":")
				text += "    " + words[0] + ": {replicas: " + words[1] + ", restartPolicy: " + words[2] + ", template: {spec: {containers: [{name: tensorflow, image: i}]}}}\n"
			}
			plan, err := train.NewPlan(jobs(t, text)[0], nil)
			if err != nil {
				t.Fatal(err)
			}
			known := map[rune]train.State{
				'r': {}, 's': {Ended: true}, '1': {Ended: true, Code: 1}, 'k': {Ended: true, Code: 137}, 'l': {Ended: true, Lost: true, Reason: "Evicted"},
			}
			var states []train.State
			for _, letter := range c.states {
				states = append(states, known[letter])
			}
			got := plan.Judge(states, c.restarts)
			if got.Action != c.want || c.message != "" && got.Message != c.message {
				t.Errorf("action %d %q, want %d %q", got.Action, got.Message, c.want, c.message)
			}
			if diff := cmp.Diff(c.again, got.Replicas); diff != "" {
				t.Errorf("made anew, -want +got:\n%s", diff)
			}
		})
	}
}

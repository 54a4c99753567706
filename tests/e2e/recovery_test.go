//go:build e2e

package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/tests/kit/long"
)

// recovery is a job of ten short epochs, to which something happens in the middle.
type recovery struct {
	*world
	folder string
}

// What happens to a job's pods, node and operator in the middle of training ends as
// docs/training.md says.
func TestTrainingRecovers(t *testing.T) {
	long.Only(t)
	t.Parallel()
	const mirrored, again, servers = "radiant.io/strategy: multiworkermirrored", "radiant.io/restart: all", "radiant.io/strategy: parameterserver"
	for _, c := range []struct {
		name, annotations string
		happens           func(*recovery)
		// restarts is how often replicas are made anew; fails is the message of a job that
		// fails, and empty for one that succeeds.
		restarts int
		fails    string
	}{
		{
			name: "worker killed", annotations: mirrored + ", " + again,
			happens: func(r *recovery) { r.killed("epochs-worker-1") }, restarts: 1,
		},
		{
			name: "worker killed, never again", annotations: mirrored,
			happens: func(r *recovery) { r.killed("epochs-worker-1") }, fails: "epochs-worker-1 failed with exit code 137; its restartPolicy is Never",
		},
		{
			name: "idle server killed", annotations: mirrored,
			happens: func(r *recovery) { r.killed("epochs-ps-0") },
		},
		{
			name: "server killed", annotations: servers,
			happens: func(r *recovery) { r.killed("epochs-ps-0") }, fails: "epochs-ps-0 failed with exit code 137; its restartPolicy is Never",
		},
		{
			name: "server killed, all again", annotations: servers + ", " + again,
			happens: func(r *recovery) { r.killed("epochs-ps-0") }, restarts: 1,
		},
		{
			name: "node drained", annotations: mirrored + ", " + again,
			happens: (*recovery).evicted, restarts: 1,
		},
		{
			name: "operator restarted", annotations: mirrored,
			happens: (*recovery).withoutOperator,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, "recovers-"+strings.NewReplacer(" ", "-", ",", "").Replace(c.name))
			r := &recovery{w, w.claim()}
			r.applyText(strings.Replace(read(t, "testdata/epochs.yaml"), "ANNOTATIONS", c.annotations, 1))
			r.eventually("half of the epochs are done", func() error { return r.begun(6) })
			began := time.Now()
			c.happens(r)
			if c.fails != "" {
				r.failed(began, c.fails)
				return
			}
			r.eventually("what has to start again does", func() error { return r.restarted(c.restarts) })
			if err := os.WriteFile(filepath.Join(r.folder, "go"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
			r.awaitJob("tfjob/epochs", "Succeeded")
			r.took(c.restarts)
			if err := r.restarted(c.restarts); err != nil {
				t.Error(err)
			}
		})
	}
}

// begun expects training to have come to an epoch.
func (r *recovery) begun(epoch int) error {
	if epochs := r.epochs("begun"); len(epochs) < epoch {
		return fmt.Errorf("begun are %v", epochs)
	}
	return nil
}

// epochs are those that the leading worker has noted in a file.
func (r *recovery) epochs(file string) []string {
	text, err := os.ReadFile(filepath.Join(r.folder, file))
	if err != nil && !os.IsNotExist(err) {
		r.t.Fatal(err)
	}
	return strings.Fields(string(text))
}

// killed kills the container that trains in a pod.
func (r *recovery) killed(pod string) { r.kill(pod, "tensorflow") }

// failed expects the job to fail by a message, in less than 30 seconds.
func (r *recovery) failed(began time.Time, message string) {
	r.t.Helper()
	r.awaitJob("tfjob/epochs", "Failed")
	took := time.Since(began)
	got := r.kubectl("get", "tfjob", "epochs", "-o", `jsonpath={.status.conditions[?(@.type=="Failed")].message}`)
	if got != message {
		r.t.Errorf("the job failed by %q, want %q", got, message)
	}
	if took > 30*time.Second {
		r.t.Errorf("it failed %.1f s after that", took.Seconds())
	}
	r.t.Logf("failed after %.1f s: %s", took.Seconds(), got)
}

// restarted expects so many restarts.
func (r *recovery) restarted(times int) error {
	n := r.kubectl("get", "tfjob", "epochs", "-o", "jsonpath={.status.restarts}")
	if cmp.Or(n, "0") != strconv.Itoa(times) {
		return fmt.Errorf("there are %s restarts", n)
	}
	return nil
}

// took expects all epochs to be done once, and one to be begun again for each restart at
// most: that which was under way.
func (r *recovery) took(restarts int) {
	r.t.Helper()
	begun, done := r.epochs("begun"), r.epochs("epochs")
	var want []string
	for i := range 10 {
		want = append(want, strconv.Itoa(i+1))
	}
	if !slices.Equal(done, want) || len(begun) > len(want)+restarts {
		r.t.Errorf("epochs begun are %v; done are %v", begun, done)
	}
	r.t.Logf("%d restarts, epochs begun %v", restarts, begun)
}

// evicted drains the only node of its worker 1: it takes no pods, and the worker is
// evicted. There is no other node; so new pods wait until this one takes pods again.
func (r *recovery) evicted() {
	node := r.kubectl("get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")
	r.t.Cleanup(func() { r.kubectl("uncordon", node) })
	r.kubectl("cordon", node)
	eviction, err := json.Marshal(map[string]any{
		"apiVersion": "policy/v1", "kind": "Eviction", "metadata": map[string]string{"name": "epochs-worker-1", "namespace": r.namespace},
	})
	if err != nil {
		r.t.Fatal(err)
	}
	file := filepath.Join(r.t.TempDir(), "eviction.json")
	if err := os.WriteFile(file, eviction, 0o600); err != nil {
		r.t.Fatal(err)
	}
	r.kubectl("create", "--raw", fmt.Sprintf("/api/v1/namespaces/%s/pods/epochs-worker-1/eviction", r.namespace), "-f", file)
	r.eventually("the workers wait for a node", func() error {
		phases := strings.Fields(r.kubectl("get", "pods", "-l", "training.kubeflow.org/replica-type=worker", "-o", "jsonpath={.items[*].status.phase}"))
		if !slices.Equal(phases, []string{"Pending", "Pending"}) {
			return fmt.Errorf("phases are %v", phases)
		}
		return nil
	})
	r.kubectl("uncordon", node)
}

// withoutOperator restarts the operator, which finds the pods as they were.
func (r *recovery) withoutOperator() {
	const operator = "deployment/seldon-controller-manager"
	uids := func() string { return r.kubectl("get", "pods", "-o", "jsonpath={.items[*].metadata.uid}") }
	before := uids()
	r.kubectl("--namespace", "seldon-system", "rollout", "restart", operator)
	r.kubectl("--namespace", "seldon-system", "rollout", "status", operator, "--timeout="+patience.String())
	if after := uids(); after != before {
		r.t.Errorf("pods were %s and are %s", before, after)
	}
}

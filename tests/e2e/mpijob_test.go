//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prime-radiant/radiant/tests/kit/long"
)

// The article's MPIJob, unchanged but for the tag of its image, runs its ranks in two
// pods, with each version of Open MPI: one that reads the settings that Kubeflow
// makes, one that does not, and one that refuses the options of its line.
func TestMPIJob(t *testing.T) {
	t.Parallel()
	manifest := read(t, "testdata/article/mpijob.yaml")
	for _, version := range []string{"4.1.8", "5.0.8", "5.0.11"} {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "mpi-"+strings.ReplaceAll(version, ".", "-"))
			w.graphics()
			began := time.Now()
			w.applyText(strings.ReplaceAll(manifest, ":latest", ":openmpi-"+version))
			w.awaitJob("mpijob/tensorflow-benchmarks", "Succeeded")
			seconds := time.Since(began).Seconds()
			log := w.kubectl("logs", "tensorflow-benchmarks-launcher")
			hosts := slices.Sorted(slices.Values(all(log, rankPattern)))
			if want := []string{"tensorflow-benchmarks-worker-0", "tensorflow-benchmarks-worker-1"}; !slices.Equal(hosts, want) {
				t.Errorf("ranks were on %v, want %v:\n%s", hosts, want, log)
			}
			losses := all(log, `epoch \d/\d loss ([0-9.]+)`)
			falls(t, losses)
			equal(t, all(log, `weights (\w+) on rank`), 2)
			w.eventually("the workers are gone", func() error { return w.onlyPods("tensorflow-benchmarks-launcher") })
			t.Logf("Open MPI %s: ranks on %v; loss %v; %.1f s", version, hosts, losses, seconds)
		})
	}
}

// What mpirun ends with is what its job says.
func TestMPIJobFails(t *testing.T) {
	long.Only(t)
	t.Parallel()
	w := newWorld(t, "mpi-fails")
	w.graphics()
	manifest := strings.ReplaceAll(read(t, "testdata/article/mpijob.yaml"), ":latest", ":openmpi-5.0.11")
	w.applyText(strings.Replace(manifest, "    Launcher:\n      replicas: 1\n      template:\n        spec:\n          containers:\n          - image",
		"    Launcher:\n      replicas: 1\n      restartPolicy: Never\n      template:\n        spec:\n          containers:\n          - args: [--exit=7]\n            image", 1))
	w.awaitJob("mpijob/tensorflow-benchmarks", "Failed")
	message := w.kubectl("get", "mpijob", "tensorflow-benchmarks", "-o", `jsonpath={.status.conditions[?(@.type=="Failed")].message}`)
	if want := "tensorflow-benchmarks-launcher failed with exit code 7; its restartPolicy is Never"; message != want {
		t.Errorf("the job failed by %q, want %q", message, want)
	}
	w.eventually("the workers are gone", func() error { return w.onlyPods("tensorflow-benchmarks-launcher") })
}

// An MPIJob of today's version runs as a user, whose home has the keys; its launcher
// works as well, with a worker and alone.
func TestMPIJobOfUsers(t *testing.T) {
	long.Only(t)
	t.Parallel()
	for _, c := range []struct {
		workers, slots string
		hosts          []string
	}{
		{"0", "2", []string{"pi-launcher", "pi-launcher"}},
		{"1", "1", []string{"pi-launcher", "pi-worker-0"}},
	} {
		t.Run(c.workers+" workers", func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, "mpi-users-"+c.workers)
			w.applyText(strings.NewReplacer("WORKERS", c.workers, "SLOTS", c.slots).Replace(read(t, "testdata/mpijob.yaml")))
			w.awaitJob("mpijob/pi", "Succeeded")
			log := w.kubectl("logs", "pi-launcher")
			if hosts := slices.Sorted(slices.Values(all(log, rankPattern))); !slices.Equal(hosts, c.hosts) {
				t.Errorf("ranks were on %v, want %v:\n%s", hosts, c.hosts, log)
			}
		})
	}
}

// rankPattern finds the host of each of two ranks, which know what they add up to.
const rankPattern = `rank \d of 2 on (\S+): the sum of 1 to 2 is 3`

// graphics lets the node say that it has graphics cards, for which the article's
// manifest asks. Nothing uses them.
func (w *world) graphics() {
	w.t.Helper()
	node := w.kubectl("get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")
	w.kubectl("patch", "node", node, "--subresource=status", "--type=merge", "-p", `{"status": {"capacity": {"nvidia.com/gpu": "8"}}}`)
}

// onlyPods expects these pods to be all that are there.
func (w *world) onlyPods(names ...string) error {
	pods := strings.Fields(w.kubectl("get", "pods", "-o", "jsonpath={.items[*].metadata.name}"))
	slices.Sort(pods)
	if !slices.Equal(pods, names) {
		return fmt.Errorf("there are %v, want %v", pods, names)
	}
	return nil
}

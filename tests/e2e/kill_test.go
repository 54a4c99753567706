//go:build e2e

package e2e

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// A model whose process is killed loses no request, where executors have pods
// of their own and retry. An executor that is killed does: what it answers then
// is up to the gateway in front, and it comes back by itself.
func TestKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "killed")
	w.applyText(read(t, "testdata/apart.yaml"))
	w.available("apart")
	t.Run("model", func(t *testing.T) {
		w := w.in(t)
		w.routed("seldon-app-svc-classifier", 9000, 9500)
		w.survives("apart", func(w *world) { w.killed("seldon-app-svc-classifier", "classifier") })
	})
	t.Run("executor", func(t *testing.T) {
		w := w.in(t)
		loads := w.load("apart", newTally(0))
		w.killed("seldon-app", "seldon-container-engine")
		for _, l := range loads {
			if failures := l.end(t); len(failures) > 0 {
				t.Logf("%s: %s", l.name, summary(failures))
			}
		}
		w.ask(200, w.rest("apart", newTally(0)))
	})
	w.delete("apart")
}

// routed waits until kube-proxy leads to all pods with a label, which is a
// moment after they are ready: the last one is no help before.
func (w *world) routed(label string, ports ...int) {
	w.t.Helper()
	addresses := strings.Fields(w.kubectl("get", "pods", "-l", podsOf("apart")+","+label, "-o", "jsonpath={.items[*].status.podIP}"))
	w.eventually("the node leads to all pods", func() error {
		rules, err := exec.Command("nft", "list", "table", "ip", "kube-proxy").CombinedOutput()
		if err != nil {
			return fmt.Errorf("nft: %w: %s", err, rules)
		}
		for _, address := range addresses {
			for _, port := range ports {
				// As one of several ends of a Service is written.
				if !bytes.Contains(rules, fmt.Appendf(nil, " : %s . %d", address, port)) {
					return fmt.Errorf("no rule leads to %s:%d", address, port)
				}
			}
		}
		return nil
	})
}

// killed kills a container of a pod with a label, and waits until all is as it
// was.
func (w *world) killed(label, container string) {
	pod := w.podNames(podsOf("apart") + "," + label)[0]
	w.kill(pod, container)
	w.eventually("the container has started again", func() error {
		if counts := w.kubectl("get", "pod", pod, "-o", "jsonpath={.status.containerStatuses[*].restartCount}"); counts == "0" {
			return errors.New("it has not")
		}
		return nil
	})
	w.steady("apart", 4)
}

// kill ends the processes of a container at once, as the kernel does when
// memory runs out. The tests run on the pod's node.
func (w *world) kill(pod, container string) {
	w.t.Helper()
	id := w.kubectl("get", "pod", pod, "-o", `jsonpath={.status.containerStatuses[?(@.name=="`+container+`")].containerID}`)
	_, id, _ = strings.Cut(id, "://")
	groups, err := filepath.Glob("/proc/[0-9]*/cgroup")
	if err != nil || id == "" {
		w.t.Fatalf("container %s of %s: id %q, %v", container, pod, id, err)
	}
	killed := 0
	for _, path := range groups {
		text, err := os.ReadFile(path)
		if err != nil || !bytes.Contains(text, []byte(id)) {
			continue // Other processes end meanwhile.
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil {
			w.t.Fatal(err)
		}
		if err := syscall.Kill(pid, syscall.SIGKILL); err == nil {
			killed++
		} else if !errors.Is(err, syscall.ESRCH) {
			w.t.Fatal(err)
		}
	}
	if killed == 0 {
		w.t.Fatalf("container %s of %s has no process", container, pod)
	}
}

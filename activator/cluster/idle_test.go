package cluster_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/prime-radiant/radiant/tests/kit/long"
)

// TestIdle prints what 500 deployments without pods cost the operator and the activator,
// when all are available. It takes minutes: RADIANT_E2E_LONG=1 runs it.
func TestIdle(t *testing.T) {
	long.Only(t)
	const deployments, most, span = 500, 100 << 20, time.Minute
	w := newWorld(t, "idle")
	processes := w.run("seldon-activator-idle", "21000-21999")
	for i := range deployments {
		w.createAtZero("lazy-" + strconv.Itoa(i))
	}
	began := time.Now()
	for available := 0; available < deployments; time.Sleep(time.Second) {
		w.lookedAt()
		if available = w.available(); time.Since(began) > 20*time.Minute {
			t.Fatalf("%d of %d deployments are available", available, deployments)
		}
	}
	t.Logf("%d deployments were available %.0f s after they were made", deployments, time.Since(began).Seconds())
	time.Sleep(10 * time.Second)
	before := map[string]usage{}
	for name, pid := range processes {
		before[name] = used(t, pid)
	}
	time.Sleep(span)
	for name, pid := range processes {
		after := used(t, pid)
		share := (after.cpu - before[name].cpu).Seconds() / span.Seconds()
		t.Logf("%d deployments at zero, %s: %.1f MiB resident, %.2f %% of a core", deployments, name, float64(after.resident)/(1<<20), 100*share)
		if after.resident > most || share > 0.01 {
			t.Errorf("%s: want %d MiB and 1 %% at most", name, most>>20)
		}
	}
}

// lookedAt says of new Deployments that they are as they should be, as their controller
// does: none is to have pods.
func (w *world) lookedAt() {
	w.t.Helper()
	var list appsv1.DeploymentList
	if err := w.List(w.t.Context(), &list, client.InNamespace(w.namespace)); err != nil {
		w.t.Fatal(err)
	}
	for i := range list.Items {
		d := &list.Items[i]
		if d.Status.ObservedGeneration == d.Generation {
			continue
		}
		if *d.Spec.Replicas != 0 {
			w.t.Fatalf("Deployment %s is to have %d pods", d.Name, *d.Spec.Replicas)
		}
		base := d.DeepCopy()
		d.Status.ObservedGeneration = d.Generation
		if err := w.Status().Patch(w.t.Context(), d, client.MergeFrom(base)); err != nil {
			w.t.Fatal(err)
		}
	}
}

// available counts the deployments that are.
func (w *world) available() int {
	w.t.Helper()
	var list unstructured.UnstructuredList
	list.SetAPIVersion("machinelearning.seldon.io/v1")
	list.SetKind("SeldonDeploymentList")
	if err := w.List(w.t.Context(), &list, client.InNamespace(w.namespace)); err != nil {
		w.t.Fatal(err)
	}
	n := 0
	for i := range list.Items {
		if state, _, _ := unstructured.NestedString(list.Items[i].Object, "status", "state"); state == "Available" {
			n++
		}
	}
	return n
}

// clear deletes what other tests would find.
func (w *world) clear() {
	deployment := &unstructured.Unstructured{}
	deployment.SetAPIVersion("machinelearning.seldon.io/v1")
	deployment.SetKind("SeldonDeployment")
	for _, o := range []client.Object{deployment, &appsv1.Deployment{}, &corev1.Service{}, &discoveryv1.EndpointSlice{}} {
		if err := w.DeleteAllOf(context.WithoutCancel(w.t.Context()), o, client.InNamespace(w.namespace)); err != nil {
			w.t.Error(err)
		}
	}
}

// usage is what a process has taken.
type usage struct {
	resident int64
	cpu      time.Duration
}

func used(t *testing.T, pid int) usage {
	t.Helper()
	status, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = status.Close() }()
	var u usage
	for lines := bufio.NewScanner(status); lines.Scan(); {
		if text, ok := strings.CutPrefix(lines.Text(), "VmRSS:"); ok {
			n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(text), " kB"), 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			u.resident = n << 10
		}
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')'):]))
	for _, i := range []int{12, 13} { // utime and stime, in hundredths of a second
		n, err := strconv.ParseInt(fields[i], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		u.cpu += time.Duration(n) * 10 * time.Millisecond
	}
	return u
}

package controller_test

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/discovery"
	"github.com/prime-radiant/radiant/operator/controller"
)

// startsOnce is a deployment whose server loads its model once, when it starts.
const startsOnce = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: rents}
spec:
  predictors:
  - name: main
    replicas: 1
    graph: {name: clf, type: MODEL, modelUri: "gs://models/rents", modelRefresh: 60s}
    componentSpecs: [{spec: {containers: [{name: clf, image: "model:1"}]}}]
`

// TestPodsStartWithANewVersion: when a pod tells of a version that another one could start
// with, the template of the Deployment names it, so that its pods are made anew in turn. If
// these are not ready in time the one before comes back, and the new one is refused; the next
// one comes. A new operator goes on with what was chosen, and an edit keeps it.
func TestPodsStartWithANewVersion(t *testing.T) {
	t.Parallel()
	w := newWorld(t, server)
	var mu sync.Mutex
	reports := map[string]discovery.Report{} // by the addresses of pods
	place := discovery.PlaceOf("gs://models/rents")
	says := func(ip string, serves bool, s discovery.Start) {
		s.Place = place
		state := discovery.Loading
		if serves {
			state = discovery.Serving
		}
		n := discovery.Node{Node: "clf", Start: &s, Versions: []discovery.Version{{Version: s.Version, State: state}}}
		if s.Next != "" {
			n.Versions = append(n.Versions, discovery.Version{Version: s.Next, State: discovery.Present})
		}
		mu.Lock()
		defer mu.Unlock()
		reports[ip] = discovery.Report{Nodes: []discovery.Node{n}}
	}
	executor := func(ip string) string {
		s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			mu.Lock()
			defer mu.Unlock()
			report, ok := reports[ip]
			if !ok {
				http.Error(rw, "not yet", http.StatusServiceUnavailable)
				return
			}
			if err := json.NewEncoder(rw).Encode(report); err != nil {
				t.Error(err)
			}
		}))
		t.Cleanup(s.Close)
		return strings.TrimPrefix(s.URL, "http://")
	}
	at := map[string]string{"10.0.0.7:8000": executor("10.0.0.7"), "10.0.0.8:8000": executor("10.0.0.8")}
	options := func(o *controller.Options) {
		o.VersionsEvery = 20 * time.Millisecond
		o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, at[address])
		}
	}
	op := w.start(options)
	w.apply(startsOnce)
	w.awaitWorkloads(versionedWorkload)
	w.serve(versionedWorkload)
	w.awaitState("rents", v1.StatusAvailable)
	set := w.replicaSet(versionedWorkload)
	for name, ip := range map[string]string{"one": "10.0.0.7", "two": "10.0.0.8"} {
		w.podAt(set, name, ip)
	}
	starts := func(want string, refused ...string) {
		t.Helper()
		w.eventually(func() string {
			d := w.workload(versionedWorkload)
			got := discovery.Choice{Version: d.Spec.Template.Annotations[discovery.StartPrefix+"clf"], Refused: controller.StartsOf(d)["clf"].Refused}
			return cmp.Diff(discovery.Choice{Version: want, Refused: refused}, got)
		})
	}
	if d := w.workload(versionedWorkload); d.Spec.Template.Annotations[discovery.StartPrefix+"clf"] != "" {
		t.Errorf("the annotations are %v", d.Spec.Template.Annotations)
	}
	says("10.0.0.7", true, discovery.Start{Version: "3", Next: "7"})
	starts("7")
	w.awaitEvent("rents", "VersionStarting", "makes its pods anew, in turn, with version 7 of node clf")

	says("10.0.0.8", false, discovery.Start{Version: "7", Told: "7"})
	w.eventually(func() string {
		d := w.workload(versionedWorkload)
		d.Status.ObservedGeneration, d.Status.Replicas = d.Generation, 2
		d.Status.Conditions = []appsv1.DeploymentCondition{
			{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Reason: "ProgressDeadlineExceeded"},
			{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionTrue, Reason: "MinimumReplicasAvailable"},
		}
		if err := w.Status().Update(t.Context(), d); err != nil {
			return err.Error()
		}
		return ""
	})
	starts("3", "7")
	w.awaitEvent("rents", "VersionStarting", "goes back to version 3 of node clf: with version 7 its pods were not ready in time")
	w.eventually(func() string {
		for _, v := range w.deployment("rents").Status.ModelVersions {
			if v.Version == "7" && v.State == discovery.Refused && v.Reason == "NotReady" {
				return ""
			}
		}
		return "the status says nothing of version 7"
	})
	w.awaitEvent("rents", "VersionRefused", "version 7")

	op.stop()
	w.start(options)
	w.apply(strings.Replace(startsOnce, "model:1", "model:2", 1))
	w.awaitImage(versionedWorkload, "clf", "model:2")
	starts("3", "7")
	says("10.0.0.7", true, discovery.Start{Version: "3", Told: "3", Next: "9"})
	starts("9", "7")

	// Versions of another place have numbers of their own, and pods of before tell nothing of them.
	elsewhere := strings.Replace(startsOnce, "gs://models/rents", "gs://models/others", 1)
	w.apply(elsewhere)
	starts("")
	says("10.0.0.7", true, discovery.Start{Version: "3", Next: "10"})
	place = discovery.PlaceOf("gs://models/others")
	says("10.0.0.8", true, discovery.Start{Version: "1", Next: "7"})
	starts("7")
	w.apply(strings.Replace(elsewhere, ", modelRefresh: 60s", "", 1))
	starts("")
}

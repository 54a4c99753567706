//go:build e2e

package e2e

import (
	"context"
	"net/http"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/prime-radiant/radiant/tests/kit/cases"
)

// A graph of a transformer, a router, a combiner and three models, all made
// with the Python wrapper, spreads over four pods.
func TestWrappedGraph(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "wrapped")
	w.kubectl("apply", "-f", "testdata/wrapped.yaml")
	w.available("wrapped")
	pods := w.podNames("seldon-deployment-id=wrapped")
	t.Logf("six components in the pods %s", strings.Join(pods, ", "))
	if len(pods) != 4 {
		t.Errorf("there are %d pods", len(pods))
	}
	for _, r := range []cases.Request{
		// -1 becomes 0: the combiner adds what the models make of [0, 6].
		{Name: "two models", BodyFile: "wrapped-sum.json", ExpectFile: "wrapped-sum.expect.json"},
		// 0 becomes 1: one model returns [1, 6].
		{Name: "one model", BodyFile: "wrapped-single.json", ExpectFile: "wrapped-single.expect.json"},
	} {
		r.Transport, r.Path = "rest", "/seldon/wrapped/wrapped/api/v1.0/predictions"
		w.eventually(r.Name+" by REST", func() error { return cases.Run(gatewayREST(), "testdata", r) })
		r.Transport, r.Method, r.Headers = "grpc", "/seldon.protos.Seldon/Predict", map[string]string{"seldon": "wrapped", "namespace": "wrapped"}
		w.eventually(r.Name+" by gRPC", func() error { return cases.Run(gatewayGRPC(), "testdata", r) })
	}
	w.delete("wrapped")
}

// An executor in a pod of its own, none, and an explainer answer through the
// gateway; an eviction is refused while the budget does not allow it.
func TestShapes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "shapes")
	w.kubectl("apply", "-f", "testdata/shapes.yaml")
	for _, name := range []string{"separate", "bare", "explained"} {
		w.available(name)
	}
	w.containers("separate", map[string]string{"separate-default-0-classifier": "classifier", "separate-default-svc-orch": "seldon-container-engine"})
	w.containers("bare", map[string]string{"bare-default-0-classifier": "classifier"})
	w.containers("explained", map[string]string{
		"explained-default-0-classifier": "classifier seldon-container-engine", "explained-default-explainer": "explainer",
	})
	for _, path := range []string{
		"separate/api/v1.0/predictions", "bare/predict", "explained/api/v1.0/predictions", "explained-explainer/default/api/v1.0/predictions",
	} {
		r := cases.Request{Transport: "rest", Path: "/seldon/shapes/" + path, BodyFile: "classifier.json", ExpectFile: "classifier.expect.json", Tolerance: 1e-9}
		w.eventually(path, func() error { return cases.Run(gatewayREST(), "testdata", r) })
	}
	for _, name := range []string{"separate", "bare", "explained"} {
		r := cases.Request{
			Transport: "grpc", Method: "/seldon.protos.Seldon/Predict", Headers: map[string]string{"seldon": name, "namespace": "shapes"},
			BodyFile: "classifier.json", ExpectFile: "classifier.expect.json", Tolerance: 1e-9,
		}
		if name == "bare" {
			r.Method = "/seldon.protos.Model/Predict"
		}
		w.eventually(name+" by gRPC", func() error { return cases.Run(gatewayGRPC(), "testdata", r) })
	}
	w.evicts("explained")
	for _, name := range []string{"separate", "bare", "explained"} {
		w.delete(name)
	}
}

// containers: the Deployments of name have these, separated by spaces.
func (w *world) containers(name string, want map[string]string) {
	w.t.Helper()
	list := &appsv1.DeploymentList{}
	if err := w.client.List(context.Background(), list, client.InNamespace(w.namespace), client.MatchingLabels{"seldon-deployment-id": name}); err != nil {
		w.t.Fatal(err)
	}
	got := map[string]string{}
	for _, d := range list.Items {
		var names []string
		for _, c := range d.Spec.Template.Spec.Containers {
			names = append(names, c.Name)
		}
		got[d.Name] = strings.Join(names, " ")
	}
	if len(got) != len(want) {
		w.t.Errorf("%s has the Deployments %v, want %v", name, got, want)
	}
	for d, containers := range want {
		if got[d] != containers {
			w.t.Errorf("Deployment %s of %s has the containers %q, want %q", d, name, got[d], containers)
		}
	}
}

// evicts: the only pod of a predictor is not evicted while its budget wants
// one, and is when the budget allows it.
func (w *world) evicts(name string) {
	w.t.Helper()
	pods := &corev1.PodList{}
	if err := w.client.List(context.Background(), pods, client.InNamespace(w.namespace), client.MatchingLabels{"app": name + "-default-0-classifier"}); err != nil {
		w.t.Fatal(err)
	}
	if len(pods.Items) != 1 {
		w.t.Fatalf("%d pods", len(pods.Items))
	}
	pod := &pods.Items[0]
	evict := func() error {
		return w.client.SubResource("eviction").Create(context.Background(), pod, &policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Name: pod.Name, Namespace: pod.Namespace}})
	}
	if err := evict(); !apierrors.IsTooManyRequests(err) {
		w.t.Errorf("the eviction is not refused with %d: %v", http.StatusTooManyRequests, err)
	} else {
		w.t.Logf("the eviction is refused: %v", err)
	}
	w.kubectl("patch", "sdep", name, "--type=json", `--patch=[{"op": "replace", "path": "/spec/predictors/0/componentSpecs/0/pdbSpec", "value": {"maxUnavailable": 1}}]`)
	w.eventually("the eviction is allowed", evict)
	w.available(name)
}

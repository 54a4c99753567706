package controller_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/manifests/crd"
	"github.com/prime-radiant/radiant/operator/controller"
	"github.com/prime-radiant/radiant/tests/kit/apiserver"
)

// TestStorm: somebody writes to the same objects all the time, and the user
// changes the deployment; the end is as the last change says.
func TestStorm(t *testing.T) {
	t.Parallel()
	w := newWorld(t, server)
	w.start(withIngress)
	w.serveAll()
	w.apply(everything)
	w.awaitState("all", v1.StatusAvailable)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan int)
	go func() {
		wrote := 0
		for i := 0; ctx.Err() == nil; i++ {
			wrote += w.meddle(ctx, i)
		}
		done <- wrote
	}()
	const changes = 10
	for i := range changes {
		w.apply(strings.Replace(everything, "a:1", fmt.Sprintf("a:1.%d", i), 1))
		w.awaitImage("all-main-0-a-b", "a", fmt.Sprintf("a:1.%d", i))
	}
	stop()
	if wrote := <-done; wrote < changes {
		t.Fatalf("only %d writes were in the way", wrote)
	}
	w.awaitImage("all-main-0-a-b", "a", fmt.Sprintf("a:1.%d", changes-1))
	w.awaitImage("all-canary-0-a-sidecar", "a", "a:2")
	w.awaitState("all", v1.StatusAvailable)
	w.eventually(func() string {
		s := &corev1.Service{}
		if err := w.Get(t.Context(), types.NamespacedName{Name: "all-main"}, s); err != nil {
			return err.Error()
		}
		if got := s.Spec.Selector["seldon-app"]; got != "all-main" {
			return "the Service's selector is " + got
		}
		return ""
	})
}

// meddle writes to a Deployment and a Service, by update, and counts what the
// API server took.
func (w *world) meddle(ctx context.Context, i int) int {
	wrote := 0
	d := &appsv1.Deployment{}
	if err := w.Get(ctx, types.NamespacedName{Name: "all-canary-0-a-sidecar"}, d); err == nil {
		d.Spec.Template.Spec.Containers[0].Image = fmt.Sprintf("theirs:%d", i)
		d.Annotations["count"] = fmt.Sprint(i)
		if w.Update(ctx, d) == nil {
			wrote++
		}
	}
	s := &corev1.Service{}
	if err := w.Get(ctx, types.NamespacedName{Name: "all-main"}, s); err == nil {
		s.Spec.Selector["seldon-app"] = fmt.Sprintf("theirs-%d", i)
		if w.Update(ctx, s) == nil {
			wrote++
		}
	}
	return wrote
}

// TestOutage has an API server of its own: it goes away while deployments
// change, and then learns of kinds that it did not serve.
func TestOutage(t *testing.T) {
	t.Parallel()
	s, err := apiserver.Start(apiserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	_, err = controller.New(controller.Options{Cluster: s.Config(), MetricsAddress: "0", HealthAddress: "0"})
	if err == nil || !strings.Contains(err.Error(), "does not serve SeldonDeployments; kubectl apply") {
		t.Errorf("without the definition the error is %v", err)
	}
	if err := s.Install(t.Context(), crd.YAML()); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, s)
	w.start(func(o *controller.Options) { o.Environment.Expand.Ingress["ISTIO_ENABLED"] = "true" })
	w.serveAll()
	w.apply(model)
	d := w.awaitState("model", v1.StatusFailed)
	if !containsLine(d, v1.ConditionIstio, "Refused", "VirtualService") {
		t.Errorf("no condition says that Istio is missing: %+v", d.Status.Conditions)
	}
	s.StopAPI()
	time.Sleep(2 * time.Second) // Long enough for watches to notice.
	if err := s.StartAPI(); err != nil {
		t.Fatal(err)
	}
	if err := s.Install(t.Context(), istio("virtualservices", "VirtualService"), istio("destinationrules", "DestinationRule")); err != nil {
		t.Fatal(err)
	}
	w.apply(strings.Replace(model, "mock:1", "mock:2", 1))
	w.awaitImage("model-main-0-classifier", "classifier", "mock:2")
	w.awaitState("model", v1.StatusAvailable)

	route := &unstructured.Unstructured{}
	route.SetAPIVersion("networking.istio.io/v1")
	route.SetKind("VirtualService")
	name := types.NamespacedName{Name: "model"}
	if err := w.Get(t.Context(), name, route); err != nil {
		t.Fatal(err)
	}
	spec := route.Object["spec"]
	route.Object["spec"] = map[string]any{"hosts": []any{"theirs"}}
	if err := w.Update(t.Context(), route); err != nil {
		t.Fatal(err)
	}
	w.eventually(func() string {
		if err := w.Get(t.Context(), name, route); err != nil {
			t.Fatal(err)
		}
		if fmt.Sprint(route.Object["spec"]) != fmt.Sprint(spec) {
			return "the route is not repaired"
		}
		return ""
	})
	w.apply(strings.Replace(model, "name: main", "name: next", 1))
	w.awaitWorkloads("model-next-0-classifier")
	w.eventually(func() string {
		rules := &unstructured.UnstructuredList{}
		rules.SetAPIVersion("networking.istio.io/v1")
		rules.SetKind("DestinationRuleList")
		if err := w.List(t.Context(), rules); err != nil {
			t.Fatal(err)
		}
		if len(rules.Items) != 1 || rules.Items[0].GetName() != "model-next" {
			return fmt.Sprintf("there are %d rules", len(rules.Items))
		}
		return ""
	})
}

// istio is the definition of one of its kinds, as far as the API server needs
// to know it.
func istio(plural, kind string) []byte {
	text := `{apiVersion: apiextensions.k8s.io/v1, kind: CustomResourceDefinition, metadata: {name: PLURAL.networking.istio.io},
spec: {group: networking.istio.io, scope: Namespaced, names: {plural: PLURAL, kind: KIND}, versions: [VERSIONS]}}`
	var versions []string
	for _, version := range []string{"v1", "v1beta1", "v1alpha3"} {
		versions = append(versions, fmt.Sprintf(`{name: %s, served: true, storage: %t, schema: {openAPIV3Schema: {type: object,
 properties: {spec: {type: object, x-kubernetes-preserve-unknown-fields: true}}}}}`, version, version == "v1"))
	}
	return []byte(strings.NewReplacer("PLURAL", plural, "KIND", kind, "VERSIONS", strings.Join(versions, ", ")).Replace(text))
}

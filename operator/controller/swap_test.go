package controller_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/operator/controller"
)

// watchRoute looks all the time at what a request meets: an Ingress, the
// Service it names, a Deployment with pods that the Service finds. The answer
// tells of the first moment at which it met nothing.
func (w *world) watchRoute(ctx context.Context) (gap func() string) {
	var mu sync.Mutex
	found := ""
	done := make(chan struct{})
	ctx, stop := context.WithCancel(ctx)
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			if missing := w.routeEnds(ctx); missing != "" && ctx.Err() == nil {
				mu.Lock()
				found = missing
				mu.Unlock()
				return
			}
		}
	}()
	return func() string {
		stop()
		<-done
		mu.Lock()
		defer mu.Unlock()
		return found
	}
}

// routeEnds says where a request would end, "" for at a pod. What is read is
// not of one moment, so an end is looked at twice.
func (w *world) routeEnds(ctx context.Context) string {
	missing := ""
	for range 3 {
		if missing = w.routeEndsNow(ctx); missing == "" {
			return ""
		}
	}
	return missing
}

func (w *world) routeEndsNow(ctx context.Context) string {
	routes := &networkingv1.IngressList{}
	if err := w.List(ctx, routes); err != nil || len(routes.Items) == 0 {
		return fmt.Sprintf("there is no route: %v", err)
	}
	workloads := &appsv1.DeploymentList{}
	for i := range routes.Items {
		for _, rule := range routes.Items[i].Spec.Rules {
			for _, path := range rule.HTTP.Paths {
				service := &corev1.Service{}
				name := path.Backend.Service.Name
				if err := w.Get(ctx, types.NamespacedName{Name: name}, service); err != nil {
					return fmt.Sprintf("the route leads to Service %s: %v", name, err)
				}
				if err := w.List(ctx, workloads, client.MatchingLabels(service.Spec.Selector)); err != nil {
					return err.Error()
				}
				available := int32(0)
				for j := range workloads.Items {
					available += workloads.Items[j].Status.AvailableReplicas
				}
				if available == 0 {
					return fmt.Sprintf("Service %s has no pods", name)
				}
			}
		}
	}
	return ""
}

func TestRenamedPredictorSwapsWithoutAGap(t *testing.T) {
	w := newWorld(t, server)
	w.start(withIngress)
	w.apply(model)
	w.awaitWorkloads("model-main-0-classifier")
	w.serve("model-main-0-classifier")
	w.awaitState("model", v1.StatusAvailable)
	gap := w.watchRoute(t.Context())

	w.apply(strings.Replace(model, "name: main", "name: next", 1))
	w.awaitWorkloads("model-main-0-classifier", "model-next-0-classifier")
	d := w.awaitState("model", v1.StatusCreating)
	if !strings.Contains(d.Status.Description, "model-next-0-classifier") {
		t.Errorf("the description is %q", d.Status.Description)
	}
	w.eventually(func() string {
		for _, c := range w.deployment("model").Status.Conditions {
			if c.Type == v1.ConditionRoutes && c.Reason == "WaitingForDeployments" {
				return ""
			}
		}
		return "no condition says that the routes wait"
	})
	w.serve("model-next-0-classifier")
	w.awaitWorkloads("model-next-0-classifier")
	w.awaitState("model", v1.StatusAvailable)
	w.eventually(func() string {
		services := &corev1.ServiceList{}
		if err := w.List(t.Context(), services); err != nil {
			t.Fatal(err)
		}
		for i := range services.Items {
			if strings.Contains(services.Items[i].Name, "main") {
				return services.Items[i].Name + " is still there"
			}
		}
		return ""
	})
	if missing := gap(); missing != "" {
		t.Errorf("there was a moment when %s", missing)
	}
}

// TestBrokenSuccessorChangesNothing: what serves goes on serving, and a
// deployment that comes back to it is available at once.
func TestBrokenSuccessorChangesNothing(t *testing.T) {
	w := newWorld(t, server)
	w.start(withIngress)
	w.apply(model)
	w.awaitWorkloads("model-main-0-classifier")
	w.serve("model-main-0-classifier")
	w.awaitState("model", v1.StatusAvailable)
	gap := w.watchRoute(t.Context())
	w.apply(strings.Replace(model, "name: main", "name: broken", 1))
	w.awaitWorkloads("model-broken-0-classifier", "model-main-0-classifier")
	w.awaitState("model", v1.StatusCreating)
	w.apply(model)
	w.awaitWorkloads("model-main-0-classifier")
	w.awaitState("model", v1.StatusAvailable)
	if missing := gap(); missing != "" {
		t.Errorf("there was a moment when %s", missing)
	}
}

// TestOldPodsStayWhileGatewaysFollow for as long as the installation says.
func TestOldPodsStayWhileGatewaysFollow(t *testing.T) {
	w := newWorld(t, server)
	w.start(withIngress, func(o *controller.Options) { o.Drain = time.Hour })
	w.serveAll()
	w.apply(model)
	w.awaitState("model", v1.StatusAvailable)
	w.apply(strings.Replace(model, "name: main", "name: next", 1))
	w.eventually(func() string {
		if ends := w.routeEnds(t.Context()); ends != "" {
			return ends
		}
		routes := &networkingv1.IngressList{}
		if err := w.List(t.Context(), routes); err != nil {
			t.Fatal(err)
		}
		if name := routes.Items[0].Spec.Rules[0].HTTP.Paths[0].Backend.Service.Name; name != "model-next" {
			return "the route leads to " + name
		}
		return ""
	})
	w.awaitState("model", v1.StatusAvailable)
	w.awaitWorkloads("model-main-0-classifier", "model-next-0-classifier")
}

// TestChangedSelector: the API server never changes a Deployment's selector, so
// it is made anew, and the pods of the old one stay until the new ones serve.
func TestChangedSelector(t *testing.T) {
	w := newWorld(t, server)
	w.start()
	named := strings.Replace(model, "{spec: {", "{metadata: {name: fixed}, spec: {", 1)
	w.apply(named)
	w.awaitWorkloads("model-main-0-fixed")
	set := w.replicaSet("model-main-0-fixed")
	w.serve("model-main-0-fixed")
	w.awaitState("model", v1.StatusAvailable)

	w.apply(strings.ReplaceAll(named, "classifier", "other"))
	name := types.NamespacedName{Name: "model-main-0-fixed"}
	d := &appsv1.Deployment{}
	w.eventually(func() string {
		if err := w.Get(t.Context(), name, d); err != nil || d.Spec.Selector.MatchLabels["seldon-app-svc-other"] == "" {
			return fmt.Sprintf("the Deployment was not made anew: %v", err)
		}
		return ""
	})
	if err := w.Get(t.Context(), client.ObjectKeyFromObject(set), set); err != nil {
		t.Fatalf("the old pods are gone before the new ones serve: %v", err)
	}
	w.serve("model-main-0-fixed")
	w.awaitState("model", v1.StatusAvailable)
	w.eventually(func() string {
		if err := w.Get(t.Context(), client.ObjectKeyFromObject(set), set); err == nil {
			return "the old pods are still there"
		}
		return ""
	})
}

// replicaSet makes the ReplicaSet that a cluster's controllers would make of a
// Deployment.
func (w *world) replicaSet(name string) *appsv1.ReplicaSet {
	w.Helper()
	d := &appsv1.Deployment{}
	if err := w.Get(w.Context(), types.NamespacedName{Name: name}, d); err != nil {
		w.Fatal(err)
	}
	set := &appsv1.ReplicaSet{}
	set.Name, set.Labels = name+"-12345", map[string]string{"pod-template-hash": "12345"}
	for k, v := range d.Spec.Template.Labels {
		set.Labels[k] = v
	}
	set.Spec.Selector = d.Spec.Selector.DeepCopy()
	set.Spec.Template = *d.Spec.Template.DeepCopy()
	set.OwnerReferences = append(set.OwnerReferences, *metav1.NewControllerRef(d, appsv1.SchemeGroupVersion.WithKind("Deployment")))
	if err := w.Create(w.Context(), set); err != nil {
		w.Fatal(err)
	}
	return set
}

// TestRoutesOnServices: where a Service's annotation is a route, a second
// predictor gets requests when it serves, and not before.
func TestRoutesOnServices(t *testing.T) {
	w := newWorld(t, server)
	w.start(func(o *controller.Options) {
		o.Environment.Expand.Ingress["AMBASSADOR_ENABLED"] = "true"
	})
	service := &corev1.Service{}
	get := func(name string) error { return w.Get(t.Context(), types.NamespacedName{Name: name}, service) }
	w.apply(model)
	w.awaitWorkloads("model-main-0-classifier")
	w.eventually(func() string {
		if err := get("model-main"); err != nil || service.Annotations["getambassador.io/config"] == "" {
			return fmt.Sprintf("the first route is not made at once: %v", err)
		}
		return ""
	})
	w.serve("model-main-0-classifier")
	w.awaitState("model", v1.StatusAvailable)
	w.apply(strings.Replace(model, "name: main", "name: next", 1))
	w.awaitWorkloads("model-main-0-classifier", "model-next-0-classifier")
	w.awaitState("model", v1.StatusCreating)
	if err := get("model-next"); err == nil {
		t.Error("the route to the second predictor is there before it serves")
	}
	w.serve("model-next-0-classifier")
	w.awaitState("model", v1.StatusAvailable)
	if err := get("model-next"); err != nil {
		t.Error(err)
	}
	w.eventually(func() string {
		if err := get("model-main"); err == nil {
			return "the old route is still there"
		}
		return ""
	})
}

// TestRoutesWaitForRefusedServices: a route to a Service that cannot be made is
// not made either.
func TestRoutesWaitForRefusedServices(t *testing.T) {
	w := newWorld(t, server)
	w.start(withIngress)
	w.serveAll()
	w.apply(model)
	w.awaitState("model", v1.StatusAvailable)
	gap := w.watchRoute(t.Context())
	stranger := &corev1.Service{}
	stranger.Name, stranger.Namespace = "model-next", w.namespace
	stranger.Spec.Ports = []corev1.ServicePort{{Name: "http", Port: 8000}}
	stranger.Spec.Selector = map[string]string{"theirs": "true"}
	if err := w.Create(t.Context(), stranger); err != nil {
		t.Fatal(err)
	}
	w.apply(strings.Replace(model, "name: main", "name: next", 1))
	w.awaitWorkloads("model-main-0-classifier", "model-next-0-classifier")
	w.awaitState("model", v1.StatusFailed)
	if err := w.Delete(t.Context(), stranger); err != nil {
		t.Fatal(err)
	}
	w.awaitState("model", v1.StatusAvailable)
	w.awaitWorkloads("model-next-0-classifier")
	if missing := gap(); missing != "" {
		t.Errorf("there was a moment when %s", missing)
	}
}

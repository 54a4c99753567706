package controller_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/operator/controller"
	"github.com/prime-radiant/radiant/operator/scaler"
	"github.com/prime-radiant/radiant/scaling"
)

// decider says what a test says: what was decided about Deployments, and which Services
// activators serve.
type decider struct {
	deployment types.NamespacedName

	mu   sync.Mutex
	said map[string]scaler.Said
	kept map[types.UID]scaler.Kept
	tell func(context.Context, types.NamespacedName)
}

func newDecider(w *world, deployment string) *decider {
	return &decider{
		deployment: types.NamespacedName{Namespace: w.namespace, Name: deployment}, said: map[string]scaler.Said{}, kept: map[types.UID]scaler.Kept{},
	}
}

// decides lets an operator hear of it.
func (d *decider) decides(o *controller.Options) { o.Scaling = d }

func (d *decider) Said(deployment types.NamespacedName) (scaler.Said, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	said, ok := d.said[deployment.Name]
	return said, ok
}

func (d *decider) Kept(_ types.NamespacedName, uid types.UID) (scaler.Kept, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	kept, ok := d.kept[uid]
	return kept, ok
}

func (d *decider) OnChange(tell func(context.Context, types.NamespacedName)) { d.tell = tell }

// keep says of a Service whether its requests are kept, and tells the operator.
func (d *decider) keep(w *world, service string, kept scaler.Kept) {
	w.Helper()
	s := &corev1.Service{}
	w.eventually(func() string {
		if err := w.Get(w.Context(), types.NamespacedName{Name: service}, s); err != nil {
			return err.Error()
		}
		return ""
	})
	d.mu.Lock()
	d.kept[s.UID] = kept
	d.mu.Unlock()
	d.tell(w.Context(), d.deployment)
}

// fronts are the Services whose requests may be kept.
func (w *world) fronts() []string {
	w.Helper()
	var list corev1.ServiceList
	if err := w.List(w.Context(), &list); err != nil {
		w.Fatal(err)
	}
	var names []string
	for i := range list.Items {
		if list.Items[i].Annotations[scaling.AnnotationFront] != "" {
			names = append(names, list.Items[i].Name)
		}
	}
	return names
}

// TestAvailableWhenRequestsAreKept: what has no pods, and what is to be reached by
// activators alone, is available as long as an activator serves each of its Services,
// and the status says what keeps it from being so; an operator that begins believes
// what was so.
func TestAvailableWhenRequestsAreKept(t *testing.T) {
	t.Parallel()
	for name, deployment := range map[string]string{
		"a predictor": sized("scaleSpec: {minReplicas: 0, initialScale: 0}"),
		"a limit":     sized("scaleSpec: {containerConcurrency: 2}"),
		"a component of a graph": strings.NewReplacer(
			"graph: {name: classifier, type: MODEL}", "graph: {name: classifier, type: TRANSFORMER, children: [{name: behind, type: MODEL}]}",
			`image: "mock:1"}]}}]`, `image: "mock:1"}]}}, {scaleSpec: {minReplicas: 0, initialScale: 0}, spec: {containers: [{name: behind, image: "mock:1"}]}}]`,
		).Replace(model),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, server)
			d := newDecider(w, "model")
			op := w.start(d.decides)
			w.serveAll()
			w.apply(deployment)
			is := func(status metav1.ConditionStatus, reason, message string) {
				t.Helper()
				w.eventually(func() string { // Before, its Deployments have to be looked at.
					if c := w.awaitCondition("model", v1.ConditionDeployments, status, reason); !strings.Contains(c.Message, message) {
						return fmt.Sprintf("the message is %q, want %q in it", c.Message, message)
					}
					return ""
				})
			}
			w.eventually(func() string {
				if len(w.fronts()) != 1 {
					return "there is no front"
				}
				return ""
			})
			front := w.fronts()[0]
			is(metav1.ConditionFalse, "Progressing", "it is not known yet whether an activator serves Service "+front)
			w.awaitState("model", v1.StatusCreating)

			none := scaler.Kept{Reason: "NoActivator", Message: "no activator is ready"}
			d.keep(w, front, none)
			is(metav1.ConditionFalse, "NoActivator", ": no activator is ready")
			d.keep(w, front, scaler.Kept{Message: "no activator serves it yet"})
			is(metav1.ConditionFalse, "Progressing", "no activator serves it yet")
			if state := w.deployment("model").Status.State; state != v1.StatusCreating {
				t.Errorf("the state is %s, and nobody would answer", state)
			}
			d.keep(w, front, scaler.Kept{Kept: true})
			w.awaitState("model", v1.StatusAvailable)
			d.keep(w, front, none)
			is(metav1.ConditionFalse, "NoActivator", ": no activator is ready")
			if s := w.awaitState("model", v1.StatusCreating).Status; !strings.Contains(s.Description, "no activator is ready") {
				t.Errorf("the description is %q", s.Description)
			}
			d.keep(w, front, scaler.Kept{Kept: true})
			w.awaitState("model", v1.StatusAvailable)

			op.stop()
			again := w.start(newDecider(w, "model").decides)
			w.awaitPass(again)
			if sent := again.writes.list("seldondeployments/model/status"); len(sent) > 0 {
				t.Errorf("an operator that knows nothing yet wrote %v", sent)
			}
		})
	}
}

// TestRoutesWaitUntilRequestsAreKept: requests are not led to a new predictor without
// pods as long as no activator keeps them, and the old one stays.
func TestRoutesWaitUntilRequestsAreKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, server)
	d := newDecider(w, "model")
	w.start(withIngress, d.decides)
	w.serveAll()
	w.apply(model)
	w.awaitState("model", v1.StatusAvailable)
	leadsTo := func() string {
		t.Helper()
		var list networkingv1.IngressList
		if err := w.List(t.Context(), &list); err != nil {
			t.Fatal(err)
		}
		var names []string
		for i := range list.Items {
			for _, rule := range list.Items[i].Spec.Rules {
				for _, path := range rule.HTTP.Paths {
					names = append(names, path.Backend.Service.Name)
				}
			}
		}
		return strings.Join(names, " ")
	}
	old := leadsTo()
	w.apply(strings.Replace(sized("scaleSpec: {minReplicas: 0, initialScale: 0}"), "name: main", "name: next", 1))
	d.keep(w, "model-next", scaler.Kept{Reason: "NoActivator", Message: "no activator is ready"})
	w.awaitCondition("model", v1.ConditionDeployments, metav1.ConditionFalse, "NoActivator")
	if now := leadsTo(); now != old || !strings.Contains(strings.Join(w.workloads(), " "), "model-main-0-classifier") {
		t.Errorf("nobody keeps requests, and they are led to %s; Deployments are %v", now, w.workloads())
	}
	d.keep(w, "model-next", scaler.Kept{Kept: true})
	w.awaitWorkloads("model-next-0-classifier")
	w.awaitState("model", v1.StatusAvailable)
	if now := leadsTo(); now == old || !strings.Contains(now, "model-next") {
		t.Errorf("activators keep requests, and they are led to %s", now)
	}
}

// TestKeptIsReached: a deployment without pods is available when the gateway leads to
// activators; who asks says that no pod is needed for that.
func TestKeptIsReached(t *testing.T) {
	t.Parallel()
	w := newWorld(t, server)
	var status, asked atomic.Int32
	status.Store(http.StatusServiceUnavailable)
	gateway := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if r.Header.Get(scaling.HeaderReach) == "" {
			t.Error("a question would have a pod made")
		}
		rw.WriteHeader(int(status.Load()))
	}))
	t.Cleanup(gateway.Close)
	d := newDecider(w, "model")
	w.start(asking(gateway.URL, time.Minute, 0), d.decides)
	w.serveAll()
	w.apply(sized("scaleSpec: {minReplicas: 0, initialScale: 0}"))
	w.awaitCondition("model", v1.ConditionReachable, metav1.ConditionUnknown, "WaitingForDeployments")
	if n := asked.Load(); n > 0 {
		t.Errorf("the gateway was asked %d times, and nobody keeps requests", n)
	}
	d.keep(w, "model-main", scaler.Kept{Kept: true})
	c := w.awaitCondition("model", v1.ConditionReady, metav1.ConditionFalse, "Asking")
	if want := "activators keep requests, and Ingress is asked whether it leads to them"; c.Message != want {
		t.Errorf("the message is %q, want %q", c.Message, want)
	}
	status.Store(http.StatusOK)
	w.awaitState("model", v1.StatusAvailable)
	w.awaitCondition("model", v1.ConditionReachable, metav1.ConditionTrue, "Ready")
}

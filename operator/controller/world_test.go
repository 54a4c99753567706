package controller_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/yaml"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/manifests"
	"github.com/prime-radiant/radiant/manifests/crd"
	"github.com/prime-radiant/radiant/operator/config"
	"github.com/prime-radiant/radiant/operator/controller"
	"github.com/prime-radiant/radiant/tests/kit/apiserver"
)

// patience bounds each wait.
const patience = 2 * time.Minute

var server *apiserver.Server

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard()) // Each operator has its own.
	klog.SetLogger(logr.Discard())
	var err error
	server, err = apiserver.Start(apiserver.Options{Controllers: apiserver.CollectGarbage()})
	if err == nil {
		err = server.Install(context.Background(), crd.YAML())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	controller.TestServer = server
	code := m.Run()
	server.Stop()
	os.Exit(code)
}

// world is a namespace of the API server, as one test sees it.
type world struct {
	testing.TB
	client.Client
	server    *apiserver.Server
	namespace string
}

func newWorld(t testing.TB, s *apiserver.Server) *world {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	if err := v1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(s.Config(), client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	ns := &corev1.Namespace{}
	ns.GenerateName = "test-"
	if err := c.Create(t.Context(), ns); err != nil {
		t.Fatal(err)
	}
	return &world{TB: t, Client: client.NewNamespacedClient(c, ns.Name), server: s, namespace: ns.Name}
}

// operator is one that runs, and the writes that it has sent.
type operator struct {
	*controller.Operator
	stop   func()
	writes *writes
}

// start runs an operator of the test's namespace until stop is called, or the
// test ends.
func (w *world) start(change ...func(*controller.Options)) *operator {
	w.Helper()
	servers, err := manifests.Load()
	if err != nil {
		w.Fatal(err)
	}
	recorded := &writes{}
	cluster := w.server.Config()
	cluster.Wrap(recorded.watch)
	o := controller.Options{
		Cluster:        cluster,
		Log:            logr.FromSlogHandler(newTestHandler(w.TB)),
		Environment:    config.Default(),
		Servers:        servers,
		Scope:          controller.Scope{Namespace: w.namespace},
		Namespace:      w.namespace,
		Workers:        2,
		MetricsAddress: "0",
		HealthAddress:  "0",
	}
	for _, c := range change {
		c(&o)
	}
	op, err := controller.New(o)
	if err != nil {
		w.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- op.Start(ctx) }()
	running := &operator{Operator: op, writes: recorded}
	running.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			w.Errorf("the operator ended with %v", err)
		}
	})
	w.Cleanup(running.stop)
	return running
}

// writes are the requests that change something. Leases and events do not
// count: they are no state of anybody.
type writes struct {
	mu  sync.Mutex
	all []string
	// reads are requests that do not.
	reads int
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func (w *writes) watch(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(r *http.Request) (*http.Response, error) {
		w.mu.Lock()
		switch {
		case r.Method == http.MethodGet:
			w.reads++
		case !strings.Contains(r.URL.Path, "/leases") && !strings.Contains(r.URL.Path, "/events"):
			w.all = append(w.all, r.Method+" "+r.URL.Path)
		}
		w.mu.Unlock()
		return next.RoundTrip(r)
	})
}

// list returns the writes so far that hold text.
func (w *writes) list(text string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var some []string
	for _, s := range w.all {
		if strings.Contains(s, text) {
			some = append(some, s)
		}
	}
	return some
}

// forget drops the writes that hold text.
func (w *writes) forget(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = slices.DeleteFunc(w.all, func(s string) bool { return strings.Contains(s, text) })
}

// awaitEvent returns when there is an event about an object whose note has a text in it.
func (w *world) awaitEvent(name, reason, text string) {
	w.Helper()
	w.eventually(func() string {
		list := &corev1.EventList{}
		if err := w.List(w.Context(), list); err != nil {
			w.Fatal(err)
		}
		var reasons []string
		for i := range list.Items {
			e := &list.Items[i]
			if e.InvolvedObject.Name == name && e.Reason == reason && strings.Contains(e.Message, text) {
				return ""
			}
			reasons = append(reasons, e.InvolvedObject.Name+": "+e.Reason+": "+e.Message)
		}
		return fmt.Sprintf("there is no event %s of %s with %q, but %q", reason, name, text, reasons)
	})
}

// apply creates or changes a deployment from YAML, as a user does.
func (w *world) apply(text string) *unstructured.Unstructured {
	w.Helper()
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &u.Object); err != nil {
		w.Fatal(err)
	}
	u.SetNamespace(w.namespace)
	err := w.Apply(w.Context(), client.ApplyConfigurationFromUnstructured(u), client.FieldOwner("user"), client.ForceOwnership)
	if err != nil {
		w.Fatal(err)
	}
	return u
}

// eventually polls until check returns "", which otherwise says what is
// missing.
func (w *world) eventually(check func() string) {
	w.Helper()
	deadline := time.Now().Add(patience)
	for {
		missing := check()
		if missing == "" {
			return
		}
		if time.Now().After(deadline) {
			w.Fatalf("after %s: %s", patience, missing)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// deployment reads the metadata and the status of one: its specification may
// hold what does not fit the types.
func (w *world) deployment(name string) *v1.SeldonDeployment {
	w.Helper()
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(v1.GroupVersion().WithKind(v1.Kind))
	if err := w.Get(w.Context(), types.NamespacedName{Name: name}, u); err != nil {
		w.Fatal(err)
	}
	delete(u.Object, "spec")
	d := &v1.SeldonDeployment{}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, d); err != nil {
		w.Fatal(err)
	}
	return d
}

// awaitState returns the deployment when its status is of its newest
// generation and has the state.
func (w *world) awaitState(name string, state v1.StatusState) *v1.SeldonDeployment {
	w.Helper()
	var d *v1.SeldonDeployment
	w.eventually(func() string {
		d = w.deployment(name)
		if d.Status.State == state && d.Status.ObservedGeneration == d.Generation {
			return ""
		}
		return fmt.Sprintf("state of %s is %q of generation %d (now %d), want %q: %+v",
			name, d.Status.State, d.Status.ObservedGeneration, d.Generation, state, d.Status)
	})
	return d
}

// workloads lists the names of the Deployments.
func (w *world) workloads() []string {
	w.Helper()
	list := &appsv1.DeploymentList{}
	if err := w.List(w.Context(), list); err != nil {
		w.Fatal(err)
	}
	var names []string
	for i := range list.Items {
		names = append(names, list.Items[i].Name)
	}
	return names
}

// awaitWorkloads returns when there are these Deployments and no others.
func (w *world) awaitWorkloads(names ...string) {
	w.Helper()
	w.eventually(func() string {
		if got := w.workloads(); strings.Join(got, " ") != strings.Join(names, " ") {
			return fmt.Sprintf("Deployments are %v, want %v", got, names)
		}
		return ""
	})
}

// serve does what a cluster's controllers and nodes would do to a Deployment:
// all its pods are there.
func (w *world) serve(names ...string) {
	w.Helper()
	for _, name := range names {
		d := &appsv1.Deployment{}
		if err := w.Get(w.Context(), types.NamespacedName{Name: name}, d); err != nil {
			w.Fatal(err)
		}
		n := int32(1)
		if d.Spec.Replicas != nil {
			n = *d.Spec.Replicas
		}
		d.Status = appsv1.DeploymentStatus{
			ObservedGeneration: d.Generation, Replicas: n, UpdatedReplicas: n, ReadyReplicas: n, AvailableReplicas: n,
			Conditions: []appsv1.DeploymentCondition{
				{Type: appsv1.DeploymentAvailable, Status: corev1.ConditionTrue, Reason: "MinimumReplicasAvailable"},
			},
		}
		if err := w.Status().Update(w.Context(), d); err != nil {
			w.Fatal(err)
		}
	}
}

// serveAll serves whatever Deployments there are, until the test ends.
func (w *world) serveAll() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	w.Cleanup(func() { cancel(); <-done })
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			list := &appsv1.DeploymentList{}
			_ = w.List(ctx, list) // The API server may be away for a while.
			for i := range list.Items {
				d := &list.Items[i]
				n := int32(1)
				if d.Spec.Replicas != nil {
					n = *d.Spec.Replicas
				}
				if d.Status.ObservedGeneration == d.Generation && d.Status.AvailableReplicas == n {
					continue
				}
				d.Status = appsv1.DeploymentStatus{
					ObservedGeneration: d.Generation, Replicas: n, UpdatedReplicas: n, ReadyReplicas: n, AvailableReplicas: n,
				}
				_ = w.Status().Update(ctx, d) // A conflict is tried again.
			}
			select {
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
		}
	}()
}

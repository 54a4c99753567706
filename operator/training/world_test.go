package training_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	runtimeconfig "sigs.k8s.io/controller-runtime/pkg/config"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/yaml"

	"github.com/prime-radiant/radiant/apis/kubeflow"
	"github.com/prime-radiant/radiant/operator/training"
	"github.com/prime-radiant/radiant/tests/kit/apiserver"
)

// patience bounds each wait.
const patience = time.Minute

var server *apiserver.Server

// audit is where the API server notes its requests.
var audit string

// operatorAgent is how the operators of the tests call themselves.
const operatorAgent = "radiant-of-a-test"

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	klog.SetLogger(logr.Discard())
	folder, err := os.MkdirTemp("", "audit")
	if err == nil {
		audit = filepath.Join(folder, "audit.log")
		server, err = apiserver.Start(apiserver.Options{Controllers: apiserver.CollectGarbage(), Audit: audit})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	server.Stop()
	_ = os.RemoveAll(folder)
	os.Exit(code)
}

// world is a namespace of the API server. What the kubelet would say of pods, its
// test says.
type world struct {
	testing.TB
	client.Client
	namespace string
	// othersPatience is that of the options.
	othersPatience time.Duration
	// log is the operator's; without one nothing is logged.
	log logr.Logger
	// sync is how long a controller may wait for its cache; 0: as long as it does.
	sync time.Duration
}

func newWorld(t testing.TB) *world {
	t.Helper()
	c, err := client.New(server.Config(), client.Options{Scheme: scheme(t)})
	if err != nil {
		t.Fatal(err)
	}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "train-"}}
	if err := c.Create(t.Context(), ns); err != nil {
		t.Fatal(err)
	}
	return &world{TB: t, Client: client.NewNamespacedClient(c, ns.Name), namespace: ns.Name}
}

func scheme(t testing.TB) *runtime.Scheme {
	t.Helper()
	s := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(s); err != nil {
		t.Fatal(err)
	}
	return s
}

// start runs an operator of the namespace, and returns its writes and what ends it.
func (w *world) start() (writes func() []string, stop func()) {
	w.Helper()
	var mu sync.Mutex
	var all []string
	cluster := server.Config()
	cluster.UserAgent = operatorAgent
	cluster.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.Method != http.MethodGet && !strings.Contains(r.URL.Path, "/events") {
				mu.Lock()
				all = append(all, r.Method+" "+r.URL.Path)
				mu.Unlock()
			}
			return next.RoundTrip(r)
		})
	})
	yes := true
	m, err := manager.New(cluster, manager.Options{
		Scheme: scheme(w.TB), Logger: logr.Discard(), Metrics: metricsserver.Options{BindAddress: "0"},
		Controller: runtimeconfig.Controller{SkipNameValidation: &yes, MaxConcurrentReconciles: 2, CacheSyncTimeout: w.sync},
	})
	if err != nil {
		w.Fatal(err)
	}
	if err := training.Add(w.Context(), m, training.Options{Cluster: cluster, Log: w.log, Namespace: w.namespace, OthersPatience: w.othersPatience}); err != nil {
		w.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- m.Start(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			w.Errorf("the operator ended with %v", err)
		}
	})
	w.Cleanup(stop)
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string(nil), all...)
	}, stop
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// apply creates or changes a job from YAML, as a user does.
func (w *world) apply(text string) {
	w.Helper()
	if err := w.tryApply(text); err != nil {
		w.Fatal(err)
	}
}

// tryApply returns what the API server says of a job.
func (w *world) tryApply(text string) error {
	w.Helper()
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &u.Object); err != nil {
		w.Fatal(err)
	}
	u.SetNamespace(w.namespace)
	return w.Apply(w.Context(), client.ApplyConfigurationFromUnstructured(u), client.FieldOwner("user"), client.ForceOwnership)
}

// status reads that of a TFJob, or of an MPIJob.
func (w *world) status(name string) *kubeflow.JobStatus {
	w.Helper()
	for _, kind := range []string{kubeflow.TFJobKind, kubeflow.MPIJobKind} {
		u := &unstructured.Unstructured{}
		u.SetAPIVersion(kubeflow.Group + "/v1")
		u.SetKind(kind)
		if err := w.Get(w.Context(), client.ObjectKey{Name: name}, u); err != nil {
			continue
		}
		delete(u.Object, "spec")
		var job kubeflow.TFJob
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(u.Object, &job); err != nil {
			w.Fatal(err)
		}
		return &job.Status
	}
	return nil
}

// await returns the status of a job whose condition is true.
func (w *world) await(name, condition string) *kubeflow.JobStatus {
	w.Helper()
	var s *kubeflow.JobStatus
	w.eventually(func() string {
		if s = w.status(name); s == nil {
			return "there is no job " + name
		}
		if message(s, condition) != "" {
			return ""
		}
		return fmt.Sprintf("%s is not %s, but %+v", name, condition, s.Conditions)
	})
	return s
}

// message is that of a condition that is true.
func message(s *kubeflow.JobStatus, condition string) string {
	for _, c := range s.Conditions {
		if c.Type == condition && c.Status == corev1.ConditionTrue {
			return c.Reason + ": " + c.Message
		}
	}
	return ""
}

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

// names lists the objects of a kind that belong to a job.
func (w *world) names(list client.ObjectList) string {
	w.Helper()
	if err := w.List(w.Context(), list); err != nil {
		w.Fatal(err)
	}
	var names []string
	switch l := list.(type) {
	case *corev1.PodList:
		for i := range l.Items {
			names = append(names, l.Items[i].Name)
		}
	case *corev1.ServiceList:
		for i := range l.Items {
			names = append(names, l.Items[i].Name)
		}
	}
	return strings.Join(names, " ")
}

// awaitPods returns when exactly these pods are there.
func (w *world) awaitPods(want string) {
	w.Helper()
	w.eventually(func() string {
		if got := w.names(&corev1.PodList{}); got != want {
			return fmt.Sprintf("pods are %q, not %q", got, want)
		}
		return ""
	})
}

// pod reads one.
func (w *world) pod(name string) *corev1.Pod {
	w.Helper()
	p := &corev1.Pod{}
	if err := w.Get(w.Context(), client.ObjectKey{Name: name}, p); err != nil {
		w.Fatal(err)
	}
	return p
}

// runs says of pods what a kubelet does when their containers run.
func (w *world) runs(names ...string) {
	w.Helper()
	for _, name := range names {
		w.say(name, corev1.PodRunning, corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}, 0)
	}
}

// ends says that a pod's container has ended for good.
func (w *world) ends(name string, code int32) {
	w.Helper()
	phase := corev1.PodSucceeded
	if code != 0 {
		phase = corev1.PodFailed
	}
	w.say(name, phase, corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: "Error"}}, 0)
}

func (w *world) say(name string, phase corev1.PodPhase, state corev1.ContainerState, restarts int32) {
	w.Helper()
	p := w.pod(name)
	p.Status.Phase = phase
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name: p.Spec.Containers[0].Name, Image: "x", ImageID: "x", State: state, RestartCount: restarts,
	}}
	if err := w.Status().Update(w.Context(), p); err != nil {
		w.Fatal(err)
	}
}

package scaler_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/klog/v2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/operator/scaler"
	"github.com/prime-radiant/radiant/scaling"
	"github.com/prime-radiant/radiant/tests/kit/apiserver"
)

// patience bounds each wait.
const patience = time.Minute

// faster is how much faster the clock of these tests goes than the machine's: a
// window of a minute passes in a second and a half.
const faster = 40

var apis *apiserver.Server

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard())
	klog.SetLogger(logr.Discard())
	var err error
	if apis, err = apiserver.Start(apiserver.Options{Controllers: apiserver.CollectGarbage()}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	apis.Stop()
	os.Exit(code)
}

// world is a namespace of the API server. What controllers and kubelets would do,
// its test does; executors and activators are servers with real meters.
type world struct {
	testing.TB
	client.Client
	namespace string
	now       func() time.Time
	// ports are those of fronts.
	ports scaler.PortRange

	mu sync.Mutex
	// addresses are where programs listen, by the addresses of their pods.
	addresses map[string]string
	writes    []string
	pods      int
}

func newWorld(t testing.TB) *world {
	t.Helper()
	c, err := client.New(apis.Config(), client.Options{Scheme: scheme(t)})
	if err != nil {
		t.Fatal(err)
	}
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "scale-"}}
	if err := c.Create(t.Context(), ns); err != nil {
		t.Fatal(err)
	}
	began, from := time.Now(), time.Now()
	return &world{
		TB: t, Client: client.NewNamespacedClient(c, ns.Name), namespace: ns.Name, addresses: map[string]string{}, ports: scaler.PortRange{First: 20000, Last: 20002},
		now: func() time.Time { return from.Add(time.Since(began) * faster) },
	}
}

func scheme(t testing.TB) *runtime.Scheme {
	t.Helper()
	s := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(s); err != nil {
		t.Fatal(err)
	}
	return s
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// start runs a scaler of the namespace, and returns it and what ends it.
func (w *world) start() (s *scaler.Scaler, stop func()) {
	w.Helper()
	return w.startTelling(nil)
}

// startTelling is [world.start], where somebody is told of SeldonDeployments.
func (w *world) startTelling(tell func(context.Context, types.NamespacedName)) (s *scaler.Scaler, stop func()) {
	w.Helper()
	cluster := apis.Config()
	cluster.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(r *http.Request) (*http.Response, error) {
			if r.Method != http.MethodGet && !strings.Contains(r.URL.Path, "/events") {
				w.mu.Lock()
				_, path, _ := strings.Cut(r.URL.Path, "/namespaces/"+w.namespace+"/")
				w.writes = append(w.writes, r.Method+" "+path)
				w.mu.Unlock()
			}
			return next.RoundTrip(r)
		})
	})
	m, err := manager.New(cluster, manager.Options{Scheme: scheme(w.TB), Logger: logr.Discard(), Metrics: metricsserver.Options{BindAddress: "0"}})
	if err != nil {
		w.Fatal(err)
	}
	s = scaler.New(scaler.Options{
		Cluster: cluster, Log: logr.Discard(), Namespace: w.namespace, Ports: w.ports,
		Tick: scaling.Tick / faster, Now: w.now, Dial: w.dial,
	})
	if tell != nil {
		s.OnChange(tell)
	}
	if err := s.Add(m); err != nil {
		w.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- m.Start(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			w.Errorf("the scaler ended with %v", err)
		}
	})
	w.Cleanup(stop)
	return s, stop
}

// dial connects to the server that stands for a pod.
func (w *world) dial(ctx context.Context, network, address string) (net.Conn, error) {
	ip, _, _ := net.SplitHostPort(address)
	w.mu.Lock()
	to := w.addresses[ip]
	w.mu.Unlock()
	if to == "" {
		return nil, fmt.Errorf("nothing listens at %s", address)
	}
	return (&net.Dialer{}).DialContext(ctx, network, to)
}

// wrote lists the writes so far.
func (w *world) wrote() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.writes...)
}

// serve has a handler answer at an address of a pod.
func (w *world) serve(ip string, handler http.Handler) {
	s := httptest.NewServer(handler)
	w.Cleanup(func() { s.CloseClientConnections(); s.Close() })
	w.mu.Lock()
	defer w.mu.Unlock()
	w.addresses[ip] = s.Listener.Addr().String()
}

// unplug lets nothing answer at an address any more.
func (w *world) unplug(ip string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.addresses, ip)
}

func (w *world) create(o client.Object) {
	w.Helper()
	if err := w.Create(w.Context(), o); err != nil {
		w.Fatal(err)
	}
}

// policy is that of target 1, to none and back.
func policy() scaling.Policy {
	return scaling.Policy{
		Metric: scaling.Concurrency, Target: 1, MaxReplicas: 10, InitialReplicas: 1, ActivationReplicas: 1, PanicThreshold: 2,
		Window: scaling.Duration{Duration: time.Minute}, PanicWindow: scaling.Duration{Duration: 6 * time.Second},
		GracePeriod: scaling.Duration{Duration: 30 * time.Second},
	}
}

// deployment makes one with its front, as expand does.
func (w *world) deployment(name string, p scaling.Policy, replicas int32) {
	w.Helper()
	labels := map[string]string{v1.LabelApp: name, scaling.LabelScaled: "true"}
	says := scaling.Scaled{Policy: p, Predictor: name, ReportPort: 8000}
	if p.MinReplicas == 0 {
		says.Fronts = []string{name}
		w.front(name, scaling.Front{Deployment: name, Selector: labels, HTTPPort: 8000, GRPCPort: 5001})
	}
	w.deploymentWith(name, says, replicas)
}

// deploymentWith makes one without its front.
func (w *world) deploymentWith(name string, says scaling.Scaled, replicas int32) {
	w.Helper()
	labels := map[string]string{v1.LabelApp: name, scaling.LabelScaled: "true"}
	w.create(&appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Labels: labels, Annotations: map[string]string{scaling.AnnotationScaled: written(says)},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: v1.Group + "/" + v1.Version, Kind: v1.Kind, Name: "of-" + name, UID: "1", Controller: new(true)}},
		},
		Spec: appsv1.DeploymentSpec{
			Replicas: new(replicas), Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "m", Image: "m"}}},
			},
		},
	})
}

func (w *world) front(name string, f scaling.Front) {
	w.Helper()
	s := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{scaling.LabelFront: "true"}, Annotations: map[string]string{scaling.AnnotationFront: written(f)}},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Name: "http", Port: 8000}, {Name: "grpc", Port: 5001}}},
	}
	if !f.Always {
		s.Spec.Selector = f.Selector
	}
	w.create(s)
}

func written(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// meter is one that nothing passes while it is read: this clock goes so fast that what
// ends between its reading and the meter's would be a second request.
type meter struct {
	mu *sync.Mutex
	*scaling.Meter
}

func (m meter) Begin() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Meter.Begin()
}

func (m meter) End() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Meter.End()
}

// executor is one in a pod.
type executor struct {
	ip    string
	meter meter
}

// pod makes a pod of a Deployment that is ready, with its executor.
func (w *world) pod(of string) executor {
	w.Helper()
	w.mu.Lock()
	w.pods++
	n := w.pods
	w.mu.Unlock()
	e := executor{ip: fmt.Sprintf("10.1.0.%d", n), meter: meter{&sync.Mutex{}, scaling.NewMeter(w.now)}}
	began, started := w.now(), fmt.Sprint(n)
	w.serve(e.ip, http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path != scaling.PathReport {
			http.NotFound(rw, r)
			return
		}
		e.meter.mu.Lock()
		defer e.meter.mu.Unlock()
		now := w.now()
		_ = json.NewEncoder(rw).Encode(scaling.Report{Started: started, Seconds: now.Sub(began).Seconds(), Predictor: e.meter.LoadAt(now)})
	}))
	w.podAt(fmt.Sprintf("%s-%d", of, n), map[string]string{v1.LabelApp: of, scaling.LabelScaled: "true"}, e.ip)
	return e
}

// ready says how many pods of a Deployment are ready, and leads its Services to them.
func (w *world) ready(name string, n int32) {
	w.Helper()
	w.readyAlone(name, n)
	w.endpoints(name, n)
}

// readyAlone says how many pods of a Deployment are ready.
func (w *world) readyAlone(name string, n int32) {
	w.Helper()
	d := &appsv1.Deployment{}
	if err := w.Get(w.Context(), types.NamespacedName{Name: name}, d); err != nil {
		w.Fatal(err)
	}
	base := d.DeepCopy()
	d.Status.Replicas, d.Status.ReadyReplicas, d.Status.AvailableReplicas = n, n, n
	if err := w.Status().Patch(w.Context(), d, client.MergeFrom(base)); err != nil {
		w.Fatal(err)
	}
}

// endpoints leads the Services of a Deployment to so many pods, as Kubernetes does.
func (w *world) endpoints(of string, n int32) {
	w.Helper()
	var services corev1.ServiceList
	if err := w.List(w.Context(), &services); err != nil {
		w.Fatal(err)
	}
	for i := range services.Items {
		s := &services.Items[i]
		if !strings.Contains(s.Annotations[scaling.AnnotationFront], `"deployment":"`+of+`"`) || s.Spec.Selector == nil {
			continue
		}
		slice := &discoveryv1.EndpointSlice{
			ObjectMeta: metav1.ObjectMeta{
				Name:   s.Name + "-pods",
				Labels: map[string]string{discoveryv1.LabelServiceName: s.Name, discoveryv1.LabelManagedBy: "endpointslice-controller.k8s.io"},
			},
			AddressType: discoveryv1.AddressTypeIPv4, Ports: []discoveryv1.EndpointPort{{Name: new("http"), Port: new(int32(8000))}},
		}
		maps.Copy(slice.Labels, s.Labels)
		for at := range n {
			slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
				Addresses: []string{fmt.Sprintf("10.3.0.%d", at+1)}, Conditions: discoveryv1.EndpointConditions{Ready: new(true)},
			})
		}
		if err := w.Delete(w.Context(), slice); client.IgnoreNotFound(err) != nil {
			w.Fatal(err)
		}
		slice.ResourceVersion = ""
		w.create(slice)
	}
}

// replicas are those that a Deployment asks for.
func (w *world) replicas(name string) int32 {
	w.Helper()
	d := &appsv1.Deployment{}
	if err := w.Get(w.Context(), types.NamespacedName{Name: name}, d); err != nil {
		w.Fatal(err)
	}
	return *d.Spec.Replicas
}

// slice is what leads a front to activators; nil: nothing does.
func (w *world) slice(front string) *discoveryv1.EndpointSlice {
	w.Helper()
	s := &discoveryv1.EndpointSlice{}
	err := w.Get(w.Context(), types.NamespacedName{Name: front + "-activator-ipv4"}, s)
	if client.IgnoreNotFound(err) != nil {
		w.Fatal(err)
	}
	if err != nil {
		return nil
	}
	return s
}

// until waits for something.
func (w *world) until(what string, holds func() bool) {
	w.Helper()
	for end := time.Now().Add(patience); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			w.Fatalf("%s: not within %s; written were %q", what, patience, w.wrote())
		}
	}
}

// passes lets time pass by the clock of the test.
func (w *world) passes(d time.Duration) { time.Sleep(d / faster) }

// activator is one whose requests the test begins and ends.
type activator struct {
	mu    sync.Mutex
	now   func() time.Time
	kept  map[string]meter
	wakes chan scaling.Wake
	// deaf: it has heard of no front yet.
	deaf bool
}

// hears says whether it has heard of the fronts.
func (a *activator) hears(so bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.deaf = !so
}

// activator makes one that is ready at an address.
func (w *world) activator(ip string) *activator {
	w.Helper()
	a := &activator{now: w.now, kept: map[string]meter{}, wakes: make(chan scaling.Wake, 10)}
	began := w.now()
	mux := http.NewServeMux()
	mux.HandleFunc(scaling.PathReport, func(rw http.ResponseWriter, _ *http.Request) {
		a.mu.Lock()
		defer a.mu.Unlock()
		now := w.now()
		r := scaling.Report{Started: ip, Seconds: now.Sub(began).Seconds(), Fronts: map[string]scaling.Load{}}
		if !a.deaf {
			r.Ports = w.frontPorts()
		}
		for name, m := range a.kept {
			r.Fronts[name] = m.LoadAt(now)
		}
		_ = json.NewEncoder(rw).Encode(r)
	})
	mux.HandleFunc(scaling.PathWakes, func(rw http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(rw).Flush()
		for {
			select {
			case wake := <-a.wakes:
				_ = json.NewEncoder(rw).Encode(wake)
				_ = http.NewResponseController(rw).Flush()
			case <-r.Context().Done():
				return
			}
		}
	})
	w.serve(ip, mux)
	w.create(&discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Name:   "activator-" + strings.ReplaceAll(ip, ".", "-"),
			Labels: map[string]string{scaling.LabelFront: scaling.FrontActivator, discoveryv1.LabelServiceName: "activator"},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: new(scaling.PortAdmin), Port: new(int32(8080))}},
		Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{ip}, Conditions: discoveryv1.EndpointConditions{Ready: new(true)}}},
	})
	return a
}

// frontPorts are the ports that fronts have.
func (w *world) frontPorts() map[string]int32 {
	var services corev1.ServiceList
	if err := w.List(context.Background(), &services); err != nil {
		return nil
	}
	ports := map[string]int32{}
	for i := range services.Items {
		s := &services.Items[i]
		if n, err := strconv.ParseInt(s.Annotations[scaling.AnnotationFrontPort], 10, 32); err == nil && s.Annotations[scaling.AnnotationFront] != "" {
			ports[w.namespace+"/"+s.Name] = int32(n)
		}
	}
	return ports
}

// keep begins a request to a front that has no pod.
func (a *activator) keep(front string) meter {
	a.mu.Lock()
	defer a.mu.Unlock()
	m, ok := a.kept[front]
	if !ok {
		m = meter{&a.mu, scaling.NewMeter(a.now)}
		a.kept[front] = m
	}
	m.Meter.Begin()
	a.wakes <- scaling.Wake{Front: front, By: "gRPC"}
	return m
}

// limited makes a Deployment with one pod and these fronts.
func (w *world) limited(p scaling.Policy, fronts []string) {
	w.Helper()
	p.MinReplicas = 1
	w.deployment("limited", p, 1)
	d := &appsv1.Deployment{}
	if err := w.Get(w.Context(), types.NamespacedName{Name: "limited"}, d); err != nil {
		w.Fatal(err)
	}
	d.Annotations[scaling.AnnotationScaled] = written(scaling.Scaled{Policy: p, Predictor: "limited", ReportPort: 8000, Fronts: fronts})
	if err := w.Update(w.Context(), d); err != nil {
		w.Fatal(err)
	}
}

func podKind() *corev1.Pod { return &corev1.Pod{} }

package cluster_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/prime-radiant/radiant/activator/cluster"
	"github.com/prime-radiant/radiant/activator/server"
	"github.com/prime-radiant/radiant/scaling"
	"github.com/prime-radiant/radiant/tests/kit/apiserver"
)

// address is that of the activator of a test, by which EndpointSlices lead to it.
const address = "10.1.0.1"

// api is a real API server, for all tests of the package.
var api *apiserver.Server

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	var err error
	if api, err = apiserver.Start(apiserver.Options{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer api.Stop()
	return m.Run()
}

// world is a namespace.
type world struct {
	client.Client
	t         *testing.T
	namespace string
}

func newWorld(t *testing.T, namespace string) *world {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := errors.Join(corev1.AddToScheme(scheme), discoveryv1.AddToScheme(scheme)); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(api.Config(), client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Client: c, t: t, namespace: namespace}
	w.create(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
	return w
}

func (w *world) create(o client.Object) {
	w.t.Helper()
	if err := w.Create(w.t.Context(), o); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: w.namespace, Name: name}
}

// front makes a Service whose requests come to a port.
func (w *world) front(name string, port int, f scaling.Front) {
	w.t.Helper()
	said, err := json.Marshal(f)
	if err != nil {
		w.t.Fatal(err)
	}
	s := &corev1.Service{ObjectMeta: w.meta(name), Spec: corev1.ServiceSpec{Selector: f.Selector, Ports: []corev1.ServicePort{{Port: 8000}}}}
	s.Labels = map[string]string{scaling.LabelFront: "true"}
	s.Annotations = map[string]string{scaling.AnnotationFront: string(said), scaling.AnnotationFrontPort: strconv.Itoa(port)}
	w.create(s)
}

// slice leads a front to an address.
func (w *world) slice(front string, addresses ...string) *discoveryv1.EndpointSlice {
	w.t.Helper()
	s := &discoveryv1.EndpointSlice{ObjectMeta: w.meta(front + "-activator"), AddressType: discoveryv1.AddressTypeIPv4}
	s.Labels = map[string]string{scaling.LabelFront: "true", discoveryv1.LabelServiceName: front}
	for _, a := range addresses {
		s.Endpoints = append(s.Endpoints, discoveryv1.Endpoint{Addresses: []string{a}})
	}
	w.create(s)
	return s
}

// pod makes a pod as a kubelet shows it that has given it an address.
func (w *world) pod(name, ip string, port int32, labels map[string]string, change func(p *corev1.Pod)) *corev1.Pod {
	w.t.Helper()
	p := &corev1.Pod{ObjectMeta: w.meta(name), Spec: corev1.PodSpec{Containers: []corev1.Container{{
		Name: "m", Image: "m", Ports: []corev1.ContainerPort{{Name: "http", ContainerPort: port}},
		ReadinessProbe: &corev1.Probe{ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{Path: "ready", Port: intstr.FromString("http")}}},
	}}, AutomountServiceAccountToken: new(false)}}
	p.Labels = labels
	w.create(p)
	p.Status = corev1.PodStatus{Phase: corev1.PodRunning, PodIP: ip, PodIPs: []corev1.PodIP{{IP: ip}}}
	if change != nil {
		change(p)
	}
	if err := w.Status().Update(w.t.Context(), p); err != nil {
		w.t.Fatal(err)
	}
	return p
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port
}

// activate runs an activator for a world until the test ends.
func activate(t *testing.T, w *world) *cluster.Cluster {
	t.Helper()
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	c, err := cluster.New(cluster.Options{Config: api.Config(), Namespace: w.namespace, Address: address, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	a, err := server.New(server.Options{
		Host: "127.0.0.1", Most: 10, Bytes: 1 << 20, Patience: time.Minute, Leave: time.Millisecond, Drain: time.Minute,
		Cluster: c, Registry: prometheus.NewRegistry(), Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	watched, ran := make(chan error, 1), make(chan error, 1)
	go func() { watched <- c.Watch(ctx, a) }()
	go func() { ran <- a.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := errors.Join(<-watched, <-ran); err != nil {
			t.Error(err)
		}
	})
	await(t, "the fronts are known", c.Synced)
	return c
}

func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !so(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it is not so: %s", what)
		}
	}
}

type answered struct {
	status int
	text   string
	closes bool
	err    error
}

func ask(port int) answered {
	answer, err := http.Post("http://127.0.0.1:"+strconv.Itoa(port)+"/predict", "text/plain", strings.NewReader("x"))
	if err != nil {
		return answered{err: err}
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	return answered{answer.StatusCode, string(text), answer.Close, err}
}

// A Service with the annotations of a front gets a port, whose requests wait for a pod
// of its selector; the API server tells of it, and the pod itself of its readiness.
// Clients are told to go on their own when the Service does not lead here any more.
func TestFrontsAndPods(t *testing.T) {
	w := newWorld(t, "fronts")
	port, pods := freePort(t), int32(freePort(t)) // It is a port.
	selector := map[string]string{"seldon-app": "a"}
	w.front("a", port, scaling.Front{Deployment: "a", Selector: selector, HTTPPort: pods})
	slice := w.slice("a", address, "10.1.0.2")
	unready := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/ready", func(rw http.ResponseWriter, _ *http.Request) {
		select {
		case <-unready:
		default:
			rw.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	mux.HandleFunc("/predict", func(rw http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(rw, "y") })
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.2", strconv.Itoa(int(pods))))
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = http.Serve(l, mux) }() // It ends with the listener.
	t.Cleanup(func() { _ = l.Close() })
	activate(t, w)
	got := make(chan answered, 1)
	go func() { got <- ask(port) }()
	other := w.pod("other", "127.0.0.3", pods, map[string]string{"seldon-app": "b"}, nil)
	w.pod("mine", "127.0.0.2", pods, selector, nil)
	select {
	case a := <-got:
		t.Fatalf("before a pod was ready: %+v", a)
	case <-time.After(100 * time.Millisecond):
	}
	close(unready)
	if a := <-got; a.err != nil || a.text != "y" || a.closes {
		t.Errorf("with a pod, led here: %+v", a)
	}
	if err := w.Delete(t.Context(), slice); err != nil {
		t.Fatal(err)
	}
	await(t, "clients are told that the Service leads elsewhere", func() bool { a := ask(port); return a.text == "y" && a.closes })
	if err := w.Delete(t.Context(), other, client.GracePeriodSeconds(0)); err != nil {
		t.Fatal(err)
	}
	// A Service that is no front any more is listened for no more.
	if err := w.Delete(t.Context(), &corev1.Service{ObjectMeta: w.meta("a")}); err != nil {
		t.Fatal(err)
	}
	await(t, "the port is closed", func() bool { return errors.Is(ask(port).err, syscall.ECONNREFUSED) })
}

// Who waited in vain is told what the pods say.
func TestPodsSayWhy(t *testing.T) {
	w := newWorld(t, "why")
	for name, test := range map[string]struct {
		status func(s *corev1.PodStatus)
		want   []string
	}{
		"image": {func(s *corev1.PodStatus) {
			s.ContainerStatuses = []corev1.ContainerStatus{{Name: "m", State: corev1.ContainerState{
				Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "no such image"},
			}}}
		}, []string{"pod image", "container m: ImagePullBackOff: no such image"}},
		"crash": {func(s *corev1.PodStatus) {
			s.ContainerStatuses = []corev1.ContainerStatus{{
				Name: "m", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff"}},
				LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 3, Reason: "Error", Message: "no model there\n"}},
			}}
		}, []string{"CrashLoopBackOff", "ended with exit code 3, Error"}},
		"nowhere": {func(s *corev1.PodStatus) {
			s.Phase = corev1.PodPending
			s.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Message: "0/1 nodes are available"}}
		}, []string{"it finds no node: 0/1 nodes are available"}},
		"gone": {func(s *corev1.PodStatus) { s.Phase = corev1.PodFailed }, []string{"Deployment d has none"}},
		"deaf": {func(*corev1.PodStatus) {}, []string{"pod deaf is not ready", "connection refused"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := &world{Client: w.Client, t: t, namespace: w.namespace}
			port, selector := freePort(t), map[string]string{"name": name}
			w.front(name, port, scaling.Front{Deployment: "d", Selector: selector, HTTPPort: 9, Timeout: scaling.Duration{Duration: time.Second}})
			w.pod(name, "127.0.0.7", 9, selector, func(p *corev1.Pod) { test.status(&p.Status) })
			activate(t, w)
			a := ask(port)
			for _, want := range test.want {
				if a.status != http.StatusServiceUnavailable || !strings.Contains(a.text, want) {
					t.Errorf("answer is %+v; want %q", a, want)
				}
			}
		})
	}
}

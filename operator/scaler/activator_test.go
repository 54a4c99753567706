package scaler_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/prime-radiant/radiant/activator/cluster"
	"github.com/prime-radiant/radiant/activator/server"
	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/operator/scaler"
	"github.com/prime-radiant/radiant/scaling"
)

// realActivator runs the activator of the program, and is one that the scaler
// knows at an address.
func (w *world) realActivator(ip string) {
	w.Helper()
	w.realActivatorAt(ip, "127.0.0.1")
}

// realActivatorAt runs one that takes requests at an address of this machine.
func (w *world) realActivatorAt(ip, host string) {
	w.Helper()
	log := slog.New(slog.NewTextHandler(io.Discard, nil))
	kept, err := cluster.New(cluster.Options{Config: apis.Config(), Namespace: w.namespace, Address: ip, Log: log})
	if err != nil {
		w.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	a, err := server.New(server.Options{
		Host: host, Most: 100, Bytes: 1 << 20, Patience: patience, Leave: time.Second, Drain: time.Second,
		Cluster: kept, Process: ip, Registry: registry, Log: log,
	})
	if err != nil {
		w.Fatal(err)
	}
	w.serve(ip, a.Admin(registry, func() error { return nil }))
	ctx, end := context.WithCancel(context.Background())
	var all sync.WaitGroup
	all.Go(func() { _ = kept.Watch(ctx, a) })
	all.Go(func() { _ = a.Run(ctx) })
	w.Cleanup(func() { end(); all.Wait() })
	w.create(&discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Name: "real-" + strings.ReplaceAll(ip, ".", "-"), Labels: map[string]string{scaling.LabelFront: scaling.FrontActivator, discoveryv1.LabelServiceName: "activator"}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: new(scaling.PortAdmin), Port: new(int32(8082))}},
		Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{ip}, Conditions: discoveryv1.EndpointConditions{Ready: new(true)}}},
	})
}

// TestScalerAndActivatorAgree: a request to a Deployment without pods waits at the
// port that the scaler gave its front, wakes it, and is answered by its pod; the
// front leads to the pod alone then.
func TestScalerAndActivatorAgree(t *testing.T) {
	w := newWorld(t)
	l, port := listen(t)
	free, at := listen(t)
	_ = free.Close() // The activator listens there.
	w.ports = scaler.PortRange{First: int32(at), Last: int32(at)}
	labels := map[string]string{v1.LabelApp: "agree", scaling.LabelScaled: "true"}
	w.front("agree-front", scaling.Front{Deployment: "agree", Selector: labels, HTTPPort: int32(port), GRPCPort: 1, ReadyPath: "/ready"})
	w.deploymentWith("agree", scaling.Scaled{Policy: policy(), Predictor: "agree", ReportPort: int32(port), Fronts: []string{"agree-front"}}, 0)
	w.realActivator("10.2.9.9")
	_, _ = w.start()
	w.until("the front leads to the activator", func() bool { return w.slice("agree-front") != nil })

	answered := make(chan string, 1)
	go func() {
		for {
			response, err := http.Post("http://"+free.Addr().String()+"/predict", "text/plain", strings.NewReader("hello"))
			if err != nil { // It does not listen yet.
				time.Sleep(20 * time.Millisecond)
				continue
			}
			body, _ := io.ReadAll(response.Body)
			_ = response.Body.Close()
			answered <- strconv.Itoa(response.StatusCode) + " " + string(body)
			return
		}
	}()
	w.until("a pod is wanted", func() bool { return w.replicas("agree") == 1 })
	meter, began := scaling.NewMeter(w.now), w.now()
	pod := &http.Server{ReadHeaderTimeout: patience, Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case scaling.PathReport:
			now := w.now()
			_ = json.NewEncoder(rw).Encode(scaling.Report{Started: "agree", Seconds: now.Sub(began).Seconds(), Predictor: meter.LoadAt(now)})
		case "/predict":
			meter.Begin()
			defer meter.End()
			body, _ := io.ReadAll(r.Body)
			_, _ = io.WriteString(rw, "you said "+string(body))
		}
	})}
	go func() { _ = pod.Serve(l) }()
	t.Cleanup(func() { _ = pod.Close() })
	w.mu.Lock()
	w.addresses["127.0.0.1"] = l.Addr().String()
	w.mu.Unlock()
	w.podAt("agree-1", labels, "127.0.0.1")
	w.ready("agree", 1)
	select {
	case got := <-answered:
		if got != "200 you said hello" {
			t.Errorf("answered %q", got)
		}
	case <-time.After(patience):
		t.Fatal("not answered")
	}
	w.until("the front leads to the pod alone", func() bool { return w.slice("agree-front") == nil })
}

// listen takes a port of this machine.
func listen(t *testing.T) (l net.Listener, port int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l, l.Addr().(*net.TCPAddr).Port
}

// podAt makes a pod that is ready at an address.
func (w *world) podAt(name string, labels map[string]string, ip string) {
	w.Helper()
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "m", Image: "m"}}, TerminationGracePeriodSeconds: new(int64)},
	}
	w.create(p)
	p.Status = corev1.PodStatus{
		Phase: corev1.PodRunning, PodIP: ip, PodIPs: []corev1.PodIP{{IP: ip}},
		Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}},
	}
	if err := w.Status().Update(w.Context(), p); err != nil {
		w.Fatal(err)
	}
}

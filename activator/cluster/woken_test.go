package cluster_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/prime-radiant/radiant/manifests/crd"
	"github.com/prime-radiant/radiant/scaling"
	"github.com/prime-radiant/radiant/tests/kit/programs"
)

// atZero has no pod at first.
const atZero = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: lazy, namespace: woken}
spec:
  predictors:
  - name: main
    graph: {name: clf, type: MODEL}
    componentSpecs:
    - scaleSpec: {minReplicas: 0, initialScale: 0}
      spec: {containers: [{name: clf, image: "example.com/clf:1"}]}
`

// TestWokenByTheOperator runs both programs against a real API server: a request comes
// to the port that the scaler gave the Service, the scaler asks for a pod, and the
// request is answered by that. The pod is this test's, since there is no node.
func TestWokenByTheOperator(t *testing.T) {
	w := newWorld(t, "woken")
	w.run("seldon-activator-1", fmt.Sprintf("%d-%[1]d", freePort(t)))
	w.createAtZero("lazy")

	port := ""
	await(t, "the Service has a port at activators, and leads there", func() bool {
		var s corev1.Service
		var slice discoveryv1.EndpointSlice
		if w.Get(t.Context(), client.ObjectKey{Namespace: "woken", Name: "lazy-main"}, &s) != nil {
			return false
		}
		port = s.Annotations[scaling.AnnotationFrontPort]
		return port != "" && w.Get(t.Context(), client.ObjectKey{Namespace: "woken", Name: "lazy-main-activator-ipv4"}, &slice) == nil && len(slice.Endpoints) == 1
	})
	replicas := func() (*appsv1.Deployment, int32) {
		var list appsv1.DeploymentList
		if err := w.List(t.Context(), &list, client.InNamespace("woken")); err != nil || len(list.Items) != 1 || list.Items[0].Spec.Replicas == nil {
			return nil, -1
		}
		return &list.Items[0], *list.Items[0].Spec.Replicas
	}
	await(t, "no pod is asked for", func() bool { _, n := replicas(); return n == 0 })
	if d, _ := replicas(); d.Generation != 1 {
		t.Errorf("it was made with pods, and scaled to none: version %d", d.Generation)
	}
	got := make(chan answered, 1)
	asked := time.Now()
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		for {
			a := postTo(ctx, "http://"+net.JoinHostPort(ownAddress(t), port)+"/api/v1.0/predictions")
			if a.err == nil || ctx.Err() != nil { // The activator may hear of the port later than this test.
				got <- a
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
	}()
	await(t, "a pod is asked for", func() bool { _, n := replicas(); return n == 1 })
	t.Logf("a pod was asked for %s after the request", time.Since(asked).Round(time.Millisecond))
	d, _ := replicas()
	w.standIn(d, "127.0.0.5")
	if a := <-got; a.err != nil || a.status != http.StatusOK || a.text != "y" {
		t.Errorf("answer is %+v", a)
	}
}

// activators says, until the test ends, that there is an activator at an address.
func (w *world) activators(name, ip string, admin int) {
	w.t.Helper()
	const namespace = "seldon-system"
	err := w.Create(w.t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		w.t.Fatal(err)
	}
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{
			scaling.LabelFront: scaling.FrontActivator, discoveryv1.LabelServiceName: "seldon-activator",
		}},
		AddressType: discoveryv1.AddressTypeIPv4,
		Ports:       []discoveryv1.EndpointPort{{Name: new(scaling.PortAdmin), Port: new(int32(admin))}}, // It is a port.
		Endpoints:   []discoveryv1.Endpoint{{Addresses: []string{ip}, Conditions: discoveryv1.EndpointConditions{Ready: new(true)}}},
	}
	w.create(slice)
	w.t.Cleanup(func() {
		if err := w.Delete(context.Background(), slice); err != nil {
			w.t.Error(err)
		}
	})
}

// standIn makes a pod of a Deployment whose containers are servers of this test.
func (w *world) standIn(d *appsv1.Deployment, ip string) {
	w.t.Helper()
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(rw http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/predictions") {
			_, _ = io.WriteString(rw, "y")
		}
	})
	for _, port := range []string{"8000", "9000"} {
		l, err := net.Listen("tcp", net.JoinHostPort(ip, port))
		if err != nil {
			w.t.Fatal(err)
		}
		w.t.Cleanup(func() { _ = l.Close() })
		go func() { _ = http.Serve(l, mux) }() // It ends with the listener.
	}
	p := &corev1.Pod{ObjectMeta: w.meta("stand-in"), Spec: *d.Spec.Template.Spec.DeepCopy()}
	p.Labels, p.Spec.AutomountServiceAccountToken = d.Spec.Template.Labels, new(false)
	w.create(p)
	p.Status = corev1.PodStatus{Phase: corev1.PodRunning, PodIP: ip, PodIPs: []corev1.PodIP{{IP: ip}}}
	if err := w.Status().Update(w.t.Context(), p); err != nil {
		w.t.Fatal(err)
	}
}

func postTo(ctx context.Context, url string) answered {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader("x"))
	if err != nil {
		return answered{err: err}
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return answered{err: err}
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	return answered{status: answer.StatusCode, text: string(text), err: err}
}

// ownAddress is one of this machine that EndpointSlices may have.
func ownAddress(t *testing.T) string {
	t.Helper()
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.To4() != nil && n.IP.IsGlobalUnicast() {
			return n.IP.String()
		}
	}
	t.Skip("this machine has no address besides localhost")
	return ""
}

// start runs a program until the test ends, and returns its process.
// run starts an activator and an operator whose fronts have ports of a range, and returns
// their process ids.
func (w *world) run(activator, ports string) map[string]int {
	w.t.Helper()
	t := w.t
	if err := appsv1.AddToScheme(w.Scheme()); err != nil {
		t.Fatal(err)
	}
	if err := api.Install(t.Context(), crd.YAML()); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(programs.Build(t, "radiant"), "radiant")
	ip, admin := ownAddress(t), freePort(t)
	w.activators(activator, ip, admin)
	t.Cleanup(w.clear)
	return map[string]int{
		"activator": start(t, program, "activator", "--kubeconfig", api.Kubeconfig(), "--pod-ip", ip, "--admin-addr", net.JoinHostPort(ip, strconv.Itoa(admin)), "--leave", "10ms"),
		"operator":  start(t, program, "manager", "--kubeconfig", api.Kubeconfig(), "--metrics-addr", "0", "--health-addr", "0", "--activator-ports", ports),
	}
}

// createAtZero makes a deployment that begins without pods.
func (w *world) createAtZero(name string) {
	w.t.Helper()
	var lazy unstructured.Unstructured
	if err := yaml.Unmarshal([]byte(atZero), &lazy.Object); err != nil {
		w.t.Fatal(err)
	}
	lazy.SetNamespace(w.namespace)
	lazy.SetName(name)
	w.create(&lazy)
}

func start(t *testing.T, program string, args ...string) (pid int) {
	t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	return cmd.Process.Pid
}

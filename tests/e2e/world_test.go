//go:build e2e

// Package e2e runs deployments on a real cluster: a real kubelet, real pods, a
// real gateway. scripts/e2e.sh makes the cluster and runs the tests.
package e2e

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/tests/kit/stores"
)

// patience bounds every wait; only failures reach it.
const patience = 5 * time.Minute

// Where the cluster's gateway listens, for REST and gRPC, and where pods find
// programs of this machine: on the node of tests/tools/cluster, unless the
// environment says otherwise.
func gatewayREST() string { return setting("RADIANT_E2E_REST", "10.244.0.1:8088") }
func gatewayGRPC() string { return setting("RADIANT_E2E_GRPC", "10.244.0.1:8089") }
func here() string        { return setting("RADIANT_E2E_HERE", "10.244.0.1") }

func setting(name, otherwise string) string { return cmp.Or(os.Getenv(name), otherwise) }

// storesSecret is the Secret with the settings of model stores. scripts/e2e.sh
// names it in the operator's settings.
const storesSecret = "stores"

// world is a namespace of a cluster.
type world struct {
	t         *testing.T
	client    client.Client
	namespace string
}

func newWorld(t *testing.T, namespace string) *world {
	t.Helper()
	path := os.Getenv("KUBECONFIG")
	if path == "" {
		t.Fatal("KUBECONFIG is not set: run make e2e")
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	scheme := runtime.NewScheme()
	log.SetLogger(logr.Discard())
	for _, add := range []func(*runtime.Scheme) error{
		corev1.AddToScheme, appsv1.AddToScheme, autoscalingv2.AddToScheme, policyv1.AddToScheme, gatewayv1.Install, v1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	c, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{t: t, client: c, namespace: namespace}
	if namespace != "default" {
		w.kubectl("create", "namespace", namespace)
		t.Cleanup(func() { w.kubectl("delete", "namespace", namespace, "--wait=false") })
	}
	t.Cleanup(func() {
		if t.Failed() {
			w.describe()
		}
	})
	return w
}

// kubectl runs the client that users run, and returns what it prints.
func (w *world) kubectl(args ...string) string {
	w.t.Helper()
	out, err := w.tryKubectl(args...)
	if err != nil {
		w.t.Fatalf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return out
}

func (w *world) tryKubectl(args ...string) (string, error) {
	out, err := exec.Command("kubectl", append([]string{"--namespace", w.namespace}, args...)...).CombinedOutput()
	return string(out), err
}

// applyText applies objects.
func (w *world) applyText(text string) {
	w.t.Helper()
	if err := w.tryApply(text); err != nil {
		w.t.Fatalf("%v\n%s", err, text)
	}
}

func (w *world) tryApply(text string) error {
	cmd := exec.Command("kubectl", "--namespace", w.namespace, "apply", "-f", "-")
	cmd.Stdin = strings.NewReader(text)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("kubectl apply: %w\n%s", err, out)
	}
	return nil
}

// models serves folders as buckets of Google Cloud Storage, and lets the
// namespace's deployments find them.
func (w *world) models(buckets map[string]stores.Files) {
	w.t.Helper()
	w.storesAre(stores.StartGCSAt(w.t, here(), buckets))
}

// storesAre says where deployments fetch their models.
func (w *world) storesAre(env map[string]string) {
	w.t.Helper()
	args := []string{"create", "secret", "generic", storesSecret}
	for name, value := range env {
		args = append(args, fmt.Sprintf("--from-literal=%s=%s", name, value))
	}
	w.tryKubectl("delete", "secret", storesSecret)
	w.kubectl(args...)
	w.t.Cleanup(func() { w.kubectl("delete", "secret", storesSecret) })
}

func (w *world) deployment(name string) *v1.SeldonDeployment {
	w.t.Helper()
	d := &v1.SeldonDeployment{}
	if err := w.client.Get(context.Background(), client.ObjectKey{Namespace: w.namespace, Name: name}, d); err != nil {
		w.t.Fatal(err)
	}
	return d
}

// available waits until a deployment is.
func (w *world) available(name string) {
	w.t.Helper()
	w.eventually(name+" is available", func() error {
		d := w.deployment(name)
		if d.Status.State != v1.StatusAvailable || d.Status.ObservedGeneration != d.Generation {
			return fmt.Errorf("state %s: %s", d.Status.State, d.Status.Description)
		}
		return nil
	})
}

// delete deletes a deployment and waits until nothing of it is left.
func (w *world) delete(name string) {
	w.t.Helper()
	w.kubectl("delete", "sdep", name)
	w.eventually("nothing of "+name+" is left", func() error {
		var left []string
		for _, list := range []client.ObjectList{
			&appsv1.DeploymentList{}, &appsv1.ReplicaSetList{}, &corev1.PodList{}, &corev1.ServiceList{}, &policyv1.PodDisruptionBudgetList{},
			&autoscalingv2.HorizontalPodAutoscalerList{}, &gatewayv1.HTTPRouteList{}, &gatewayv1.GRPCRouteList{},
		} {
			if err := w.client.List(context.Background(), list, client.InNamespace(w.namespace), client.MatchingLabels{"seldon-deployment-id": name}); err != nil {
				return err
			}
			objects, err := meta.ExtractList(list)
			if err != nil {
				return err
			}
			for _, o := range objects {
				left = append(left, fmt.Sprintf("%T %s", o, o.(client.Object).GetName()))
			}
		}
		if len(left) > 0 {
			return fmt.Errorf("there are %s", strings.Join(left, ", "))
		}
		return nil
	})
}

// eventually waits until try has no error.
func (w *world) eventually(what string, try func() error) {
	w.t.Helper()
	var err error
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if err = try(); err == nil {
			return
		}
	}
	w.t.Fatalf("not in %s: %s: %v", patience, what, err)
}

// describe logs what a person would look at.
func (w *world) describe() {
	var b bytes.Buffer
	for _, args := range [][]string{
		{"get", "sdep,deploy,rs,pod,svc,hpa,httproute,grpcroute", "-o", "wide"},
		{"get", "sdep", "-o", "jsonpath={range .items[*]}{.metadata.name}{': '}{.status.description}{'\\n'}{end}"},
		{"get", "tfjob,mpijob", "-o", "yaml"},
		{"get", "events", "--sort-by=.lastTimestamp"},
	} {
		out, _ := w.tryKubectl(args...)
		b.WriteString(out)
	}
	w.t.Log(b.String())
}

package install

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/prime-radiant/radiant/tests/kit/tools"
)

// wrong has two errors that the definition's schema lets through, and
// something to warn of.
const wrong = `
apiVersion: machinelearning.seldon.io/v1alpha2
kind: SeldonDeployment
metadata: {name: wrong}
spec:
  predictors:
  - name: default
    engineResources: {limits: {cpu: 1}}
    componentSpecs:
    - spec: {containers: [{name: other, image: "a/b:1"}]}
    graph:
      name: classifier
      type: MODEL
      children:
      - {name: second, implementation: SKLEARN_SERVER}
`

// wrongFields are where its errors are.
var wrongFields = []string{"spec.predictors[0].graph.name", "spec.predictors[0].graph.children[0].modelUri"}

// TestWebhook runs the operator with its webhook, as its manifests set it up
// and under the rights that they give.
func TestWebhook(t *testing.T) {
	program := radiant(t)
	c := sharedCluster(t)
	stored := parse(t, "default", strings.Replace(wrong, "name: wrong", "name: stored", 1))
	all := objects(t, kustomize(t, base+"/with-webhook"))
	port := freePort(t)
	c.apply(t, onThisMachine(t, all, port))
	if err := c.Create(t.Context(), stored); err != nil {
		t.Fatalf("the schema refuses what only the webhook should: %v", err)
	}
	o := c.startOperator(t, program, fmt.Sprintf("--webhook-port=%d", port))
	until(t, "the operator", func() error { return o.ready() })
	until(t, "a refusal", func() error {
		err := c.Create(t.Context(), parse(t, "default", wrong), client.DryRunAll)
		if err == nil {
			return errors.New("the deployment was taken")
		}
		return nil
	})
	t.Run("all problems at once", func(t *testing.T) { c.checkRefusal(t) })
	t.Run("kubectl", func(t *testing.T) { c.checkKubectl(t) })
	t.Run("what is stored", func(t *testing.T) { c.checkStored(t, stored) })
	t.Run("without the operator", func(t *testing.T) {
		o.stop(t)
		if err := c.Create(t.Context(), parse(t, "default", wrong)); err != nil {
			t.Errorf("while nobody can be asked: %v", err)
		}
		if err := c.Delete(t.Context(), parse(t, "default", wrong)); err != nil {
			t.Error(err)
		}
	})
}

// onThisMachine lets the webhook's Service lead to a port of this machine.
func onThisMachine(t *testing.T, all []*unstructured.Unstructured, port int) []*unstructured.Unstructured {
	t.Helper()
	for _, o := range all {
		switch o.GetKind() + " " + o.GetName() {
		case "Service seldon-webhook-service":
			o.Object["spec"] = map[string]any{"type": "ExternalName", "externalName": "localhost"}
		case "ValidatingWebhookConfiguration seldon-validating-webhook-configuration-" + namespace:
			hooks, _, err := unstructured.NestedSlice(o.Object, "webhooks")
			if err != nil {
				t.Fatal(err)
			}
			for _, h := range hooks {
				err = errors.Join(err, unstructured.SetNestedField(h.(map[string]any), float64(port), "clientConfig", "service", "port"))
			}
			if err = errors.Join(err, unstructured.SetNestedSlice(o.Object, hooks, "webhooks")); err != nil {
				t.Fatal(err)
			}
		}
	}
	return all
}

// ready asks as a kubelet does.
func (o *operator) ready() error {
	r, err := http.Get("http://" + o.health + "/readyz")
	if err != nil {
		return err
	}
	defer r.Body.Close()
	if r.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d", r.StatusCode)
	}
	return nil
}

func (c *cluster) checkRefusal(t *testing.T) {
	err := c.Create(t.Context(), parse(t, "default", wrong), client.DryRunAll)
	var status *apierrors.StatusError
	if !errors.As(err, &status) || status.ErrStatus.Reason != metav1.StatusReasonInvalid {
		t.Fatalf("error is %v", err)
	}
	var fields []string
	for _, cause := range status.ErrStatus.Details.Causes {
		fields = append(fields, cause.Field)
	}
	for _, want := range wrongFields {
		if !strings.Contains(strings.Join(fields, " "), want) || !strings.Contains(err.Error(), "* "+want+": ") {
			t.Errorf("%s is not among the problems: %v", want, err)
		}
	}
}

func (c *cluster) checkKubectl(t *testing.T) {
	kubectl := tools.Path(t, "kubectl")
	file := filepath.Join(t.TempDir(), "wrong.yaml")
	if err := os.WriteFile(file, []byte(wrong), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(kubectl, "--kubeconfig", c.Kubeconfig(), "apply", "-f", file).CombinedOutput()
	if err == nil {
		t.Errorf("kubectl apply succeeds:\n%s", out)
	}
	for _, want := range append([]string{`The SeldonDeployment "wrong" is invalid`, "Warning: spec.predictors[0].engineResources"}, wrongFields...) {
		if !strings.Contains(string(out), want) {
			t.Errorf("kubectl does not say %q:\n%s", want, out)
		}
	}
}

// checkStored edits a deployment that is wrong and was stored before the
// webhook came.
func (c *cluster) checkStored(t *testing.T, stored *unstructured.Unstructured) {
	change := func(patch string) error {
		return c.Patch(t.Context(), stored.DeepCopy(), client.RawPatch(types.MergePatchType, []byte(patch)))
	}
	if err := change(`{"metadata": {"labels": {"team": "a"}, "finalizers": ["example.com/keep"]}}`); err != nil {
		t.Errorf("a label: %v", err)
	}
	if err := change(`{"spec": {"replicas": 2}}`); !apierrors.IsInvalid(err) {
		t.Errorf("a change of the spec: error is %v", err)
	}
	if err := c.Delete(t.Context(), stored.DeepCopy()); err != nil {
		t.Errorf("deletion: %v", err)
	}
	if err := change(`{"metadata": {"finalizers": null}}`); err != nil {
		t.Errorf("the finalizer of what is being deleted: %v", err)
	}
	var secret corev1.Secret
	if err := c.Get(t.Context(), types.NamespacedName{Namespace: namespace, Name: "seldon-webhook-server-cert"}, &secret); err != nil {
		t.Fatal(err)
	}
	var hook admissionregistrationv1.ValidatingWebhookConfiguration
	if err := c.Get(t.Context(), types.NamespacedName{Name: "seldon-validating-webhook-configuration-" + namespace}, &hook); err != nil {
		t.Fatal(err)
	}
	if string(hook.Webhooks[0].ClientConfig.CABundle) != string(secret.Data["ca.crt"]) {
		t.Error("what is published is not what is stored")
	}
}

// TestOneNamespace runs the operator of one namespace under its Role.
func TestOneNamespace(t *testing.T) {
	program := radiant(t)
	c := ownCluster(t)
	text, err := template(t, "--set", "singleNamespace=true")
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: namespace}}); err != nil {
		t.Fatal(err)
	}
	c.apply(t, objects(t, text))
	for _, in := range []string{namespace, "default"} {
		if err := c.Create(t.Context(), parse(t, in, iris)); err != nil {
			t.Fatal(err)
		}
	}
	o := c.startOperator(t, program, "--namespace", namespace)
	name := types.NamespacedName{Namespace: namespace, Name: "iris"}
	until(t, "the deployment of the namespace", func() error { return c.serving(t.Context(), name) })
	if state, err := c.state(t.Context(), types.NamespacedName{Namespace: "default", Name: "iris"}); err != nil || state != "" {
		t.Errorf("a deployment of another namespace has the state %q, error %v", state, err)
	}
	o.stop(t)
	log, err := os.ReadFile(o.log)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(log), "is forbidden") {
		t.Errorf("something was forbidden:\n%s", log)
	}
}

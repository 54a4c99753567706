package install

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// comparison is a run of radiant render --diff.
type comparison struct {
	code           int
	stdout, stderr string
}

// diff compares a deployment, as text, with the cluster.
func (c *cluster) diff(t *testing.T, program, text string, args ...string) comparison {
	t.Helper()
	file := filepath.Join(t.TempDir(), "deployment.yaml")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	var stdout, stderr strings.Builder
	cmd := exec.Command(program, append([]string{"render", "--diff", "--kubeconfig", c.Kubeconfig(), "-f", file, "-n", home}, args...)...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return comparison{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// check holds a comparison against its exit code and what it has to say.
func (got comparison) check(t *testing.T, code int, summary string, said ...string) {
	t.Helper()
	if got.code != code {
		t.Errorf("exit status %d, want %d", got.code, code)
	}
	if !strings.Contains(got.stderr, summary) {
		t.Errorf("standard error lacks %q", summary)
	}
	for _, want := range said {
		if !strings.Contains(got.stdout, want) {
			t.Errorf("standard output lacks %q", want)
		}
	}
	if t.Failed() {
		t.Fatalf("standard error:\n%s\nstandard output:\n%s", got.stderr, got.stdout)
	}
}

// TestDiff takes a deployment through its life, and asks before each step what
// would become of it.
func TestDiff(t *testing.T) {
	program := radiant(t)
	c := sharedCluster(t)
	c.apply(t, objects(t, kustomize(t, base)))
	if err := c.Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: home}}); client.IgnoreAlreadyExists(err) != nil {
		t.Fatal(err)
	}
	two := strings.Replace(iris, "modelUri:", "parameters: [{name: method, type: STRING, value: predict}], modelUri:", 1)

	c.diff(t, program, iris).check(t, 1, "3 created, 0 configured, 0 deleted, 0 unchanged",
		"--- cluster/models/Deployment/iris-default-0-classifier\n+++ rendered/models/Deployment/iris-default-0-classifier\n",
		"+  name: iris-default\n")
	var none appsv1.DeploymentList
	if err := c.List(t.Context(), &none, client.InNamespace(home)); err != nil || len(none.Items) > 0 {
		t.Fatalf("comparing made %d Deployments, error %v", len(none.Items), err)
	}

	o := c.startOperator(t, program)
	name := types.NamespacedName{Namespace: home, Name: "iris"}
	until(t, "the deployment", func() error { return c.Create(t.Context(), parse(t, home, iris)) })
	until(t, "its state", func() error { return c.serving(t.Context(), name) })
	o.stop(t)

	same := c.diff(t, program, iris)
	same.check(t, 0, "0 created, 0 configured, 0 deleted, 3 unchanged")
	if same.stdout != "" {
		t.Errorf("of what is the same is said:\n%s", same.stdout)
	}

	changed := c.diff(t, program, two)
	changed.check(t, 1, "0 created, 1 configured, 0 deleted, 2 unchanged", `+                    "value": "predict",`)
	if noise := regexp.MustCompile(`(?m)^[+-].*(managedFields|resourceVersion|applied-hash|uid:|generation:)`).FindString(changed.stdout); noise != "" {
		t.Errorf("noise is shown: %s", noise)
	}

	c.diff(t, program, strings.Replace(iris, "name: default", "name: other", 1)).check(t, 1,
		"3 created, 0 configured, 3 deleted, 0 unchanged", "--- cluster/models/Service/iris-default\n")

	c.checkSettings(t, program)
	c.diff(t, program, strings.Replace(iris, "SKLEARN_SERVER", "SKLEARN", 1)).check(t, 2, "error: spec.predictors[0].graph")
	c.diff(t, program, iris, "--context", "absent").check(t, 2, "looking for the API server")
	c.diff(t, program, strings.Replace(iris, "name: iris", "name: iris, namespace: absent", 1)).check(t, 2, `namespaces "absent" not found`)
	c.checkForeign(t, program)
}

// checkSettings gives the operator's Deployment other settings, by which what
// is rendered is another thing.
func (c *cluster) checkSettings(t *testing.T, program string) {
	t.Helper()
	var d appsv1.Deployment
	at := types.NamespacedName{Namespace: namespace, Name: "seldon-controller-manager"}
	if err := c.Get(t.Context(), at, &d); err != nil {
		t.Fatal(err)
	}
	env := &d.Spec.Template.Spec.Containers[0].Env
	*env = append(*env, corev1.EnvVar{Name: "EXECUTOR_CONTAINER_IMAGE_AND_VERSION", Value: "mirror/executor:7"})
	if err := c.Update(t.Context(), &d); err != nil {
		t.Fatal(err)
	}
	c.diff(t, program, iris).check(t, 1, "0 created, 1 configured", "+        image: mirror/executor:7\n")
	c.diff(t, program, iris, "--operator-namespace", home).check(t, 0, "note: there is no Deployment seldon-controller-manager in namespace models")
	if err := c.Delete(t.Context(), &d); err != nil {
		t.Fatal(err)
	}
}

// checkForeign puts something of somebody else's in the way.
func (c *cluster) checkForeign(t *testing.T, program string) {
	t.Helper()
	service := &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: "iris-other", Namespace: home},
		Spec:       corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 80}}},
	}
	if err := c.Create(t.Context(), service); err != nil {
		t.Fatal(err)
	}
	c.diff(t, program, strings.Replace(iris, "name: default", "name: other", 1)).check(t, 2, "applying Service iris-other: there is one already")
	if err := errors.Join(c.Delete(t.Context(), service), c.Delete(t.Context(), parse(t, home, iris))); err != nil {
		t.Error(err)
	}
}

package install

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
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
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/yaml"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/tests/kit/apiserver"
	"github.com/prime-radiant/radiant/tests/kit/programs"
	"github.com/prime-radiant/radiant/tests/kit/tools"
)

// patience bounds each wait.
const patience = time.Minute

// cluster is an API server of one test.
type cluster struct {
	*apiserver.Server
	client.Client
}

// shared is one for all tests that leave the others alone; the file is its
// audit log.
var shared = sync.OnceValues(func() (*apiserver.Server, error) {
	return apiserver.Start(apiserver.Options{Audit: audit, Controllers: apiserver.CollectGarbage()})
})

var audit string

func TestMain(m *testing.M) {
	log.SetLogger(logr.Discard()) // Warnings of the API server are not news.
	dir, err := os.MkdirTemp("", "install")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	audit = filepath.Join(dir, "audit.log")
	code := m.Run()
	if s, err := shared(); err == nil {
		s.Stop()
	}
	_ = os.RemoveAll(dir)
	os.Exit(code)
}

// sharedCluster is the shared one; a test that changes what others see has its
// own.
func sharedCluster(t *testing.T) *cluster {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatal(err)
	}
	return &cluster{Server: s, Client: clientOf(t, s)}
}

func ownCluster(t *testing.T) *cluster {
	t.Helper()
	s, err := apiserver.Start(apiserver.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return &cluster{Server: s, Client: clientOf(t, s)}
}

func clientOf(t *testing.T, s *apiserver.Server) client.Client {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(s.Config(), client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// apply does what kubectl apply --server-side does.
func (c *cluster) apply(t *testing.T, all []*unstructured.Unstructured) {
	t.Helper()
	for _, o := range all {
		if o.GetKind() == "CustomResourceDefinition" {
			text, err := yaml.Marshal(o.Object)
			if err == nil {
				err = c.Install(t.Context(), text)
			}
			if err != nil {
				t.Fatal(err)
			}
			continue
		}
		sent := o.DeepCopy()
		if err := c.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(sent), client.FieldOwner("kubectl")); err != nil {
			t.Fatalf("applying %s %s: %v", o.GetKind(), o.GetName(), err)
		}
	}
}

func (c *cluster) versions(t *testing.T, all []*unstructured.Unstructured) map[string]string {
	t.Helper()
	versions := map[string]string{}
	for _, o := range all {
		live := o.DeepCopy()
		if err := c.Get(t.Context(), client.ObjectKeyFromObject(o), live); err != nil {
			t.Fatal(err)
		}
		versions[o.GetKind()+" "+o.GetName()] = live.GetResourceVersion()
	}
	return versions
}

// until polls.
func until(t *testing.T, what string, done func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if err = done(); err == nil {
			return
		}
	}
	t.Fatalf("waiting for %s: %v", what, err)
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// operator is the program, as the service account of the manifests.
type operator struct {
	cmd    *exec.Cmd
	log    string
	health string
}

// startOperator runs radiant manager with the rights of the manifests.
func (c *cluster) startOperator(t *testing.T, program string, args ...string) *operator {
	t.Helper()
	dir := t.TempDir()
	o := &operator{log: filepath.Join(dir, "log"), health: fmt.Sprintf("127.0.0.1:%d", freePort(t))}
	kubeconfig := filepath.Join(dir, "kubeconfig")
	reach := c.Config()
	as := api.NewConfig()
	as.Clusters["test"] = &api.Cluster{Server: reach.Host, CertificateAuthority: reach.CAFile}
	as.AuthInfos["test"] = &api.AuthInfo{
		Token: reach.BearerToken, Impersonate: account, ImpersonateGroups: []string{"system:serviceaccounts", "system:authenticated"},
	}
	as.Contexts["test"] = &api.Context{Cluster: "test", AuthInfo: "test"}
	as.CurrentContext = "test"
	if err := clientcmd.WriteToFile(*as, kubeconfig); err != nil {
		t.Fatal(err)
	}
	output, err := os.Create(o.log)
	if err != nil {
		t.Fatal(err)
	}
	defer output.Close()
	o.cmd = exec.Command(program, append([]string{
		"manager", "--kubeconfig", kubeconfig, "--operator-namespace", namespace, "--enable-leader-election",
		"--metrics-addr=0", "--health-addr=" + o.health,
	}, args...)...)
	o.cmd.Stdout, o.cmd.Stderr = output, output
	if err := o.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		o.stop(t)
		if text, err := os.ReadFile(o.log); err == nil && t.Failed() {
			t.Logf("log of the operator:\n%s", text)
		}
	})
	return o
}

// account is the operator's user.
const account = "system:serviceaccount:" + namespace + ":seldon-manager"

// stop ends the operator as a node does.
func (o *operator) stop(t *testing.T) {
	if o.cmd.ProcessState != nil {
		return
	}
	if err := o.cmd.Process.Signal(os.Interrupt); err != nil {
		t.Error(err)
	}
	if err := o.cmd.Wait(); err != nil {
		t.Errorf("the operator ended with %v", err)
	}
}

// TestFileIsApplied installs from the one file, twice, and lets the API server
// judge the operator's pod by the restricted pod security standard.
func TestFileIsApplied(t *testing.T) {
	c := sharedCluster(t)
	for _, folder := range []string{base, base + "/with-webhook"} {
		all := objects(t, kustomize(t, folder))
		c.apply(t, all)
		c.apply(t, all) // The API server completes a new namespace by itself.
		before := c.versions(t, all)
		c.apply(t, all)
		for name, version := range c.versions(t, all) {
			if version != before[name] {
				t.Errorf("%s: %s changed when it was applied again", folder, name)
			}
		}
	}
	restricted := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		Name: "restricted", Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	}}
	if err := c.Create(t.Context(), restricted); err != nil {
		t.Fatal(err)
	}
	template := deployment(t, objects(t, kustomize(t, base))).Spec.Template
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "operator", Namespace: restricted.Name}, Spec: template.Spec}
	if err := c.Create(t.Context(), pod.DeepCopy(), client.DryRunAll); err != nil {
		t.Errorf("the operator's pod: %v", err)
	}
	pod.Spec.Containers[0].SecurityContext = nil
	if err := c.Create(t.Context(), pod, client.DryRunAll); err == nil || !strings.Contains(err.Error(), "restricted") {
		t.Errorf("a pod without a security context: error is %v", err)
	}
}

// TestRelease installs, upgrades and uninstalls the chart.
func TestRelease(t *testing.T) {
	c := ownCluster(t)
	helm := func(args ...string) string {
		t.Helper()
		out, err := run(tools.Path(t, "helm"), append(args, "--kubeconfig", c.Kubeconfig(), "-n", namespace)...)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	notes := helm("install", "radiant", chart, "--create-namespace", "--set", "engine.image.tag=1,usageMetrics.enabled=true,crd.forceV1=true")
	for _, want := range []string{"no effect", "engine: ", "usageMetrics: ", "crd.forceV1: "} {
		if !strings.Contains(notes, want) {
			t.Errorf("the notes lack %q:\n%s", want, notes)
		}
	}
	d := parse(t, "default", iris)
	until(t, "the definition", func() error { return c.Create(t.Context(), d.DeepCopy()) })
	notes = helm("upgrade", "radiant", chart, "--set", "webhook.enabled=true,manager.replicas=2,istio.enabled=true")
	if strings.Contains(notes, "no effect") {
		t.Errorf("the notes complain:\n%s", notes)
	}
	helm("uninstall", "radiant")
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(d), d); err != nil {
		t.Errorf("after uninstalling: %v", err)
	}
	// What is left, and what an older operator left, is taken over.
	if err := c.Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: "seldon-manager", Namespace: namespace}}); err != nil {
		t.Fatal(err)
	}
	helm("install", "another", chart, "--take-ownership")
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(d), d); err != nil {
		t.Errorf("after installing again: %v", err)
	}
}

// iris is a deployment as people write it.
const iris = `
apiVersion: machinelearning.seldon.io/v1
kind: SeldonDeployment
metadata: {name: iris}
spec:
  predictors:
  - name: default
    graph: {name: classifier, implementation: SKLEARN_SERVER, modelUri: "gs://models/iris"}
`

func parse(t *testing.T, namespace, text string) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &u.Object); err != nil {
		t.Fatal(err)
	}
	u.SetNamespace(namespace)
	return u
}

// radiant builds the program.
func radiant(t *testing.T) string {
	t.Helper()
	return filepath.Join(programs.Build(t, "radiant"), "radiant")
}

// state is a deployment's, as its status tells.
func (c *cluster) state(ctx context.Context, name types.NamespacedName) (string, error) {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(v1.GroupVersion().WithKind(v1.Kind))
	if err := c.Get(ctx, name, u); err != nil {
		return "", err
	}
	state, _, err := unstructured.NestedString(u.Object, "status", "state")
	return state, err
}

package apiserver_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/manifests/crd"
)

func writer(t *testing.T) client.Client {
	t.Helper()
	s := server(t)
	if err := s.Install(t.Context(), crd.YAML()); err != nil {
		t.Fatal(err)
	}
	c, err := client.New(s.Config(), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// deployments reads the SeldonDeployments of a YAML file.
func deployments(t *testing.T, text []byte) []*unstructured.Unstructured {
	t.Helper()
	var all []*unstructured.Unstructured
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096)
	for {
		u := &unstructured.Unstructured{}
		err := decoder.Decode(&u.Object)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if u.GetKind() == v1.Kind {
			u.SetNamespace("default")
			all = append(all, u)
		}
	}
}

// TestSamplesAreTaken: what users apply is taken as kubectl sends it, with
// unknown fields as errors.
func TestSamplesAreTaken(t *testing.T) {
	c := writer(t)
	var files []string
	for _, pattern := range []string{"../../samples/*/*.yaml", "../../expand/testdata/*.in.yaml", "testdata/*.yaml"} {
		some, err := filepath.Glob(pattern)
		if err != nil || len(some) == 0 {
			t.Fatalf("%s: %d files, error %v", pattern, len(some), err)
		}
		files = append(files, some...)
	}
	versions := map[string]int{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range deployments(t, text) {
			versions[u.GroupVersionKind().Version]++
			if err := c.Create(t.Context(), u, client.DryRunAll, client.FieldValidation("Strict")); err != nil {
				t.Errorf("%s: %v", file, err)
			}
		}
	}
	for _, version := range v1.Versions() {
		if versions[version] == 0 {
			t.Errorf("no file is written in %s", version)
		}
	}
}

// TestRefusals: what no installation took is refused when it is applied, in the
// words that its webhook had.
func TestRefusals(t *testing.T) {
	c := writer(t)
	head := "apiVersion: machinelearning.seldon.io/v1\nkind: SeldonDeployment\nmetadata: {name: refused}\nspec:\n"
	for name, test := range map[string]struct{ spec, want string }{
		"protocol":    {"  protocol: grpc\n  predictors: [{name: a, graph: {name: m}}]", `spec.protocol: Unsupported value: "grpc"`},
		"transport":   {"  transport: http\n  predictors: [{name: a, graph: {name: m}}]", `spec.transport: Unsupported value: "http"`},
		"server type": {"  serverType: rest\n  predictors: [{name: a, graph: {name: m}}]", `spec.serverType: Unsupported value: "rest"`},
		"nothing":     {"  predictors: []", "spec.predictors"},
		"shadow":      {"  predictors: [{name: a, shadow: true, graph: {name: m}}]", "Shadow can not exist as only predictor"},
		"shadows": {"  predictors: [{name: a, graph: {name: m}}, {name: b, shadow: true, graph: {name: m}}, {name: c, shadow: true, graph: {name: m}}]",
			"Multiple shadows are not allowed"},
		"traffic":        {"  predictors: [{name: a, traffic: 60, graph: {name: m}}, {name: b, traffic: 30, graph: {name: m}}]", "Traffic must sum to 100 for multiple predictors"},
		"same name":      {"  predictors: [{name: a, traffic: 50, graph: {name: m}}, {name: a, traffic: 50, graph: {name: m}}]", "Duplicate value"},
		"parameter":      {"  predictors: [{name: a, graph: {name: m, parameters: [{name: x, type: BOOL, value: true}]}}]", "value"},
		"no graph":       {"  predictors: [{name: a}]", "spec.predictors[0].graph: Required value"},
		"misspelt field": {"  predictors: [{name: a, graph: {name: m, modelURI: gs://x}}]", `unknown field "spec.predictors[0].graph.modelURI"`},
	} {
		t.Run(name, func(t *testing.T) {
			u := deployments(t, []byte(head+test.spec))[0]
			err := c.Create(t.Context(), u, client.DryRunAll, client.FieldValidation("Strict"))
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error is %v, want one with %q", err, test.want)
			}
		})
	}
}

// TestOldVersionsAreStored: an object of any version is read as each.
func TestOldVersionsAreStored(t *testing.T) {
	c := writer(t)
	text, err := os.ReadFile("testdata/v1alpha2.yaml")
	if err != nil {
		t.Fatal(err)
	}
	u := deployments(t, text)[0]
	u.SetName("stored")
	if err := c.Create(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	for _, version := range v1.Versions() {
		got := &unstructured.Unstructured{}
		got.SetAPIVersion(v1.Group + "/" + version)
		got.SetKind(v1.Kind)
		if err := c.Get(t.Context(), client.ObjectKeyFromObject(u), got); err != nil {
			t.Errorf("reading as %s: %v", version, err)
			continue
		}
		children, _, _ := unstructured.NestedSlice(got.Object, "spec", "predictors")
		graph, _, _ := unstructured.NestedMap(children[0].(map[string]any), "graph")
		for depth := 1; depth <= 12; depth++ {
			below, _ := graph["children"].([]any)
			if len(below) != 1 {
				t.Fatalf("as %s the graph is %d deep, want 12", version, depth-1)
			}
			graph = below[0].(map[string]any)
		}
	}
}

// TestScale: kubectl scale and autoscalers work on a deployment itself.
func TestScale(t *testing.T) {
	c := writer(t)
	u := deployments(t, []byte("apiVersion: machinelearning.seldon.io/v1\nkind: SeldonDeployment\nmetadata: {name: scaled}\n"+
		"spec:\n  replicas: 1\n  predictors: [{name: a, graph: {name: m, implementation: SIMPLE_MODEL}}]"))[0]
	if err := c.Create(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	status := []byte(`{"status":{"replicas":2,"selector":"app=x"}}`)
	if err := c.Status().Patch(t.Context(), u, client.RawPatch("application/merge-patch+json", status)); err != nil {
		t.Fatal(err)
	}
	scale := &unstructured.Unstructured{}
	scale.SetAPIVersion("autoscaling/v1")
	scale.SetKind("Scale")
	if err := c.SubResource("scale").Get(t.Context(), u, scale); err != nil {
		t.Fatal(err)
	}
	if got, _, _ := unstructured.NestedString(scale.Object, "status", "selector"); got != "app=x" {
		t.Errorf("the selector is %q", got)
	}
	if err := unstructured.SetNestedField(scale.Object, int64(5), "spec", "replicas"); err != nil {
		t.Fatal(err)
	}
	if err := c.SubResource("scale").Update(t.Context(), u, client.WithSubResourceBody(scale)); err != nil {
		t.Fatal(err)
	}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(u), u); err != nil {
		t.Fatal(err)
	}
	if got, _, _ := unstructured.NestedInt64(u.Object, "spec", "replicas"); got != 5 {
		t.Errorf("spec.replicas is %d, want 5", got)
	}
}

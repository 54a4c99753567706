package expand_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"

	v1 "github.com/prime-radiant/radiant/apis/v1"
	"github.com/prime-radiant/radiant/expand"
	"github.com/prime-radiant/radiant/graph"
	"github.com/prime-radiant/radiant/manifests"
	"github.com/prime-radiant/radiant/operator/config"
)

var update = flag.Bool("update", false, "rewrite the expected outputs")

// TestGolden expands testdata/NAME.in.yaml and compares with NAME.out.yaml.
// Comments in the input stand for what is around the deployment: a line
// "# setting NAME=value" for the operator's environment, "# configmap KEY=JSON"
// for its ConfigMap, "# facts YAML" for the facts.
func TestGolden(t *testing.T) {
	inputs, err := filepath.Glob("testdata/*.in.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if len(inputs) == 0 {
		t.Fatal("no inputs")
	}
	for _, path := range inputs {
		name := strings.TrimSuffix(filepath.Base(path), ".in.yaml")
		t.Run(name, func(t *testing.T) {
			in := readInput(t, path)
			before := in.Deployment.DeepCopy()
			objects, err := expand.Expand(in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(before, in.Deployment); diff != "" {
				t.Errorf("Expand changed its input, -before +after:\n%s", diff)
			}
			check(t, objects)
			got, err := expand.Marshal(objects)
			if err != nil {
				t.Fatal(err)
			}
			strict(t, got)
			again, err := expand.Expand(in)
			if err != nil {
				t.Fatal(err)
			}
			if second, err := expand.Marshal(again); err != nil || !bytes.Equal(got, second) {
				t.Errorf("a second expansion differs (error %v)", err)
			}
			compare(t, strings.TrimSuffix(path, ".in.yaml")+".out.yaml", append(got, readable(t, objects)...))
		})
	}
}

// strict reads documents back into the types of the Kubernetes API, which know
// every field that an API server knows.
func strict(t *testing.T, documents []byte) {
	t.Helper()
	linked := runtime.NewScheme()
	if err := errors.Join(clientgoscheme.AddToScheme(linked), gatewayv1.Install(linked)); err != nil {
		t.Fatal(err)
	}
	for document := range strings.SplitSeq(string(documents), "\n---\n") {
		document = strings.TrimPrefix(document, "---\n")
		if document == "" {
			continue
		}
		var of metav1.TypeMeta
		if err := yaml.Unmarshal([]byte(document), &of); err != nil {
			t.Fatal(err)
		}
		var into any
		if of.Kind == "ScaledObject" {
			into = &scaledObject{}
		} else if typed, err := linked.New(of.GroupVersionKind()); err == nil {
			into = typed
		} else if isOptional(of.GroupVersionKind()) {
			continue // Of another project, whose types are not linked.
		} else {
			t.Errorf("document of an unknown kind: %s", document)
			continue
		}
		if err := yaml.UnmarshalStrict([]byte(document), into); err != nil {
			t.Errorf("%s is not what the API knows: %v\n%s", of.Kind, err, document)
		}
	}
}

// isOptional reports whether a kind and version is one that a way into the
// cluster makes of another project's.
func isOptional(gvk schema.GroupVersionKind) bool {
	return slices.ContainsFunc(expand.Ways(), func(w expand.Way) bool {
		return slices.ContainsFunc(w.Kinds, func(k expand.Kind) bool { return k.Optional && k.GroupVersionKind == gvk })
	})
}

// scaledObject has the fields that KEDA knows.
type scaledObject struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata"`
	Spec              struct {
		v1.KEDASpec    `json:",inline"`
		ScaleTargetRef autoscalingv2.CrossVersionObjectReference `json:"scaleTargetRef"`
	} `json:"spec"`
}

// readable shows what is told to executors, which the documents hold encoded.
func readable(t *testing.T, objects []expand.Object) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, o := range objects {
		encoded := enginePredictor(o)
		if encoded == "" {
			continue
		}
		text, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil {
			t.Fatal(err)
		}
		var predictor any
		if err := json.Unmarshal(text, &predictor); err != nil {
			t.Fatal(err)
		}
		document, err := yaml.Marshal(map[string]any{"ENGINE_PREDICTOR of " + o.GetName(): predictor})
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(document)) {
			out.WriteString("# " + line)
		}
	}
	return out.Bytes()
}

func enginePredictor(o expand.Object) string {
	d, ok := o.(*appsv1.Deployment)
	if !ok {
		return ""
	}
	for _, c := range d.Spec.Template.Spec.Containers {
		for _, e := range c.Env {
			if e.Name == "ENGINE_PREDICTOR" {
				return e.Value
			}
		}
	}
	return ""
}

// firstDeployment is that of the first predictor's first pod.
func firstDeployment(t *testing.T, objects []expand.Object) *appsv1.Deployment {
	t.Helper()
	for _, o := range objects {
		if d, ok := o.(*appsv1.Deployment); ok {
			return d
		}
	}
	t.Fatal("there is no Deployment")
	return nil
}

func compare(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v; make golden writes it", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("output differs, -want +got (make golden rewrites it):\n%s", diff)
	}
}

func readInput(t *testing.T, path string) expand.Input {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	documents, problems, err := v1.Decode(filepath.Base(path), bytes.NewReader(text))
	if err != nil || len(problems) > 0 || len(documents) != 1 {
		t.Fatalf("%d documents, error %v, problems %v", len(documents), err, problems)
	}
	var around surroundings
	around.env, around.configMap = map[string]string{}, map[string]string{}
	for line := range strings.Lines(string(text)) {
		what, rest, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "# "), " ")
		name, value, _ := strings.Cut(rest, "=")
		switch {
		case !strings.HasPrefix(line, "# "):
		case what == "setting":
			around.env[name] = value
		case what == "configmap":
			around.configMap[name] = value
		case what == "facts":
			if err := yaml.UnmarshalStrict([]byte(rest), &around.facts); err != nil {
				t.Fatal(err)
			}
		}
	}
	return around.input(t, documents[0].Deployment)
}

// surroundings are what a deployment's expansion depends on besides itself.
type surroundings struct {
	env, configMap map[string]string
	facts          expand.Facts
}

func input(t *testing.T, d *v1.SeldonDeployment, env map[string]string) expand.Input {
	t.Helper()
	return surroundings{env: env}.input(t, d)
}

func (s surroundings) input(t *testing.T, d *v1.SeldonDeployment) expand.Input {
	t.Helper()
	c, err := config.Parse(func(name string) (string, bool) { v, ok := s.env[name]; return v, ok })
	if err != nil {
		t.Fatal(err)
	}
	if c, err = c.WithConfigMap(s.configMap); err != nil {
		t.Fatal(err)
	}
	servers, err := manifests.Load()
	if err != nil {
		t.Fatal(err)
	}
	return expand.Input{Deployment: d, Config: c.Expand, Servers: c.Servers(servers), Facts: s.facts}
}

// TestEveryServerIsCovered: a prepackaged server comes with a golden pair.
func TestEveryServerIsCovered(t *testing.T) {
	inputs, err := filepath.Glob("testdata/*.in.yaml")
	if err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	for _, path := range inputs {
		d := readInput(t, path).Deployment
		for i := range d.Spec.Predictors {
			d.Spec.Predictors[i].Graph.Walk(func(_ string, n *graph.Node) { used[n.Implementation] = true })
		}
	}
	servers, err := manifests.Load()
	if err != nil {
		t.Fatal(err)
	}
	for name := range servers.Servers {
		if !used[name] {
			t.Errorf("no testdata/*.in.yaml has a node with implementation %s", name)
		}
	}
}

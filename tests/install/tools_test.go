package install

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/prime-radiant/radiant/tests/kit/tools"
)

const (
	root      = "../.."
	base      = root + "/manifests"
	chart     = base + "/helm/radiant-operator"
	namespace = "seldon-system"
	// kubeVersion is what Helm renders for where no cluster is asked.
	kubeVersion = "1.37.2"
)

// run returns the standard output of a program.
func run(program string, args ...string) ([]byte, error) {
	cmd := exec.Command(program, args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("running %s: %w\n%s", filepath.Base(program), err, stderr.String())
	}
	return out, nil
}

// kustomize builds a folder of manifests.
func kustomize(t *testing.T, folder string) []byte {
	t.Helper()
	out, err := run(tools.Path(t, "kustomize"), "build", folder)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// template renders the chart as release "radiant".
func template(t *testing.T, args ...string) ([]byte, error) {
	t.Helper()
	return run(tools.Path(t, "helm"), append([]string{"template", "radiant", chart, "-n", namespace, "--kube-version", kubeVersion}, args...)...)
}

// objects reads all objects of a YAML stream.
func objects(t *testing.T, text []byte) []*unstructured.Unstructured {
	t.Helper()
	var all []*unstructured.Unstructured
	for d := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 4096); ; {
		o := &unstructured.Unstructured{}
		err := d.Decode(&o.Object)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		if len(o.Object) > 0 {
			all = append(all, o)
		}
	}
}

// byName keys objects by kind and name.
func byName(all []*unstructured.Unstructured) map[string]*unstructured.Unstructured {
	named := map[string]*unstructured.Unstructured{}
	for _, o := range all {
		named[o.GetKind()+" "+o.GetName()] = o
	}
	return named
}
